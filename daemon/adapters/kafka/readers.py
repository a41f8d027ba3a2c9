"""Reading topics outside any group: for `tail`, `label`, `backtest` and `console`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError

from daemon.adapters.kafka.diagnosis import check_token, explained
from daemon.adapters.kafka.placed_consumer import PlacedConsumer
from daemon.adapters.kafka.settings import KafkaSettings
from daemon.adapters.kafka.unpacking import UnpackingError
from daemon.core.types import Batch, TopicPartition
from daemon.errors import UnavailableError


@contextlib.asynccontextmanager
async def _reader(
    settings: KafkaSettings, *topics: str
) -> AsyncIterator[tuple[AIOKafkaConsumer, list[KafkaPartition]]]:
    await check_token(settings)
    reader = PlacedConsumer(
        **await asyncio.to_thread(settings.connection),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    try:
        await reader.start()
        metadata = await reader._client.fetch_all_metadata()  # noqa: SLF001  # there is no public method for this
        numbers = {topic: sorted(metadata.partitions_for_topic(topic) or ()) for topic in topics}
        if missing := [topic for topic, known in numbers.items() if not known]:
            raise UnavailableError(
                f"topic {', '.join(missing)} does not exist, or we may not see it; `strayline topics create` makes the "
                "daemon's topics, and with --input-partitions those of the input"
            )
        partitions = [KafkaPartition(topic, number) for topic, known in numbers.items() for number in known]
        reader.assign(partitions)
        yield reader, partitions
    except UnpackingError as error:
        raise UnavailableError(str(error)) from None
    except (KafkaError, OSError) as error:
        raise (await explained(settings, error)) from None
    finally:
        await reader.stop()


async def list_topics(settings: KafkaSettings) -> dict[str, int]:
    """Return the topics that are not Kafka's own, with the number of offsets they hold. Raises UnavailableError."""
    async with _reader(settings) as (reader, _):
        metadata = await reader._client.fetch_all_metadata()  # noqa: SLF001  # as in _reader
        sizes = {}
        for name in sorted(name for name in metadata.topics() if not name.startswith("__")):
            parts = [KafkaPartition(name, number) for number in metadata.partitions_for_topic(name) or ()]
            first, last = await reader.beginning_offsets(parts), await reader.end_offsets(parts)
            sizes[name] = sum(last[part] - first[part] for part in parts)
        return sizes


async def read_values(settings: KafkaSettings, topic: str) -> AsyncIterator[bytes]:
    """Yield the values of a topic from its beginning to where it ends now."""
    async for _, value in read_placed(settings, topic):
        yield value


async def read_placed(settings: KafkaSettings, topic: str) -> AsyncIterator[tuple[str, bytes]]:
    """Yield as `read_values` does, with the place of each value as text: ``topic/partition at offset 7``."""
    async with _reader(settings, topic) as (reader, partitions):
        await reader.seek_to_beginning(*partitions)
        ends = await reader.end_offsets(partitions)
        while any([await reader.position(p) < end for p, end in ends.items()]):
            for records in (await reader.getmany(timeout_ms=200)).values():
                for record in records:
                    if record.value is not None:
                        yield _place(record), record.value


async def follow_placed(
    settings: KafkaSettings, topic: str, *, from_beginning: bool
) -> AsyncGenerator[tuple[str, bytes], None]:
    """Yield the values of a topic as they are committed, without end, with their places as in `read_placed`.

    Close it with `aclosing` when not all is wanted: it holds a connection.
    """
    async with _reader(settings, topic) as (reader, partitions):
        await (reader.seek_to_beginning if from_beginning else reader.seek_to_end)(*partitions)
        while True:
            for records in (await reader.getmany(timeout_ms=500)).values():
                for record in records:
                    if record.value is not None:
                        yield _place(record), record.value


def _place(record: ConsumerRecord) -> str:
    return f"{record.topic}/{record.partition} at offset {record.offset}"


async def follow_batches(
    settings: KafkaSettings, topics: Sequence[str], positions: Mapping[TopicPartition, int]
) -> AsyncGenerator[tuple[Sequence[Batch], int], None]:
    """Yield the records of topics as they are committed, without end, and how many offsets are still unread.

    A partition begins at its offset in `positions`, or at its beginning when there is none or that offset is gone.
    Yields at least every half second, then perhaps without records. Raises UnavailableError.
    """
    async with _reader(settings, *topics) as (reader, partitions):
        firsts, ends = await reader.beginning_offsets(partitions), await reader.end_offsets(partitions)
        for partition in partitions:
            first = firsts[partition]
            wanted = positions.get(TopicPartition(partition.topic, partition.partition), first)
            reader.seek(partition, wanted if first <= wanted <= ends[partition] else first)
        while True:
            fetched = await reader.getmany(timeout_ms=500, max_records=2_000)
            ends = {p: max(end, reader.highwater(p) or 0) for p, end in ends.items()}
            unread = sum([max(end - await reader.position(p), 0) for p, end in ends.items()])
            yield [to_batch(partition, records) for partition, records in fetched.items()], unread


