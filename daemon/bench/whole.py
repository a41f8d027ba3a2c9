"""The two sides of the comparison: the raw client reading a topic, and the daemon's own pipeline on the same topic."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from time import process_time

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from prometheus_client import CollectorRegistry

from daemon.adapters.kafka import FETCH_BYTES, KafkaBroker, KafkaMembership, KafkaSettings
from daemon.building import make_lanes, make_terms
from daemon.config import Config
from daemon.core.detector import Detector
from daemon.core.records import Batch, OutRecord, TopicPartition
from daemon.embedding import Embedder
from daemon.errors import UnavailableError
from daemon.following import Follower
from daemon.metrics import Metrics
from daemon.partition import Partition, Shared
from daemon.pipeline import Patience, Pipeline
from daemon.ports import Engine
from daemon.worker_thread import WorkerThread

PATIENCE_S = 600.0
RAW_RECORDS = 50_000


async def read_raw(settings: KafkaSettings, topic: str, count: int) -> float:
    """Return the CPU seconds that `getmany` takes for all records of partition 0, with the daemon's own options."""
    consumer = AIOKafkaConsumer(
        **settings.connection(),
        isolation_level="read_committed",
        enable_auto_commit=False,
        max_partition_fetch_bytes=FETCH_BYTES,
        max_poll_records=RAW_RECORDS,
    )
    await consumer.start()
    try:
        place = KafkaPartition(topic, 0)
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        begin, read = process_time(), 0
        while read < count:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                read += len(records)
        return process_time() - begin
    finally:
        await consumer.stop()


class _Holding:
    """A listener that reads everything from the start."""

    async def revoked(self) -> None:
        """Nothing is under way."""

    def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        """Begin at the beginning."""
        return dict.fromkeys(partitions, 0)


async def fetch(settings: KafkaSettings, topic: str, count: int) -> tuple[float, list[Batch]]:
    """Return the CPU seconds that the daemon's membership takes for all records, and the batches."""
    membership = KafkaMembership(settings, [topic])
    await membership.start(_Holding())
    place, read, batches = TopicPartition(topic, 0), 0, list[Batch]()
    begin = process_time()
    try:
        while read < count:
            for batch in await membership.poll([place], 0.2):
                read += len(batch)
                batches.append(batch)
        return process_time() - begin, batches
    finally:
        await membership.close()


class Replica:
    """The pipeline with everything the service gives it, but for HTTP and signals; one detector over many runs."""

    def __init__(self, config: Config, broker: KafkaBroker, detector: Detector, engine: Engine) -> None:
        self.metrics = Metrics(CollectorRegistry())
        self._config, self._broker, self._detector, self._engine = config, broker, detector, engine
        self._thread = WorkerThread()
        # Silence must not end a run: what is open when everything has been read is no part of it.
        self._terms = replace(make_terms(config, 1), idle_flush=PATIENCE_S)

    async def read(self, topic: str, count: int) -> float:
        """Join, take in all of a topic, commit it; return the CPU seconds from joining to the last commit."""
        config = self._config
        follower = Follower(self._broker, config.topics.baseline, self._detector, self._thread)
        following = asyncio.create_task(follower.run())
        embedder = Embedder(self._engine, self.metrics)
        shared = Shared(self._broker, self._thread, self._detector, embedder, follower, self.metrics, self._terms)
        await follower.restored()
        lanes = make_lanes(config, self._engine, self._detector, lambda: follower.position)
        begin = process_time()
        pipeline = Pipeline(
            self._broker, [topic, config.topics.feedback], lambda source: Partition(source, shared, lanes), Patience()
        )
        running = asyncio.create_task(pipeline.run())
        try:
            await _reached(pipeline, running, TopicPartition(topic, 0), count)
            await pipeline.drain()
            return process_time() - begin
        finally:
            for task in (running, following):
                task.cancel()
            await asyncio.gather(running, following, return_exceptions=True)
            await pipeline.close()
            await embedder.close()

    def close(self) -> None:
        """Let go of the thread."""
        self._thread.close()


async def _reached(pipeline: Pipeline, running: asyncio.Task[None], source: TopicPartition, end: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        if running.done():
            running.result()
        partition = next((p for p in pipeline.partitions if p.source == source), None)
        if partition is not None and partition.expected >= end and partition.quiet:
            return
        if time.monotonic() > deadline:
            raise UnavailableError(f"{source} was not read within {PATIENCE_S:.0f} s")
        await asyncio.sleep(0.02)


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
