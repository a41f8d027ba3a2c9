"""One topic read by a consumer group in which one member has every partition, and the others stand by.

For work that must follow the order over all partitions. Offsets are committed with the offset at which the group began,
so that a later member can tell what the group has handled from what was there before.

Positions are set here and never by aiokafka, whose policies skip what they cannot find: a group without offsets begins
at the end of the topic, and one whose offset no longer exists begins at the first record that does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from aiokafka import ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from daemon.adapters.kafka.client import BROKEN, REQUEST_SECONDS, guarded, member_options, stop_client
from daemon.adapters.kafka.diagnosis import check_token, explained
from daemon.adapters.kafka.placed_consumer import PlacedConsumer
from daemon.adapters.kafka.readers import RangeReader, to_batch
from daemon.adapters.kafka.settings import KafkaSettings
from daemon.adapters.kafka.unpacking import UnpackingError
from daemon.core.types import Batch, TopicPartition
from daemon.errors import PartitionError, UnavailableError

POLL_MS = 500
LONGEST_WORK_MS = 24 * 3_600_000
"""How long one poll's records may take. Heartbeats go on, so a dead process is noticed within the session time-out."""
_BEGAN = "began="


class AllToOne(AbstractPartitionAssignor):  # type: ignore[misc]  # aiokafka's base is untyped
    """Gives every partition to the member with the smallest id."""

    name = "strayline-all-to-one"
    version = 0

    @classmethod
    def assign(cls, cluster: object, members: Mapping[str, ConsumerProtocolMemberMetadata]) -> dict[str, object]:
        """Return each member's partitions."""
        first = min(members)
        topics = sorted({topic for member in members.values() for topic in member.subscription})
        whole = [(topic, sorted(cluster.partitions_for_topic(topic) or ())) for topic in topics]  # type: ignore[attr-defined]
        return {
            member: ConsumerProtocolMemberAssignment(cls.version, whole if member == first else [], b"")
            for member in members
        }

    @classmethod
    def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """Return what a member sends about itself."""
        return ConsumerProtocolMemberMetadata(cls.version, list(topics), b"")

    @classmethod
    def on_assignment(cls, assignment: object) -> None:
        """Do nothing: no state is kept."""


@dataclass(frozen=True, slots=True)
class GroupPosition:
    """Where a group is in one partition, and where it began."""

    offset: int
    began: int


