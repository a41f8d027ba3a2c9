"""Verdicts as documents and bytes: JSON with RFC 3339 times and ranges of positions.

A document is a dictionary of `schema`; `encode` is the only way one becomes bytes, so equal documents are equal bytes
wherever they are made (the daemon and a backtest of the same records can be compared with `cmp`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import quote

import orjson

from daemon.core.messages.schema import VERDICT_SCHEMA, VerdictDocument
from daemon.core.positions import ranges
from daemon.core.types import OutRecord, TopicPartition, Verdict

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_GREATEST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
SCORE_DIGITS = 6
P_VALUE_DIGITS = 6


def rfc3339(time: int) -> str:
    """Return microseconds since the epoch as ``2026-11-22T10:41:07.123Z``.

    Milliseconds are cut, not rounded, so order is kept. Times outside the years 1 to 9999 are moved to their bounds.
    """
    when = _EPOCH + timedelta(microseconds=min(max(time, _LEAST), _GREATEST))
    return when.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def encode(document: Mapping[str, object]) -> bytes:
    """Return a document as JSON, one line, keys in the order of its type."""
    return orjson.dumps(document)


def cloud_event(
    *,
    id: str,  # noqa: A002 - the attribute's own name
    type: str,  # noqa: A002 - the attribute's own name
    source: TopicPartition,
    subject: str,
    time: int,
    schema: str,
    extensions: Mapping[str, str] | None = None,
) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of a CloudEvent in Kafka's binary mode (CloudEvents 1.0.2, Kafka protocol binding, 3.2).

    `source` becomes a URI path, so id and source together name an event for ever. `subject` may hold anything; an empty
    one is left out, since the specification wants no empty attribute.
    """
    attributes = {
        "specversion": "1.0",
        "id": id,
        "source": _uri(source),
        "type": type,
        "subject": subject,
        "time": rfc3339(time),
        "dataschema": schema,
        **(extensions or {}),
    }
    headers = [(f"ce_{name}", attribute_value(value)) for name, value in attributes.items() if value]
    return (("content-type", b"application/json"), *headers)


@lru_cache(maxsize=1024)
def _uri(source: TopicPartition) -> str:
    return f"/strayline/{quote(source.topic, safe='')}/{source.partition}"


def attribute_value(text: str) -> bytes:
    """Return a CloudEvents string as UTF-8, with what its type system forbids (control characters) percent-encoded."""
    if text.isprintable() and "%" not in text:
        return text.encode()
    return "".join(c if c.isprintable() and c != "%" else quote(c, safe="", errors="replace") for c in text).encode()


def verdict_document(verdict: Verdict) -> VerdictDocument:
    """Return what is published of a session."""
    session, judged = verdict.session, verdict.judgement
    return {
        "id": verdict.id,
        "scope": session.scope,
        "key": session.key,
        "start": rfc3339(session.start),
        "end": rfc3339(session.end),
        "lines": session.size,
        "tokens": session.tokens,
        "closed_by": session.closed_by.value,
        "pattern": verdict.pattern.id,
        "score": round(judged.score, SCORE_DIGITS),
        "similarity": None if judged.similarity is None else round(judged.similarity, SCORE_DIGITS),
        "p_value": None if judged.p_value is None else float(f"{judged.p_value:.{P_VALUE_DIGITS}g}"),
        "anomalous": judged.anomalous,
        "learned": judged.learned,
        "phase": judged.phase.value,
        "source": {
            "topic": verdict.source.topic,
            "partition": verdict.source.partition,
            "positions": ranges(session.positions),
        },
    }


def verdict_record(verdict: Verdict) -> OutRecord:
    """Return the verdict as the record for the verdicts topic: key is the scope."""
    return OutRecord(
        role="verdicts",
        key=verdict.session.scope.encode(),
        value=encode(verdict_document(verdict)),
        headers=cloud_event(
            id=verdict.id,
            type="strayline.verdict.v1",
            source=verdict.source,
            subject=verdict.session.key,
            time=verdict.session.end,
            schema=VERDICT_SCHEMA,
        ),
    )
