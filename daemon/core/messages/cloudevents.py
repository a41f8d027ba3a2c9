"""Envelopes: the headers of a CloudEvent in Kafka's binary mode (CloudEvents 1.0.2, Kafka protocol binding, 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

from daemon.core.messages.json import rfc3339
from daemon.core.types import TopicPartition


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
    """Return the headers of one event.

    `source` becomes a URI path, so id and source together identify an event. `subject` may be any text; an empty
    one is left out, because the specification allows no empty attribute. `time` is in microseconds since the epoch.
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
    """Return a CloudEvents string as UTF-8; characters that its type forbids (controls) are percent-encoded."""
    if text.isprintable() and "%" not in text:
        return text.encode()
    return "".join(c if c.isprintable() and c != "%" else quote(c, safe="", errors="replace") for c in text).encode()
