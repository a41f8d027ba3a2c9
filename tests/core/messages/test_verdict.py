"""Documents and headers of verdicts."""

from __future__ import annotations

import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cloudevents.core.formats.json import JSONFormat

from daemon.core.messages import encode, verdict_document, verdict_record
from daemon.core.types import OutRecord
from tests.support.cases import DEADLOCK, verdict


def kafka_message(record: OutRecord) -> KafkaMessage:
    """Return a record as the cloudevents library takes it."""
    assert record.value is not None
    return KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value)


def test_verdict_document_has_the_public_fields_in_order() -> None:
    """A verdict's document is exactly what the interface names."""
    document = verdict_document(DEADLOCK)

    names = (
        "id scope key start end lines tokens closed_by pattern score similarity p_value anomalous clues learned phase"
        " source"
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