class GroupReader(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka's base is untyped
    """This process as a member of `settings.group_id` on one topic."""

    def __init__(self, settings: KafkaSettings, topic: str, connection: Mapping[str, object]) -> None:
        self._settings, self._topic = settings, topic
        self.generation = 0
        self._unplaced = False
        self._positions: dict[KafkaPartition, GroupPosition] = {}
        self._consumer = PlacedConsumer(
            **connection,
            **member_options(settings),
            partition_assignment_strategy=[AllToOne],
            max_poll_interval_ms=LONGEST_WORK_MS,
        )

    @property
    def assigned(self) -> bool:
        """Whether this member has the partitions."""
        return bool(self._positions)

    @property
    def unread(self) -> int:
        """How many offsets lie behind the committed ones, as far as is known."""
        ends = {p: self._consumer.highwater(p) or 0 for p in self._positions}
        return sum(max(end - self._positions[p].offset, 0) for p, end in ends.items())

    async def start(self) -> None:
        """Join the group."""
        self._consumer.subscribe([self._topic], listener=self)
        await self._consumer.start()

    async def close(self) -> None:
        """Leave the group."""
        await stop_client(self._consumer)

    def on_partitions_revoked(self, revoked: object) -> None:  # noqa: ARG002  # aiokafka passes it
        """Give up the partitions: another member may have them now."""
        self.generation += 1
        self._positions = {}

    def on_partitions_assigned(self, assigned: Iterable[KafkaPartition]) -> None:
        """Pause the partitions until `poll` has looked up their positions."""
        self.generation += 1
        self._positions = {}
        self._unplaced = True
        for partition in assigned:
            self._consumer.seek(partition, 0)  # any position keeps aiokafka from looking one up
            self._consumer.pause(partition)

    async def poll(self) -> Sequence[Batch]:
        """Return new records, those of one partition in order. Waits half a second at most. Raises UnavailableError."""
        try:
            if self._unplaced:
                await self._place()
            fetched = await self._consumer.getmany(timeout_ms=POLL_MS)
        except (PartitionError, UnpackingError) as error:
            raise UnavailableError(str(error)) from None
        except BROKEN as error:
            raise UnavailableError(f"reading {self._topic}: {type(error).__name__}: {error}") from None
        return [to_batch(partition, records) for partition, records in fetched.items() if partition in self._positions]

    async def began(self) -> Mapping[TopicPartition, int]:
        """Return the offset at which the group began, for each assigned partition."""
        return {TopicPartition(p.topic, p.partition): position.began for p, position in self._positions.items()}

    async def history(self, since_ms: int) -> AsyncIterator[Batch]:
        """Yield what lies before the committed offsets, from a time on. Raises UnavailableError."""
        ends = {(p.topic, p.partition): position.offset for p, position in self._positions.items()}
        if not any(ends.values()):
            return
        async for batch in RangeReader(self._settings, [self._topic], since_ms, None).batches():
            end = ends.get((batch.source.topic, batch.source.partition), 0)
            if rows := [row for row, offset in enumerate(batch.offsets) if offset < end]:
                yield batch.rows(rows)

    async def commit(self, source: TopicPartition, offset: int) -> None:
        """Commit that everything before an offset is done. Raises UnavailableError, also for a partition not ours."""
        partition = KafkaPartition(source.topic, source.partition)
        position = self._positions.get(partition)
        if position is None:
            raise UnavailableError(f"{source.topic}/{source.partition} was given to another member")
        position = self._positions[partition] = replace(position, offset=offset)
        await self._commit({partition: position})

    async def _commit(self, positions: Mapping[KafkaPartition, GroupPosition]) -> None:
        offsets = {p: (position.offset, f"{_BEGAN}{position.began}") for p, position in positions.items()}
        try:
            async with guarded("committing", REQUEST_SECONDS):
                await self._consumer.commit(offsets)
        except (PartitionError, CommitFailedError, IllegalStateError) as error:
            raise UnavailableError(f"group {self._settings.group_id}: {error}") from None

    async def _place(self) -> None:
        """Look up where the group is, and begin to read there. Where the group is new, it begins now, at the end."""
        generation, partitions = self.generation, list(self._consumer.assignment())
        async with guarded("asking for the group's offsets", REQUEST_SECONDS):
            firsts = await self._consumer.beginning_offsets(partitions) if partitions else {}
            ends = await self._consumer.end_offsets(partitions) if partitions else {}
            # The public `committed` leaves the metadata out.
            committed = await self._consumer._coordinator.fetch_committed_offsets(partitions)  # noqa: SLF001
        placed = {p: _position(committed.get(p), firsts[p], ends[p]) for p in partitions}
        new = {p: position for p, (position, fresh) in placed.items() if fresh}
        if generation != self.generation:
            return
        if new:
            await self._commit(new)
        if generation != self.generation:
            return
        self._positions, self._unplaced = {p: position for p, (position, _) in placed.items()}, False
        for partition, position in self._positions.items():
            self._consumer.seek(partition, position.offset)
            self._consumer.resume(partition)


def _position(committed: object, first: int, end: int) -> tuple[GroupPosition, bool]:
    """Return a group's position, and whether it must be committed because the group has none that can be used."""
    offset, metadata = getattr(committed, "offset", -1), getattr(committed, "metadata", "")
    if offset < 0:
        return GroupPosition(end, end), True
    began = metadata.removeprefix(_BEGAN)
    if first <= offset <= end:
        return GroupPosition(offset, int(began) if began.isdigit() else 0), False
    # Retention has deleted the offset, or the topic was deleted and created again.
    return GroupPosition(first, min(int(began), first) if began.isdigit() else 0), True


@asynccontextmanager
async def join_group(settings: KafkaSettings, topic: str) -> AsyncIterator[GroupReader]:
    """Join a group for as long as the context lasts. Raises UnavailableError and ConfigError."""
    await check_token(settings)
    connection = await asyncio.to_thread(settings.connection)
    reader = GroupReader(settings, topic, dict(connection))
    try:
        try:
            await reader.start()
        except (KafkaError, OSError) as error:
            raise (await explained(settings, error)) from None
        yield reader
    finally:
        await reader.close()
