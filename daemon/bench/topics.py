"""A bench's own topics: made, filled, and removed again."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from daemon.adapters.kafka import KafkaSettings
from daemon.adapters.kafka_topics import create_topics
from daemon.building import kafka_settings
from daemon.config import Config

LINGER_BATCHES = 32


@asynccontextmanager
async def bench_topics(config: Config, inputs: int) -> AsyncIterator[tuple[Config, list[str]]]:
    """Make topics with names of their own; yield a configuration that leads to them, and the input topics."""
    stem = f"strayline-bench-{uuid.uuid4().hex[:8]}"
    logs = [f"{stem}.logs-{number}" for number in range(inputs)]
    named = {role: f"{stem}.{role}" for role in config.topics.named()}
    own = config.model_copy(
        update={
            "kafka": config.kafka.model_copy(update={"group_id": stem, "instance_id": None}),
            "input": config.input.model_copy(update={"topics": logs}),
            "topics": config.topics.model_copy(update=named),
        }
    )
    settings = kafka_settings(own)
    try:
        await create_topics(settings, logs, named, window=config.detector.window / 1e6, input_partitions=1)
        yield own, logs
    finally:
        admin = AIOKafkaAdminClient(**settings.connection())
        await admin.start()
        try:
            await admin.delete_topics([*logs, *named.values()])
        finally:
            await admin.close()


async def fill(settings: KafkaSettings, topic: str, lines: Iterable[tuple[int, bytes, bytes]]) -> None:
    """Write (time in microseconds, key, value) to partition 0, packed as shippers do."""
    producer = AIOKafkaProducer(**settings.connection(), compression_type="zstd", max_batch_size=256 * 1024)
    await producer.start()
    try:
        batch, under_way = producer.create_batch(), []
        for micros, key, value in lines:
            if batch.append(key=key, value=value, timestamp=micros // 1000) is None:
                under_way.append(await producer.send_batch(batch, topic, partition=0))
                batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=micros // 1000)
                if len(under_way) >= LINGER_BATCHES:
                    await asyncio.gather(*under_way)
                    under_way.clear()
        under_way.append(await producer.send_batch(batch, topic, partition=0))
        await asyncio.gather(*under_way)
    finally:
        await producer.stop()
