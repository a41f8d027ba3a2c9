"""A processor whose batches, stages and alerts are spans. Without a tracer none is wrapped, and nothing costs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Protocol

from daemon.config import Config
from daemon.core.stream import Processor, Settlement, Step
from daemon.core.types import Batch, OutRecord, RefusedText, TopicPartition, Vector
from daemon.errors import ConfigError


class Tracer(Protocol):
    """Makes spans; see `daemon.adapters.otel`."""

    def batch(self, source: TopicPartition, batch: Batch) -> AbstractContextManager[Any]:
        """Return a context that is a batch's span, and gives that span's context."""
        ...

    def stage(self, name: str) -> AbstractContextManager[Any]:
        """Return a context that is a stage's span."""
        ...

    def alert(self, record: OutRecord, made_by: Any) -> OutRecord:
        """Make an alert's span; return the alert with its ``traceparent``."""
        ...

    def close(self) -> None:
        """Export what is left."""
        ...


def make_tracer(config: Config) -> Tracer | None:
    """Return what exports spans, None where `tracing.endpoint` is not set. Raises ConfigError without its libraries."""
    if config.tracing.endpoint is None:
        return None
    if find_spec("opentelemetry.sdk") is None or find_spec("opentelemetry.exporter.otlp.proto.http") is None:
        raise ConfigError(["tracing.endpoint: needs OpenTelemetry; pip install 'strayline[otel]'"])
    from daemon.adapters.otel import OtelTracer

    return OtelTracer(config.tracing.endpoint, config.kafka.group_id, version("strayline"))


class TracedProcessor:
    """Does what another processor does, in spans. Implements `Processor`."""

    def __init__(self, processor: Processor, source: TopicPartition, tracer: Tracer) -> None:
        self._processor, self._source, self._tracer = processor, source, tracer
        self._last: Any = None

    @property
    def lost(self) -> int:
        """Return what the processor has lost."""
        return self._processor.lost

    @property
    def announces(self) -> bool:
        """Return whether the processor must be flushed while it is idle."""
        return self._processor.announces

    def step(self, batch: Batch | None, vectors: Mapping[str, Vector | RefusedText]) -> Step:
        """Let the processor take in a batch, in the batch's span."""
        if batch is None:
            return self._processor.step(batch, vectors)
        with self._tracer.batch(self._source, batch) as self._last:
            return self._processor.step(batch, vectors)

    def flush(self, idle: float) -> Step:
        """Flush the processor."""
        return self._processor.flush(idle)

    def skip(self, offset: int) -> None:
        """Let the processor continue at `offset`."""
        self._processor.skip(offset)

    def take(self) -> Settlement:
        """Return everything since the last `take`; alerts have the ``traceparent`` of their spans."""
        settlement = self._processor.take()
        if not settlement.alerts:
            return settlement
        records = [
            self._tracer.alert(record, self._last) if record.role == "alerts" else record
            for record in settlement.records
        ]
        return replace(settlement, records=records)
