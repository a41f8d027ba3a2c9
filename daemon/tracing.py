"""Batches, stages, alerts, requests to the engine and transactions as spans, each made around what does the work.

Without a tracer nothing is wrapped, and nothing costs.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from daemon.config import Config
from daemon.core.stream import Processor, Settlement, Step
from daemon.core.types import Batch, Embeddable, OutRecord, RefusedText, TopicPartition, Vector
from daemon.errors import ConfigError
from daemon.ports import TextEngine, Transactions

MOST_TEXTS = 4_096
"""Texts whose batches are remembered until the engine is asked."""
MOST_BATCHES = 128
"""Batches that are remembered until their transaction."""


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

    def request(self, model: str, texts: int, asked_by: Sequence[Any]) -> AbstractContextManager[Any]:
        """Return a context that is the span of a request to the engine, for batches of these contexts."""
        ...

    def commit(
        self, source: TopicPartition, records: int, low: int, work_of: Sequence[Any]
    ) -> AbstractContextManager[Any]:
        """Return a context that is the span of a transaction with the work of batches of these contexts."""
        ...

    def close(self) -> None:
        """Export what is left."""
        ...


class BatchSpans:
    """The spans of batches whose patterns wait for vectors, or whose lines wait for a transaction. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._by_text: dict[int, Any] = {}
        self._stepped = defaultdict[TopicPartition, deque[Any]](lambda: deque(maxlen=MOST_BATCHES))
        self._taken: dict[TopicPartition, Sequence[Any]] = {}

    def stepped(self, source: TopicPartition, batch: Any) -> None:
        """Note that a batch was worked on."""
        with self._lock:
            self._stepped[source].append(batch)

    def missing(self, batch: Any, patterns: Sequence[Embeddable]) -> None:
        """Note which batch the vectors of `patterns` are for."""
        with self._lock:
            for pattern in patterns:
                self._by_text[hash(pattern.text)] = batch
            for text in list(self._by_text)[: max(0, len(self._by_text) - MOST_TEXTS)]:
                del self._by_text[text]

    def taken(self, source: TopicPartition) -> None:
        """Note that a transaction begins with all that was worked on."""
        with self._lock:
            self._taken[source] = list(self._stepped.pop(source, ()))

    def of_texts(self, texts: Sequence[str]) -> Sequence[Any]:
        """Return the batches that texts are embedded for, each once."""
        with self._lock:
            batches = [self._by_text[text] for text in map(hash, texts) if text in self._by_text]
        return list({id(batch): batch for batch in batches}.values())

    def of_commit(self, source: TopicPartition) -> Sequence[Any]:
        """Return the batches that are in a partition's transaction."""
        with self._lock:
            return self._taken.pop(source, ())


@dataclass(frozen=True, slots=True)
class Tracing:
    """What makes spans, and what it has to know of earlier ones."""

    tracer: Tracer
    batches: BatchSpans

    def transactions(
        self, producers: Callable[[TopicPartition], Transactions]
    ) -> Callable[[TopicPartition], Transactions]:
        """Return what makes the producers of `producers` with their transactions in spans."""
        return lambda source: TracedTransactions(producers(source), source, self)


def make_tracing(config: Config) -> Tracing | None:
    """Return what exports spans, None where `tracing.endpoint` is not set. Raises ConfigError without its libraries."""
    if config.tracing.endpoint is None:
        return None
    if find_spec("opentelemetry.sdk") is None or find_spec("opentelemetry.exporter.otlp.proto.http") is None:
        raise ConfigError(["tracing.endpoint: needs OpenTelemetry; pip install 'strayline[otel]'"])
    from daemon.adapters.otel import OtelTracer

    tracer = OtelTracer(config.tracing.endpoint, config.kafka.group_id, version("strayline"))
    return Tracing(tracer, BatchSpans())


class TracedProcessor:
    """Does what another processor does, in spans. Implements `Processor`."""

    def __init__(self, processor: Processor, source: TopicPartition, tracing: Tracing) -> None:
        self._processor, self._source = processor, source
        self._tracer, self._batches = tracing.tracer, tracing.batches
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
            return self._noted(self._processor.step(batch, vectors))
        with self._tracer.batch(self._source, batch) as self._last:
            self._batches.stepped(self._source, self._last)
            return self._noted(self._processor.step(batch, vectors))

    def flush(self, idle: float) -> Step:
        """Flush the processor."""
        return self._noted(self._processor.flush(idle))

    def skip(self, offset: int) -> None:
        """Let the processor continue at `offset`."""
        self._processor.skip(offset)

    def take(self) -> Settlement:
        """Return everything since the last `take`; alerts have the ``traceparent`` of their spans."""
        settlement = self._processor.take()
        self._batches.taken(self._source)
        if not settlement.alerts:
            return settlement
        records = [
            self._tracer.alert(record, self._last) if record.role == "alerts" else record
            for record in settlement.records
        ]
        return replace(settlement, records=records)

    def _noted(self, step: Step) -> Step:
        if self._last is not None and step.missing:
            self._batches.missing(self._last, step.missing)
        return step


class TracedEngine:
    """Embeds by another engine, each request in a span. Implements `TextEngine`."""

    def __init__(self, engine: TextEngine, tracing: Tracing) -> None:
        self._engine, self._tracing = engine, tracing

    @property
    def model(self) -> str:
        """Return the engine's name of its vectors."""
        return self._engine.model

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts, in a span of the first batch that wants one of them."""
        asked_by = self._tracing.batches.of_texts(texts)
        with self._tracing.tracer.request(self._engine.model, len(texts), asked_by):
            return await self._engine.embed(texts)


class TracedTransactions:
    """Commits by another producer, each transaction in a span. Implements `Transactions`."""

    def __init__(self, transactions: Transactions, source: TopicPartition, tracing: Tracing) -> None:
        self._transactions, self._source, self._tracing = transactions, source, tracing

    async def start(self) -> None:
        """Take over."""
        await self._transactions.start()

    async def commit(self, records: Sequence[OutRecord], low: int) -> None:
        """Publish together, in a span of the first batch whose work it is."""
        work_of = self._tracing.batches.of_commit(self._source)
        with self._tracing.tracer.commit(self._source, len(records), low, work_of):
            await self._transactions.commit(records, low)

    async def close(self) -> None:
        """Close the producer."""
        await self._transactions.close()
