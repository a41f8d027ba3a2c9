"""Dead letters: the record as it was, and why it could not be read."""

from __future__ import annotations

import pytest

from daemon.core.masking import RedactionSettings
from daemon.core.messages.dead_letters import LARGEST, PREFIX, dead_letter
from daemon.core.types import Batch, OutRecord, Reject, TopicPartition

BATCH = Batch(
    source=TopicPartition("logs", 3),
    offsets=[7, 8],
    timestamps=[1, 2],
    keys=[b"k\xff", None],
    values=[b"\xff\xfe password=hunter2", None],
    headers=[[("origin", b"\x01\x02")], []],
)


def reject_of(letter: OutRecord) -> dict[str, str]:
    """The context headers by their short names."""
    return {name[len(PREFIX) :]: value.decode() for name, value in letter.headers if name.startswith(PREFIX)}


def test_key_value_and_own_headers_are_untouched() -> None:
    """The dead letter is the record byte for byte, its headers first."""
    letter = dead_letter(BATCH, Reject(0, 7, "not_utf8", "byte 0"), name="strayline", task=3)

    assert ("dead_letters", b"k\xff", b"\xff\xfe password=hunter2", ("origin", b"\x01\x02")) == (
        letter.role,
        letter.key,
        letter.value,
        letter.headers[0],
    )


def test_headers_are_those_of_kafka_connect() -> None:
    """All ten context headers are there, under Connect's names, in its order, as text."""
    letter = dead_letter(BATCH, Reject(0, 7, "not_utf8", "byte 0"), name="strayline", task=3)

    assert {
        "topic": "logs",
        "partition": "3",
        "offset": "7",
        "connector.name": "strayline",
        "task.id": "3",
        "stage": "VALUE_CONVERTER",
        "class.name": "daemon.core.formats.Format",
        "exception.class.name": "daemon.errors.DataError",
        "exception.message": "not_utf8: byte 0",
        "exception.stacktrace": "daemon.errors.DataError: not_utf8: byte 0\n\tat daemon.core.formats.Format",
    } == reject_of(letter)
    assert list(reject_of(letter)) == [name.removeprefix("__connect.errors.") for name, _ in letter.headers[1:]]


def test_record_without_key_value_and_headers_is_kept_so() -> None:
    """A null key and a null value stay null."""
    bare = Batch(BATCH.source, BATCH.offsets, BATCH.timestamps, BATCH.keys, BATCH.values)
    letter = dead_letter(bare, Reject(1, 8, "empty", "null value"), name="strayline")

    assert (None, None, 10) == (letter.key, letter.value, len(letter.headers))


def test_second_trip_appends_headers_so_that_the_last_ones_count() -> None:
    """A dead letter that fails again keeps the first failure and has the second last, as in Connect."""
    first = dead_letter(BATCH, Reject(0, 7, "not_utf8", "byte 0"), name="strayline")
    again = Batch(TopicPartition("dead", 0), [0], [3], [first.key], [first.value], [first.headers])
    second = dead_letter(again, Reject(0, 0, "not_json", "line 1"), name="other")

    assert ("not_json: line 1", 21) == (reject_of(second)["exception.message"], len(second.headers))


def test_secrets_leave_key_value_and_headers_where_that_is_asked_for() -> None:
    """With redaction settings the record's own parts have no secrets; the reason is the same, null stays null."""
    batch = Batch(
        source=BATCH.source,
        offsets=[7, 8],
        timestamps=[1, 2],
        keys=[b"token=Qm7xT2vR9kLp", None],
        values=[b'\xff {"password":"hunter2222"}', None],
        headers=[[("authorization", b"x"), ("note", b"api_key=Qm7xT2vR9kLp")], []],
    )
    reject, none = Reject(0, 7, "not_utf8", "byte 0"), Reject(1, 8, "empty", "null value")
    letter = dead_letter(batch, reject, name="strayline", redaction=RedactionSettings())

    assert (b"token=<SECRET>", '\ufffd {"password":<SECRET>}'.encode()) == (letter.key, letter.value)
    assert (("authorization", b"x"), ("note", b"api_key=<SECRET>")) == letter.headers[:2]
    assert reject_of(dead_letter(batch, reject, name="strayline")) == reject_of(letter)
    assert dead_letter(batch, none, name="strayline", redaction=RedactionSettings()).value is None


@pytest.mark.parametrize(("redaction", "fits"), [(None, LARGEST), (RedactionSettings(), LARGEST // 3)])
def test_what_no_topic_holds_is_left_out(redaction: RedactionSettings | None, fits: int) -> None:
    """A letter that could never be written would stop its partition; the message says what is missing."""
    values, keys, headers = [bytes(fits + 1), b"v", bytes(fits)], [b"k", bytes(fits + 1), None], [[], [("h", b"x")], []]
    large = Batch(BATCH.source, [1, 2, 3], [0, 0, 0], keys, values, headers)
    letters = [
        dead_letter(large, Reject(row, 1 + row, "bad", "why"), name="g", redaction=redaction) for row in range(3)
    ]

    assert [(b"k", None), (None, b"v"), (None, bytes(fits))] == [(letter.key, letter.value) for letter in letters]
    assert [10, 10, 10] == [len(letter.headers) for letter in letters]
    assert [
        f"bad: why; its value of {fits + 1:,} bytes is left out",
        f"bad: why; its key and headers are left out, they are larger than {LARGEST:,} bytes",
        "bad: why",
    ] == [reject_of(letter)["exception.message"] for letter in letters]
