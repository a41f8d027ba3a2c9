"""Plain reading and writing of topics, for people's verbs: `tail`, `label`, `top`, `baseline`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from daemon.adapters.kafka import REQUEST_BYTES, KafkaSettings
from daemon.core.records import OutRecord
from daemon.errors import UnavailableError

TOGETHER_SECONDS = 60
"""How long a transaction of `publish_together` may take; readers wait behind one that a killed process left open."""


@contextlib.asynccontextmanager
async def _reader(settings: KafkaSettings, topic: str) -> AsyncIterator[tuple[AIOKafkaConsumer, list[TopicPartition]]]:
    reader = AIOKafkaConsumer(**settings.connection(), isolation_level="read_committed", enable_auto_commit=False)
    try:
        await reader.start()
        metadata = await reader._client.fetch_all_metadata()  # noqa: SLF001  # there is no public way to ask
        partitions = [TopicPartition(topic, number) for number in sorted(metadata.partitions_for_topic(topic) or ())]
        if not partitions:
            raise UnavailableError(f"topic {topic} does not exist; make it with `strayline topics create`")
        reader.assign(partitions)
        yield reader, partitions
    except (KafkaError, OSError) as error:
        raise UnavailableError(f"no Kafka at {', '.join(settings.bootstrap_servers)}: {error}") from None
    finally:
        await reader.stop()


async def read_values(settings: KafkaSettings, topic: str) -> AsyncIterator[bytes]:
    """Yield the values of a topic from its beginning to where it ends now."""
    async with _reader(settings, topic) as (reader, partitions):
        await reader.seek_to_beginning(*partitions)
        ends = await reader.end_offsets(partitions)
        while any([await reader.position(p) < end for p, end in ends.items()]):
            for records in (await reader.getmany(timeout_ms=200)).values():
                for record in records:
                    if record.value is not None:
                        yield record.value


async def follow_values(settings: KafkaSettings, topic: str, *, from_beginning: bool) -> AsyncIterator[bytes]:
    """Yield the values of a topic as they are committed, for ever."""
    async with _reader(settings, topic) as (reader, partitions):
        await (reader.seek_to_beginning if from_beginning else reader.seek_to_end)(*partitions)
        while True:
            for records in (await reader.getmany(timeout_ms=500)).values():
                for record in records:
                    if record.value is not None:
                        yield record.value


async def publish(settings: KafkaSettings, topic: str, *, key: bytes, value: bytes) -> None:
    """Publish one message and wait until the brokers have it."""
    producer = AIOKafkaProducer(**settings.connection(), acks="all")
    try:
        await producer.start()
        await producer.send_and_wait(topic, value=value, key=key)
    except (KafkaError, OSError) as error:
        raise UnavailableError(f"publishing to {topic}: {type(error).__name__}: {error}") from None
    finally:
        await producer.stop()


async def publish_together(settings: KafkaSettings, records: Sequence[OutRecord], *, purpose: str) -> None:
    """Publish records in one transaction: readers of what is committed see all of them or none.

    `purpose` ends the transactional id, so a second one of the same purpose ends the first. Raises UnavailableError.
    """
    producer = AIOKafkaProducer(
        **settings.connection(),
        transactional_id=f"{settings.group_id}-{purpose}",
        transaction_timeout_ms=TOGETHER_SECONDS * 1000,
        compression_type="zstd",
        max_request_size=REQUEST_BYTES,
        max_batch_size=256 * 1024,
    )
    try:
        async with asyncio.timeout(TOGETHER_SECONDS):
            await producer.start()
            async with producer.transaction():
                sent = [
                    await producer.send(
                        settings.topics[record.role], value=record.value, key=record.key, partition=record.partition
                    )
                    for record in records
                ]
                await asyncio.gather(*sent)
    except (KafkaError, OSError, TimeoutError) as error:
        raise UnavailableError(f"publishing {len(records)} records: {type(error).__name__}: {error}") from None
    finally:
        await producer.stop()
