"""Documents and headers of verdicts."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.messages.codec import attribute_value, encode, rfc3339, verdict_document, verdict_record
from daemon.core.positions import place, position_of, ranges
from daemon.core.types import OutRecord
from tests.support.cases import DEADLOCK, NOON, verdict


def kafka_message(record: OutRecord) -> KafkaMessage:
    """Return a record as the cloudevents library takes it."""
    assert record.value is not None
    return KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value)


def test_times_are_rfc3339_in_utc_with_milliseconds() -> None:
    """Microseconds are cut to milliseconds, before the epoch too."""
    assert ["2026-11-22T12:00:00.123Z", "1969-12-31T23:59:59.999Z"] == [rfc3339(NOON + 123_999), rfc3339(-1)]


@settings(deadline=None)
@given(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-(1 << 63), (1 << 63) - 1))
def test_times_keep_their_order_as_text(one: int, other: int) -> None:
    """Any time can be written, is read back by others, and sorts as text as it does as a number."""
    assert datetime.fromisoformat(rfc3339(one)).tzinfo is not None
    assert (one <= other) <= (rfc3339(one) <= rfc3339(other))


def test_place_names_the_line_of_a_record_of_many() -> None:
    """A position is its offset, with the line where the record holds many."""
    places = [position_of(0), position_of(140), position_of(140, 2), position_of(1 << 40, 999_999)]

    assert ["0", "140", "140:2", f"{1 << 40}:999999"] == [place(position) for position in places]
    assert [ranges(np.array([position]))[0] for position in places] == [place(position) for position in places]


def test_verdict_document_has_the_public_fields_in_order() -> None:
    """A verdict's document is exactly what the interface names."""
    document = verdict_document(DEADLOCK)

    names = (
        "id scope key start end lines tokens closed_by pattern score similarity p_value anomalous learned phase source"
    )

    assert names == " ".join(document)
    assert {"topic": "logs", "partition": 3, "positions": ["100-155"]} == document["source"]
    assert (56, 560, "gap", 0.0004, True, "live") == (
        document["lines"],
        document["tokens"],
        document["closed_by"],
        document["p_value"],
        document["anomalous"],
        document["phase"],
    )


def test_p_value_is_null_while_the_scope_warms_up() -> None:
    """No p-value is made up where there is nothing to rank against."""
    document = orjson.loads(encode(verdict_document(verdict({"a": 1}, p_value=None, anomalous=False))))

    assert (None, None, "warm_up") == (document["p_value"], document["similarity"], document["phase"])


def test_verdict_record_is_a_cloud_event_in_binary_mode() -> None:
    """The cloudevents library reads the record; key is the scope, time the session's end."""
    record = verdict_record(DEADLOCK)
    event = from_binary_event(kafka_message(record), JSONFormat())

    assert ("verdicts", b"payments") == (record.role, record.key)
    assert (DEADLOCK.id, "/strayline/logs/3", "strayline.verdict.v1", "host17") == (
        event.get_id(),
        event.get_source(),
        event.get_type(),
        event.get_subject(),
    )
    assert "2026-11-22T12:00:00+00:00" == str(event.get_time()).replace(" ", "T")
    assert verdict_document(DEADLOCK) == event.get_data()


@pytest.mark.parametrize("key", ["", "a\nb\x1b[31m", "ключ 鍵", "100%", "\x00"])
def test_any_session_key_makes_a_valid_event(key: str) -> None:
    """Control characters are percent-encoded, an empty subject is left out, other text stays as it is."""
    event = from_binary_event(kafka_message(verdict_record(verdict({"a": 1}, key=key))), JSONFormat())

    assert (event.get_subject() or "").isprintable()
    assert (key if key.isprintable() and "%" not in key else event.get_subject()) == (event.get_subject() or "")


def test_percent_signs_are_encoded_so_that_subjects_stay_different() -> None:
    """Two different keys never become one subject."""
    assert [b"a%0Ab", b"a%250Ab"] == [attribute_value("a\nb"), attribute_value("a%0Ab")]
