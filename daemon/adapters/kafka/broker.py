"""The Kafka cluster through aiokafka: group membership, transactions, and reading the daemon's own topics to their end.

`end_offsets` of a read_committed consumer is the last stable offset, and an open transaction holds it back. To read a
topic to its true end, the end comes from a read_uncommitted consumer (`_observer`, which reads no records) and the
position from a read_committed one (`_reader`, a new one for each use).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError

from daemon.adapters.kafka.client import (
    FETCH_BYTES,
    METADATA_SECONDS,
    REQUEST_SECONDS,
    guarded,
    stop_client,
)
from daemon.adapters.kafka.credential_files import CredentialFiles
from daemon.adapters.kafka.diagnosis import check_token, diagnose, explained
from daemon.adapters.kafka.membership import KafkaMembership
from daemon.adapters.kafka.replicas import not_taken
from daemon.adapters.kafka.settings import KafkaSettings
from daemon.adapters.kafka.topic_identity import topic_id
from daemon.adapters.kafka.transactions import KafkaTransactions
from daemon.core.types import TopicPartition, Update
from daemon.errors import ConfigError, PartitionError, UnavailableError

AT_ONCE = 2_000
FAR = 5_000
"""Offsets. A follower reads a partition that has more unread first, and the others then."""


def _left(reader: AIOKafkaConsumer, partition: KafkaPartition, position: int) -> int:
    """Return how many offsets of committed records of a partition are unread, as of the last fetch from it."""
    return (reader.last_stable_offset(partition) or 0) - position


def _favour(reader: AIOKafkaConsumer, partitions: Collection[KafkaPartition]) -> None:
    """Fetch from these partitions alone, from all when there are none, until this is called again.

    aiokafka has one fetch to a broker under way. A fetch from partitions without anything new takes half a second, and
    begins when what was fetched of the others has waited for 0.1 s. So while a long partition is read, its next fetch
    would wait for that one each time.
    """
    rest = reader.assignment().difference(partitions) if partitions else frozenset()
    reader.resume(*reader.paused().difference(rest))
    reader.pause(*rest)


class KafkaBroker:
    """The cluster: implements `ports.Broker`."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._credentials = CredentialFiles(settings)
        self._observer = AIOKafkaConsumer(
            **self._credentials.connection,
            isolation_level="read_uncommitted",
            request_timeout_ms=1000 * REQUEST_SECONDS,
        )
        self._readers = asyncio.Semaphore(8)
        self._credentials.follow(self._observer)
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        try:
            await check_token(self._settings)
            async with asyncio.timeout(30):
                await self._observer.start()
            self._watching = asyncio.create_task(self._credentials.watch())
        except (KafkaError, OSError, TimeoutError) as error:
            await stop_client(self._observer)
            raise (await explained(self._settings, error)) from None
        except (asyncio.CancelledError, ConfigError, UnavailableError):  # an interrupt, or a token that is refused
            await stop_client(self._observer)
            raise

    async def diagnose(self) -> str | None:
        if (refusal := await diagnose(self._settings)) is not None:
            return refusal.text
        topics = set(self._settings.topics.values())
        return "; ".join(await not_taken(self._settings, topics, sure=True)) or None

    def membership(self, topics: Sequence[str]) -> KafkaMembership:
        membership = KafkaMembership(self._settings, topics, self._credentials.connection)
        self._credentials.follow(membership.client)
        return membership

    def transactions(self, source: TopicPartition) -> KafkaTransactions:
        transactions = KafkaTransactions(self._settings, source, self._credentials.connection)
        self._credentials.follow(transactions.client)
        return transactions

    async def partitions(self, topic: str) -> int:
        try:
            return await self._count(topic)
        except PartitionError as error:
            raise (await explained(self._settings, error)) from None

    async def _count(self, topic: str) -> int:
        """Return the number of partitions of a topic. Raises UnavailableError where it is missing, PartitionError."""
        client = self._observer._client  # noqa: SLF001  # there is no public method for this
        async with guarded(f"asking for the partitions of {topic}", 2 * REQUEST_SECONDS):
            try:
                known = await client.fetch_all_metadata()
            except KafkaError:
                # The server may have ended the connection, as when a login expires. The next request opens a new one.
                await asyncio.sleep(0.5)
                known = await client.fetch_all_metadata()
        if not (partitions := known.partitions_for_topic(topic)):
            raise UnavailableError(
                f"topic {topic} does not exist, or we may not see it; make it with `strayline topics create`"
            )
        return len(partitions)

    async def high_water(self, topic: str, partition: int) -> int:
        native = KafkaPartition(topic, partition)
        async with guarded(f"asking for the end of {topic}/{partition}", self._settings.transaction_timeout):
            ends: dict[KafkaPartition, int] = await self._observer.end_offsets([native])
        return ends[native]

    async def stable_ends(self, topic: str) -> Mapping[int, int]:
        natives = [KafkaPartition(topic, p) for p in range(await self._count(topic))]
        doing = f"asking for the end of {topic}"
        async with self._reader(natives) as reader, guarded(doing, self._settings.transaction_timeout):
            ends: dict[KafkaPartition, int] = await reader.end_offsets(natives)
        return {native.partition: end for native, end in ends.items()}

    async def latest(self, topic: str, partition: int, key: bytes) -> dict[bytes, bytes]:
        native = KafkaPartition(topic, partition)
        below = key + b"/"
        newest: dict[bytes, bytes | None] = {}
        async with self._readers, self._reader([native]) as reader:
            end = await self.high_water(topic, partition)
            # Another open transaction holds the end back until it is committed or timed out.
            async with guarded(f"reading {topic}/{partition}", 2 * self._settings.transaction_timeout):
                while await reader.position(native) < end:
                    for record in (await reader.getmany(timeout_ms=100)).get(native, ()):
                        if record.key == key or (record.key is not None and record.key.startswith(below)):
                            newest[record.key] = record.value
        return {key: value for key, value in newest.items() if value is not None}

    async def first_offsets(self, topic: str) -> Mapping[int, int]:
        natives = [KafkaPartition(topic, p) for p in range(await self._count(topic))]
        async with guarded(f"asking for the beginning of {topic}", self._settings.transaction_timeout):
            firsts: dict[KafkaPartition, int] = await self._observer.beginning_offsets(natives)
        return {native.partition: first for native, first in firsts.items()}

    async def topic_id(self, topic: str) -> str | None:
        async with guarded(f"asking for the identity of {topic}", 2 * REQUEST_SECONDS):
            return await topic_id(self._observer._client, topic)  # noqa: SLF001  # there is no public method for this

    async def follow(
        self, topic: str, begin: Mapping[int, int] | None = None, partitions: Collection[int] | None = None
    ) -> AsyncIterator[tuple[Sequence[Update], Mapping[int, int]]]:
        wanted = range(await self._count(topic)) if partitions is None else sorted(partitions)
        natives = [KafkaPartition(topic, p) for p in wanted]
        async with self._reader(natives) as reader:
            for partition, offset in (begin or {}).items():
                if partition in wanted:
                    reader.seek(KafkaPartition(topic, partition), offset)
            while True:
                async with guarded(f"following {topic}", self._settings.transaction_timeout):
                    fetched = await reader.getmany(timeout_ms=100, max_records=AT_ONCE)
                    read = {p.partition: await reader.position(p) for p in natives}
                _favour(reader, [p for p in fetched if _left(reader, p, read[p.partition]) > FAR])
                updates = [
                    Update(r.key, r.value, (r.partition, r.offset))
                    for records in fetched.values()
                    for r in records
                    if r.key is not None
                ]
                yield updates, read

    @contextlib.asynccontextmanager
    async def _reader(self, partitions: Sequence[KafkaPartition]) -> AsyncIterator[AIOKafkaConsumer]:
        reader = AIOKafkaConsumer(
            **self._credentials.connection,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_partition_fetch_bytes=FETCH_BYTES,
            request_timeout_ms=1000 * REQUEST_SECONDS,
            metadata_max_age_ms=1000 * METADATA_SECONDS,
        )
        self._credentials.follow(reader)
        try:
            async with guarded("connecting", 30):
                await reader.start()
                reader.assign(list(partitions))
                await reader.seek_to_beginning(*partitions)
            yield reader
        finally:
            await stop_client(reader)

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        await stop_client(self._observer)
