"""A bench's own topics: created, filled, and removed again."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from daemon.adapters.kafka import KafkaSettings, create_topics
from daemon.bench.sources import Record
from daemon.config import Config
from daemon.wiring import kafka_settings

log = structlog.get_logger(__name__)

LINGER_BATCHES = 32


@asynccontextmanager
async def bench_topics(config: Config) -> AsyncIterator[tuple[Config, str]]:
    """Create topics with names of their own; yield a configuration that names them, and the input topic."""
    stem = f"strayline-bench-{uuid.uuid4().hex[:8]}"
    logs = f"{stem}.logs"
    named = {role: f"{stem}.{role}" for role in config.topics_in_use()}
    own = config.model_copy(
        update={
            "kafka": config.kafka.model_copy(update={"group_id": stem, "instance_id": None}),
            "input": config.input.model_copy(update={"topics": [logs]}),
            "topics": config.topics.model_copy(update=named),
        }
    )
    settings = kafka_settings(own)
    try:
        await create_topics(settings, [logs], named, window=config.detector.window / 1e6, input_partitions=1)
        yield own, logs
    finally:
        await _delete(settings, [logs, *named.values()])


async def _delete(settings: KafkaSettings, topics: Sequence[str]) -> None:
    """Delete topics; what prevents it is logged, so that it does not replace what ended the bench."""
    admin = AIOKafkaAdminClient(**settings.connection())
    try:
        await admin.start()
        await admin.delete_topics(list(topics))
    except AttributeError:  # a client that is refused knows no controller; it has made nothing
        return
    except (KafkaError, OSError) as error:
        log.warning("topics_are_left", topics=topics, error=str(error))
    finally:
        await admin.close()


async def written(settings: KafkaSettings, topic: str, lines: Iterable[Record]) -> Callable[[], Awaitable[None]]:
    """Write (time in microseconds, key, value) to partition 0, packed as shippers do, in one transaction.

    Readers of committed records see none of it before the returned function is called.
    """
    producer = AIOKafkaProducer(
        **settings.connection(), transactional_id=topic, compression_type="zstd", max_batch_size=256 * 1024
    )
    await producer.start()
    await producer.begin_transaction()
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

    async def publish() -> None:
        await producer.commit_transaction()
        await producer.stop()

    return publish