async def read_latest(settings: KafkaSettings, topic: str, most: int, seconds: float) -> list[Batch]:
    """Return up to `most` of the latest records of each partition of a topic, as many as come within `seconds`.

    Raises UnavailableError.
    """
    batches: list[Batch] = []
    async with _reader(settings, topic) as (reader, partitions):
        firsts, ends = await reader.beginning_offsets(partitions), await reader.end_offsets(partitions)
        for partition in partitions:
            reader.seek(partition, max(firsts[partition], ends[partition] - most))
        unread = {partition for partition in partitions if ends[partition] > firsts[partition]}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while unread:
                    for partition, records in (await reader.getmany(*unread, timeout_ms=500)).items():
                        batches.append(to_batch(partition, records))
                    unread = {partition for partition in unread if await reader.position(partition) < ends[partition]}
    return batches


STEP = 60_000
"""How many milliseconds of record time one partition of a range may be ahead of the others."""


class RangeReader:
    """Reads the records of topics between two times: record timestamps in milliseconds, None for no bound.

    Partitions are read in parallel and in step, a minute at a time: the one furthest behind in time continues.
    """

    def __init__(self, settings: KafkaSettings, topics: Sequence[str], since: int | None, until: int | None) -> None:
        self._settings, self._since, self._until = settings, since, until
        self.topics = tuple(topics)
        self.read, self.total = 0, 0
        """Offsets read so far, and their total number."""

    async def batches(self) -> AsyncIterator[Batch]:
        """Yield the records; those of one partition are in order. Raises UnavailableError."""
        async with _reader(self._settings, *self.topics) as (reader, partitions):
            ends = await self._seek(reader, partitions)
            waiting: dict[KafkaPartition, list[ConsumerRecord]] = {partition: [] for partition in partitions}
            unread = {partition for partition in partitions if await reader.position(partition) < ends[partition]}
            while unread or any(waiting.values()):
                if behind := [partition for partition in unread if not waiting[partition]]:
                    for partition, records in (await reader.getmany(*behind, timeout_ms=500)).items():
                        waiting[partition] += [record for record in records if record.offset < ends[partition]]
                    unread -= {partition for partition in behind if await reader.position(partition) >= ends[partition]}
                    if any(not waiting[partition] for partition in unread) or not any(waiting.values()):
                        continue
                # The maximum, not the last: timestamps may go back, and one partition must always be able to continue.
                reached = [max(record.timestamp for record in waiting[partition]) for partition in unread]
                until = min([min(records[0].timestamp for records in waiting.values() if records) + STEP, *reached])
                for partition, records in waiting.items():
                    count = next((n for n, record in enumerate(records) if record.timestamp > until), len(records))
                    if count:
                        self.read += count
                        yield to_batch(partition, records[:count])
                        del records[:count]

    async def _seek(self, reader: AIOKafkaConsumer, partitions: Sequence[KafkaPartition]) -> dict[KafkaPartition, int]:
        """Seek each partition to the beginning of the range, and return the end of the range."""
        firsts = await reader.beginning_offsets(partitions)
        ends: dict[KafkaPartition, int] = await reader.end_offsets(partitions)
        for time, bounds in ((self._since, firsts), (self._until, ends)):
            if time is not None:
                places = await reader.offsets_for_times(dict.fromkeys(partitions, time))
                bounds |= {
                    partition: place.offset if place is not None else ends[partition]
                    for partition, place in places.items()
                }
        for partition in partitions:
            reader.seek(partition, firsts[partition])
            self.total += max(ends[partition] - firsts[partition], 0)
        return ends


def to_batch(partition: KafkaPartition, records: Sequence[ConsumerRecord]) -> Batch:
    """Return fetched records of one partition as columns."""
    return Batch(
        TopicPartition(partition.topic, partition.partition),
        [record.offset for record in records],
        [record.timestamp for record in records],
        [record.key for record in records],
        [record.value for record in records],
        [record.headers for record in records] if any(record.headers for record in records) else (),
    )
