"""Traces of the daemon's own work, exported by OTLP over HTTP in the background.

A batch of records is a CONSUMER span, with links to the traces that its records were made in, and each stage of it is a
span inside. An alert is a span in the trace of the session that it is about, if the session's key is a trace id; so
whoever looks at that trace sees the alert, and the alert's ``traceparent`` leads back. No text of logs and no key is in
a span.

Spans tell what happened and promise nothing: they are sent before a transaction commits. The ids of an alert's span
are made from the alert's id, so one that is published again after a failure is the same span.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from hashlib import blake2b

import orjson
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from daemon.core.types import Batch, OutRecord, TopicPartition

TRACEPARENT = "traceparent"
MOST_LINKS = 100
"""Links of a batch's span; SDKs and backends keep 128 by default."""
FLUSH_SECONDS = 3.0
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_DESCRIBED = ("id", "scope", "severity", "status")


class _Ids(RandomIdGenerator):
    """Makes random ids, or the ones that were given for the next span."""

    def __init__(self) -> None:
        self.given: tuple[int, int] | None = None

    def generate_trace_id(self) -> int:
        return self.given[0] if self.given else super().generate_trace_id()

    def generate_span_id(self) -> int:
        return self.given[1] if self.given else super().generate_span_id()


class OtelTracer:
    """Makes spans and exports them to `endpoint`. Belongs to the thread that works on batches, but for `close`."""

    def __init__(self, endpoint: str, group: str, version: str) -> None:
        resource = Resource.create({"service.name": "strayline", "service.version": version})
        self._ids, self._group = _Ids(), group
        self._provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        self._tracer = self._provider.get_tracer("strayline", version)

    @contextmanager
    def batch(self, source: TopicPartition, batch: Batch) -> Iterator[trace.SpanContext]:
        """Make the span of a batch while the block runs; yield its context."""
        attributes: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.destination.name": source.topic,
            "messaging.destination.partition.id": str(source.partition),
            "messaging.consumer.group.name": self._group,
            "messaging.batch.message_count": len(batch),
        }
        name, links = f"process {source.topic}", _links(batch)
        kind = trace.SpanKind.CONSUMER
        with self._tracer.start_as_current_span(
            name, context.Context(), kind=kind, attributes=attributes, links=links
        ) as span:
            yield span.get_span_context()

    def stage(self, name: str) -> AbstractContextManager[object]:
        """Return a context that makes a stage's span inside a batch's, and nothing outside."""
        if not trace.get_current_span().is_recording():
            return nullcontext()
        return self._tracer.start_as_current_span(name)

    def alert(self, record: OutRecord, made_by: trace.SpanContext | None) -> OutRecord:
        """Make the span of an alert, with a link to the batch that made it; return the record with ``traceparent``."""
        alert = orjson.loads(record.value or b"{}")
        incident = alert["incident"]
        digest = blake2b(f"{alert['id']} {incident['messages']}".encode(), digest_size=24).digest()
        key = str(alert.get("key") or "")
        own = int(key, 16) if _TRACE_ID.fullmatch(key) else 0
        ids = own or int.from_bytes(digest[:16]), int.from_bytes(digest[16:])
        attributes = {f"strayline.alert.{name}": str(alert[name]) for name in _DESCRIBED if name in alert}
        attributes |= {f"strayline.incident.{name}": str(incident[name]) for name in ("id", "event")}
        self._ids.given = ids
        try:
            span = self._tracer.start_span(
                f"alert {incident['event']}",
                context.Context(),
                kind=trace.SpanKind.PRODUCER,
                attributes=attributes,
                links=[trace.Link(made_by)] if made_by is not None else [],
            )
        finally:
            self._ids.given = None
        span.end()
        sampled = span.get_span_context().trace_flags & trace.TraceFlags.SAMPLED
        parent = f"00-{ids[0]:032x}-{ids[1]:016x}-{sampled:02x}"
        return replace(record, headers=[*record.headers, (TRACEPARENT, parent.encode())])

    def close(self) -> None:
        """Export what is left, for at most about `FLUSH_SECONDS`. Blocks."""
        self._provider.force_flush(round(FLUSH_SECONDS * 1_000))
        self._provider.shutdown()


def _links(batch: Batch) -> list[trace.Link]:
    """Return links to the traces that a batch's records were made in, evenly picked where there are many."""
    with_parent = [
        (offset, parent)
        for offset, headers in zip(batch.offsets, batch.headers, strict=False)
        for parent in _parents(headers)
    ]
    step = max(1, -(-len(with_parent) // MOST_LINKS))
    links = []
    for offset, parent in with_parent[::step]:
        carrier: Mapping[str, str] = {TRACEPARENT: parent}
        made_in = trace.get_current_span(TraceContextTextMapPropagator().extract(carrier)).get_span_context()
        if made_in.is_valid:
            links.append(trace.Link(made_in, {"messaging.kafka.offset": offset}))
    return links


def _parents(headers: Sequence[tuple[str, bytes]]) -> Iterator[str]:
    return (value.decode("ascii", "replace") for name, value in headers if name == TRACEPARENT and value)
