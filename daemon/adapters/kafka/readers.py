"""Plain reading and writing of topics, for people's verbs: `tail`, `label`, `top`, `baseline`, `backtest`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError

from daemon.adapters.kafka.client import REQUEST_BYTES, KafkaSettings
from daemon.core.types import Batch, OutRecord, TopicPartition
from daemon.errors import UnavailableError

TOGETHER_SECONDS = 60
"""How long a transaction of `publish_together` may take; readers wait behind one that a killed process left open."""


@contextlib.asynccontextmanager
async def _reader(
    settings: KafkaSettings, *topics: str
) -> AsyncIterator[tuple[AIOKafkaConsumer, list[KafkaPartition]]]:
    reader = AIOKafkaConsumer(**settings.connection(), isolation_level="read_committed", enable_auto_commit=False)
    try:
        await reader.start()
        metadata = await reader._client.fetch_all_metadata()  # noqa: SLF001  # there is no public way to ask
        found = {topic: sorted(metadata.partitions_for_topic(topic) or ()) for topic in topics}
        if missing := [topic for topic, numbers in found.items() if not numbers]:
            raise UnavailableError(f"topic {', '.join(missing)} does not exist; make it with `strayline topics create`")
        partitions = [KafkaPartition(topic, number) for topic, numbers in found.items() for number in numbers]
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


class RangeReader:
    """Reads what topics hold between two times (milliseconds of the records' own, None: from the start, to the end).

    Partitions are read side by side and roughly in step: whichever is furthest behind in time goes on.
    """

    def __init__(self, settings: KafkaSettings, topics: Sequence[str], since: int | None, until: int | None) -> None:
        self._settings, self._since, self._until = settings, since, until
        self.topics = tuple(topics)
        self.read, self.total = 0, 0
        """Offsets gone over, and how many there are."""

    async def batches(self) -> AsyncIterator[Batch]:
        """Yield the records, those of one partition in order. Raises UnavailableError."""
        async with _reader(self._settings, *self.topics) as (reader, partitions):
            ends = await self._seek(reader, partitions)
            waiting: dict[KafkaPartition, list[ConsumerRecord]] = {it: [] for it in partitions}
            unread = {it for it in partitions if await reader.position(it) < ends[it]}
            while unread or any(waiting.values()):
                if behind := [it for it in unread if not waiting[it]]:
                    for partition, records in (await reader.getmany(*behind, timeout_ms=500)).items():
                        waiting[partition] += [record for record in records if record.offset < ends[partition]]
                    unread -= {it for it in behind if await reader.position(it) >= ends[it]}
                    if any(not waiting[it] for it in unread):
                        continue
                # The latest of a partition, not its last: times may go back, and one partition must always go on.
                reached = min((max(record.timestamp for record in waiting[it]) for it in unread), default=None)
                for partition, records in waiting.items():
                    count = len(records)
                    if reached is not None:
                        count = next((n for n, it in enumerate(records) if it.timestamp > reached), count)
                    if count:
                        self.read += count
                        yield _batch(partition, records[:count])
                        del records[:count]

    async def _seek(self, reader: AIOKafkaConsumer, partitions: Sequence[KafkaPartition]) -> dict[KafkaPartition, int]:
        """Go to where the range begins in each partition, and return where it ends."""
        firsts = await reader.beginning_offsets(partitions)
        ends: dict[KafkaPartition, int] = await reader.end_offsets(partitions)
        for time, bounds in ((self._since, firsts), (self._until, ends)):
            if time is not None:
                found = await reader.offsets_for_times(dict.fromkeys(partitions, time))
                bounds |= {it: place.offset if place is not None else ends[it] for it, place in found.items()}
        for partition in partitions:
            reader.seek(partition, firsts[partition])
            self.total += max(ends[partition] - firsts[partition], 0)
        return ends


def _batch(partition: KafkaPartition, records: Sequence[ConsumerRecord]) -> Batch:
    return Batch(
        TopicPartition(partition.topic, partition.partition),
        [record.offset for record in records],
        [record.timestamp for record in records],
        [record.key for record in records],
        [record.value for record in records],
        [record.headers for record in records] if any(record.headers for record in records) else (),
    )


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
