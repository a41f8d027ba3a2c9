"""The daemon's side of the comparison: its own pipeline on a topic, and its parts that talk to Kafka."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from time import process_time

from prometheus_client import CollectorRegistry

from daemon.adapters.kafka import KafkaBroker, KafkaMembership, KafkaSettings
from daemon.config import Config
from daemon.core.types import Batch, OutRecord, TopicPartition
from daemon.errors import UnavailableError
from daemon.metrics import Metrics
from daemon.ports import Engine
from daemon.runtime import Embedder, Follower, Partition, Pipeline, Shared, WorkerThread
from daemon.wiring import make_detector, make_processors, make_terms

PATIENCE_S = 600.0


@dataclass(frozen=True, slots=True)
class _Holding:
    """A listener that reads everything from `start`."""

    start: int

    async def revoked(self) -> None:
        """Nothing is under way."""

    def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        """Begin at the start."""
        return dict.fromkeys(partitions, self.start)


async def fetch(settings: KafkaSettings, topic: str, start: int, count: int) -> tuple[float, list[Batch]]:
    """Return the CPU seconds that the daemon's membership takes for `count` records, and their batches."""
    membership = KafkaMembership(settings, [topic])
    await membership.start(_Holding(start))
    place, read, batches = TopicPartition(topic, 0), 0, list[Batch]()
    begin = process_time()
    try:
        while read < count:
            for batch in await membership.poll([place], 0.2):
                batches.append(batch.rows(range(count - read)) if len(batch) > count - read else batch)
                read += len(batch)
        return process_time() - begin, batches
    finally:
        await membership.close()


class RunningReplica:
    """The pipeline at work on one topic with one partition."""

    def __init__(self, pipeline: Pipeline, running: asyncio.Task[None], broker: KafkaBroker, config: Config) -> None:
        self._pipeline, self._running, self._broker = pipeline, running, broker
        self._source = TopicPartition(config.input.topics[0], 0)
        self._observations = TopicPartition(config.topics.observations, 0)

    async def to(self, end: int) -> None:
        """Wait until everything below the offset `end` is read, judged as far as it can be, and committed.

        So is what was observed of it: incidents lag behind the lines.
        """
        await self._settle(self._source, end)
        written = await self._broker.high_water(self._observations.topic, self._observations.partition)
        await self._settle(self._observations, written - 1)  # the last offset is that of a transaction's commit

    async def _settle(self, source: TopicPartition, end: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            if self._running.done():
                self._running.result()
            partition = next((p for p in self._pipeline.partitions if p.source == source), None)
            if partition is not None and partition.expected >= end and partition.quiet:
                return await partition.settle()
            if time.monotonic() > deadline:
                raise UnavailableError(f"{source} was not read within {PATIENCE_S:.0f} s")
            await asyncio.sleep(0.02)


@asynccontextmanager
async def replica(config: Config, broker: KafkaBroker, engine: Engine) -> AsyncIterator[RunningReplica]:
    """Run the pipeline on the configured input, with all that the service gives it except HTTP and signals."""
    thread, detector, metrics = WorkerThread(), make_detector(config, engine), Metrics(CollectorRegistry())
    # Silence must not end a session: what is open when everything has been read is not part of it.
    terms = replace(make_terms(config, 1), idle_flush=PATIENCE_S)
    follower = Follower(broker, config.topics.baseline, detector, thread)
    following = asyncio.create_task(follower.run())
    embedder = Embedder(engine, metrics)
    shared = Shared(broker, thread, detector, embedder, follower, metrics, terms, broker.transactions)
    await follower.restored()
    processors = make_processors(config, engine, detector, lambda: follower.position)
    topics = list(processors.by_topic)
    pipeline = Pipeline(broker, topics, lambda source: Partition(source, shared, processors), metrics)
    running = asyncio.create_task(pipeline.run())
    try:
        yield RunningReplica(pipeline, running, broker, config)
    finally:
        for task in (running, following):
            task.cancel()
        await asyncio.gather(running, following, return_exceptions=True)
        await pipeline.close()
        await embedder.close()
        thread.close()


async def commit(broker: KafkaBroker, topic: str, commits: Sequence[tuple[Sequence[OutRecord], int]]) -> float:
    """Return the CPU seconds of these transactions."""
    producer = broker.transactions(TopicPartition(topic, 0))
    await producer.start()
    try:
        begin = process_time()
        for records, low in commits:
            await producer.commit(records, low)
        return process_time() - begin
    finally:
        await producer.close()
