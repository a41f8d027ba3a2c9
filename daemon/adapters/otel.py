"""Traces of the daemon's own work, exported by OTLP over HTTP in the background.

A batch of records is a CONSUMER span, with links to the traces that its records were made in, and each stage of it is a
span inside. A request to the engine and a transaction are spans in the trace of the first batch that they are made
for, with links to the others. An alert is a span in the trace of the session that it is about, if the session's key is
a trace id; so whoever looks at that trace sees the alert, and the alert's ``traceparent`` leads back. No text of logs
and no key is in a span; of an error, its type.

Spans tell what happened and promise nothing: those of batches and alerts are sent before a transaction commits. The ids
of an alert's span are made from the alert's id, so one that is published again after a failure is the same span.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
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
_GIVEN: ContextVar[tuple[int, int] | None] = ContextVar("ids of the next span", default=None)


class _Ids(RandomIdGenerator):
    """Makes random ids, or the ones that were given for the next span."""

    def generate_trace_id(self) -> int:
        return given[0] if (given := _GIVEN.get()) else super().generate_trace_id()

    def generate_span_id(self) -> int:
        return given[1] if (given := _GIVEN.get()) else super().generate_span_id()


class OtelTracer:
    """Makes spans and exports them to `endpoint`. Thread-safe."""

    def __init__(self, endpoint: str, group: str, version: str) -> None:
        resource = Resource.create({"service.name": "strayline", "service.version": version})
        self._group = group
        self._provider = TracerProvider(resource=resource, id_generator=_Ids(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        self._tracer = self._provider.get_tracer("strayline", version)

    @contextmanager
    def batch(self, source: TopicPartition, batch: Batch) -> Iterator[trace.SpanContext]:
        """Make the span of a batch while the block runs; yield its context."""
        attributes = self._place(source, "process", len(batch))
        name, links, kind = f"process {source.topic}", _links(batch), trace.SpanKind.CONSUMER
        span = self._tracer.start_span(name, context.Context(), kind, attributes, links)
        with _current(span):
            yield span.get_span_context()

    def stage(self, name: str) -> AbstractContextManager[object]:
        """Return a context that makes a stage's span inside a batch's, and nothing outside."""
        if not trace.get_current_span().is_recording():
            return nullcontext()
        return _current(self._tracer.start_span(name))

    def request(self, model: str, texts: int, asked_by: Sequence[trace.SpanContext]) -> AbstractContextManager[object]:
        """Return a context that makes the span of a request to the engine, in the trace of the first batch."""
        attributes: dict[str, str | int] = {
            "gen_ai.operation.name": "embeddings",
            "gen_ai.request.model": model,
            "strayline.embedding.texts": texts,
        }
        return self._within(asked_by, f"embeddings {model}", attributes)

    def commit(
        self, source: TopicPartition, records: int, low: int, work_of: Sequence[trace.SpanContext]
    ) -> AbstractContextManager[object]:
        """Return a context that makes the span of a transaction, in the trace of the first batch."""
        attributes = self._place(source, "settle", records) | {"messaging.kafka.offset": low}
        return self._within(work_of, f"commit {source.topic}", attributes)

    def _place(self, source: TopicPartition, operation: str, messages: int) -> dict[str, str | int]:
        return {
            "messaging.system": "kafka",
            "messaging.operation.type": operation,
            "messaging.destination.name": source.topic,
            "messaging.destination.partition.id": str(source.partition),
            "messaging.consumer.group.name": self._group,
            "messaging.batch.message_count": messages,
        }

    def _within(
        self, batches: Sequence[trace.SpanContext], name: str, attributes: Mapping[str, str | int]
    ) -> AbstractContextManager[object]:
        """Return a context that makes a span in the trace of the first of `batches`, with links to the others."""
        parent = context.Context()
        if batches:
            parent = trace.set_span_in_context(trace.NonRecordingSpan(batches[0]), parent)
        links = [trace.Link(batch) for batch in batches[1 : MOST_LINKS + 1]]
        return _current(self._tracer.start_span(name, parent, trace.SpanKind.CLIENT, attributes, links))

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
        token = _GIVEN.set(ids)
        try:
            span = self._tracer.start_span(
                f"alert {incident['event']}",
                context.Context(),
                kind=trace.SpanKind.PRODUCER,
                attributes=attributes,
                links=[trace.Link(made_by)] if made_by is not None else [],
            )
        finally:
            _GIVEN.reset(token)
        span.end()
        sampled = span.get_span_context().trace_flags & trace.TraceFlags.SAMPLED
        parent = f"00-{ids[0]:032x}-{ids[1]:016x}-{sampled:02x}"
        return replace(record, headers=[*record.headers, (TRACEPARENT, parent.encode())])

    def close(self) -> None:
        """Export what is left, for at most about `FLUSH_SECONDS`. Blocks."""
        self._provider.force_flush(round(FLUSH_SECONDS * 1_000))
        self._provider.shutdown()


@contextmanager
def _current(span: trace.Span) -> Iterator[trace.Span]:
    """Make `span` the current one while the block runs, then end it. An error leaves its type: a message may quote."""
    with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(trace.StatusCode.ERROR)
            raise


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
