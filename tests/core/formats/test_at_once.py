"""Values that would take very much memory as objects are dead letters; what is only long is read."""

from __future__ import annotations

import pytest

from daemon.core.formats import FormatSettings, make_format
from daemon.core.formats.at_once import MAX_MESSAGES, MAX_PARTS
from daemon.core.types import Batch, Parsed, TopicPartition

EMPTY = b"[" + b",".join([b"[]"] * MAX_PARTS) + b"]"
"""One array more than a value may have."""
FULL = b"[" + b",".join([b"[]"] * (MAX_PARTS - 2)) + b"]"
JSON = {
    "json": b'{"message": "m", "more": %s}',
    "gelf": b'{"short_message": "m", "more": %s}',
    "azure": b'{"message": "m", "more": %s}',
    "otlp": b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "m"}}]}]}], "more": %s}',
}


def read(format_: str, values: list[bytes], headers: list[tuple[str, bytes]] | None = None) -> Parsed:
    count = len(values)
    given = [headers] * count if headers else ()
    batch = Batch(TopicPartition("logs", 0), range(count), [-1] * count, [None] * count, values, given)
    return make_format(FormatSettings(format_)).parse(batch)


@pytest.mark.parametrize("format_", JSON)
def test_a_value_of_millions_of_arrays_is_a_dead_letter(format_: str) -> None:
    """Its neighbours are read."""
    parsed = read(format_, [JSON[format_] % b"[]", JSON[format_] % EMPTY, JSON[format_] % b"1"])

    assert [(1, "too_many_parts", f"the value holds more than {MAX_PARTS:,} objects and arrays")] == [
        (reject.row, reject.reason, reject.detail) for reject in parsed.rejects
    ]
    assert ["m", "m"] == parsed.lines["text"].to_list()


def test_a_value_with_as_many_as_it_may_have_is_read() -> None:
    """The object around it counts, too."""
    assert ["m"] == read("json", [JSON["json"] % FULL]).lines["text"].to_list()


def test_the_data_of_an_event_is_counted_alone() -> None:
    """In binary mode the value is the data."""
    parsed = read("cloudevents", [EMPTY], [("ce_specversion", b"1.0")])

    assert ["too_many_parts"] == [reject.reason for reject in parsed.rejects]


def test_an_otlp_value_of_millions_of_messages_is_a_dead_letter() -> None:
    """An empty log record takes two bytes, and 138 as an object; a long text is only long."""
    text = b"2" * (MAX_MESSAGES - 100) + b"x" * MAX_MESSAGES

    parsed = read("otlp", [_otlp(b"\x12\x00" * (MAX_MESSAGES + 1)), _otlp(_field(2, _field(5, _field(1, text))))])

    assert [(0, "too_many_parts", f"the value may hold more than {MAX_MESSAGES:,} messages")] == [
        (reject.row, reject.reason, reject.detail) for reject in parsed.rejects
    ]
    assert [len(text)] == parsed.lines["text"].str.len_bytes().to_list()


def _otlp(records: bytes) -> bytes:
    return _field(1, _field(2, records))


def _field(number: int, content: bytes) -> bytes:
    size, left = bytearray(), len(content)
    while left > 0x7F:
        size.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([number << 3 | 2, *size, left]) + content
