"""A broker in memory that keeps the promises the pipeline relies on: transactions, fencing, committed reads, a group.

One `FakeCluster` stands for the servers; every replica of a test has a `FakeBroker` of its own on it. A transaction is
in the logs at once and invisible to committed readers until it ends, as in Kafka; an aborted record stays invisible.
`faults` are called before each step of a transaction and may raise: that is a lost request.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from daemon.core.types import Batch, OutRecord, RefusedRange, TopicPartition, Update
from daemon.errors import OutOfRangeError, PartitionError, UnavailableError
from daemon.ports import Listener

LATER = 1_900_000_000_000
"""The records' timestamp, in milliseconds: later than the times of the tests' lines, as an append is."""


@dataclass
class Written:
    """One record in a log; `state` is open, committed or aborted."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp: int
    state: str = "committed"


@dataclass
class Log:
    """One partition."""

    records: list[Written] = field(default_factory=list)
    first: int = 0
    _ended: int = 0
    """How many of the first records are known to be in no open transaction."""

    @property
    def end(self) -> int:
        """The high-water mark."""
        return self.first + len(self.records)

    @property
    def stable(self) -> int:
        """The last stable offset: no record before it is in an open transaction."""
        self._ended = min(self._ended, len(self.records))
        while self._ended < len(self.records) and self.records[self._ended].state != "open":
            self._ended += 1
        return self.first + self._ended

    def committed(self, start: int) -> list[Written]:
        """Return what a committed reader may see from `start` on."""
        stable = self.stable
        return [r for r in self.records[start - self.first :] if r.offset < stable and r.state == "committed"]

    def delete(self, first: int) -> None:
        """Let retention delete everything below `first`."""
        self.records = [r for r in self.records if r.offset >= first]
        self._ended = max(0, self._ended - (first - self.first))
        self.first = first


class FakeCluster:
    """The servers."""

    def __init__(self, topics: Mapping[str, int], faults: Callable[[str, TopicPartition], None] | None = None) -> None:
        self.logs = {TopicPartition(t, p): Log() for t, count in topics.items() for p in range(count)}
        self.counts = dict(topics)
        self.epochs: dict[TopicPartition, int] = defaultdict(int)
        self.group: dict[TopicPartition, int] = {}
        self.faults = faults or (lambda _step, _source: None)
        self.members: list[FakeMembership] = []
        self.refusals: dict[TopicPartition, list[RefusedRange]] = defaultdict(list)
        self.open: dict[TopicPartition, list[Written]] = {}
        self.group_problem: str | None = None
        self.diagnosis: str | None = None
        self.topic_ids: dict[str, str | None] = {}
        """The identities of topics whose identity is not their name."""
        self.pause = 0.001
        """Seconds after which one who follows a topic looks again; whoever polls waits five times as long."""

    def append(self, topic: str, value: bytes | None, *, key: bytes | None = None, partition: int = 0) -> int:
        """Write one record outside of any transaction; return its offset."""
        return self.write(TopicPartition(topic, partition), key, value).offset

    def write(
        self,
        place: TopicPartition,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
        state: str = "committed",
    ) -> Written:
        """Append to a log."""
        log = self.logs[place]
        written = Written(log.end, key, value, tuple(headers), LATER + log.end, state)
        log.records.append(written)
        return written

    def write_bomb(self, place: TopicPartition, count: int) -> RefusedRange:
        """Append `count` records whose batch no member of the group unpacks."""
        first = self.logs[place].end
        for _ in range(count):
            self.write(place, None, b"never read")
        last = first + count - 1
        refusal = RefusedRange(first, last, "batch_too_large", f"offsets {first} to {last}: too large")
        self.refusals[place].append(refusal)
        return refusal

    def values(self, topic: str) -> list[Written]:
        """Return everything committed in a topic, partition by partition."""
        return [r for p in range(self.counts[topic]) for r in self.logs[TopicPartition(topic, p)].committed(0)]

    def end_transaction(self, source: TopicPartition, state: str) -> None:
        """Commit or abort what is open for a transactional id."""
        for written in self.open.pop(source, []):
            written.state = state

    async def rebalance(self, assignment: Mapping[FakeMembership, Collection[TopicPartition]]) -> None:
        """Move partitions between members, as an eager rebalance does."""
        members = list(self.members)
        await asyncio.gather(*(member.begin_rebalance() for member in members))
        for member in members:
            member.end_rebalance(assignment.get(member, ()))


class FakeMembership:
    """Implements `ports.Membership`; alone in the group it gets everything, else `FakeCluster.rebalance` decides."""

    def __init__(self, cluster: FakeCluster, topics: Sequence[str], *, alone: bool = True) -> None:
        self._cluster = cluster
        self._topics = topics
        self._alone = alone
        self._listener: Listener | None = None
        self._positions: dict[TopicPartition, int | None] = {}

    async def start(self, listener: Listener) -> None:
        self._listener = listener
        self._cluster.members.append(self)
        if self._alone:
            self.end_rebalance([p for p in self._cluster.logs if p.topic in self._topics])

    async def begin_rebalance(self) -> None:
        assert self._listener is not None
        if self._positions:
            await self._listener.revoked()
        self._positions = {}

    def end_rebalance(self, partitions: Collection[TopicPartition]) -> None:
        assert self._listener is not None
        self._positions = dict(self._listener.assigned(set(partitions)))

    async def poll(self, partitions: Collection[TopicPartition], seconds: float) -> list[Batch]:
        batches = []
        for place in partitions:
            position = self._positions.get(place)
            if position is None:
                continue
            log = self._cluster.logs[place]
            if position < log.first:
                raise OutOfRangeError([place])
            records = log.committed(position)[:40]
            if records:
                self._positions[place] = records[-1].offset + 1
                if batch := self._batch(place, records):
                    batches.append(batch)
            elif log.stable > position:
                self._positions[place] = log.stable
        await asyncio.sleep(0 if batches else min(seconds, 5 * self._cluster.pause))
        return batches

    def _batch(self, place: TopicPartition, records: Sequence[Written]) -> Batch | None:
        """Return records as a batch, without those that are not unpacked; None where no row is left."""
        refusals = self._cluster.refusals[place]
        within = {offset for refusal in refusals for offset in range(refusal.first, refusal.last)}
        rows = [record for record in records if record.offset not in within]
        refused = [refusal for refusal in refusals if refusal.last in {row.offset for row in rows}]
        lasts = {refusal.last for refusal in refused}
        batch = Batch(
            place,
            [r.offset for r in rows],
            [r.timestamp for r in rows],
            [r.key for r in rows],
            [None if r.offset in lasts else r.value for r in rows],
            [r.headers for r in rows] if any(r.headers for r in rows) else (),
            refused,
        )
        return batch if rows else None

    def resume(self, partition: TopicPartition, offset: int) -> bool:
        if partition not in self._positions:
            return False
        self._positions[partition] = offset
        return True

    def position(self, partition: TopicPartition) -> int | None:
        return self._positions.get(partition)

    async def bounds(
        self, partitions: Collection[TopicPartition], seconds: float | None = None
    ) -> Mapping[TopicPartition, tuple[int, int]]:
        await asyncio.sleep(0)
        for partition in partitions:
            self._cluster.faults("bounds", partition)
        return {p: (self._cluster.logs[p].first, self._cluster.logs[p].stable) for p in partitions}

    def problem(self) -> str | None:
        return self._cluster.group_problem

    async def committed(self, partition: TopicPartition) -> int | None:
        await asyncio.sleep(0)
        return self._cluster.group.get(partition)

    async def close(self) -> None:
        if self in self._cluster.members:
            self._cluster.members.remove(self)
        self._positions = {}


class FakeTransactions:
    """Implements `ports.Transactions`."""

    def __init__(self, cluster: FakeCluster, source: TopicPartition) -> None:
        self._cluster = cluster
        self._source = source
        self._epoch = 0
        self._broken = False

    async def start(self) -> None:
        await self._step("init")
        self._cluster.epochs[self._source] += 1
        self._epoch = self._cluster.epochs[self._source]
        self._cluster.end_transaction(self._source, "aborted")
        await self._step("inited")

    async def commit(self, records: Sequence[OutRecord], low: int) -> None:
        if self._broken:
            raise AssertionError("a producer that failed was used again")
        self._broken = True
        await self._step("begin")
        opened = self._cluster.open.setdefault(self._source, [])
        for record in records:
            partition = record.partition if record.partition is not None else len(record.key or b"")
            place = TopicPartition(record.role, partition % self._cluster.counts[record.role])
            opened.append(self._cluster.write(place, record.key, record.value, record.headers, "open"))
            await self._step("produce")
        await self._step("offsets")
        await self._step("end")
        self._cluster.group[self._source] = low
        self._cluster.end_transaction(self._source, "committed")
        await self._step("ended")
        self._broken = False

    async def close(self) -> None:
        await asyncio.sleep(0)

    async def _step(self, step: str) -> None:
        await asyncio.sleep(0)
        if self._epoch and self._epoch != self._cluster.epochs[self._source]:
            raise PartitionError("committing: fenced, another replica has taken the partition over", "fenced")
        self._cluster.faults(step, self._source)


class FakeBroker:
    """Implements `ports.Broker`; topics are named by their role."""

    def __init__(self, cluster: FakeCluster, *, alone: bool = True) -> None:
        self._cluster = cluster
        self._alone = alone
        self.memberships: list[FakeMembership] = []

    async def start(self) -> None:
        await asyncio.sleep(0)

    async def diagnose(self) -> str | None:
        await asyncio.sleep(0)
        return self._cluster.diagnosis

    def membership(self, topics: Sequence[str]) -> FakeMembership:
        self.memberships.append(FakeMembership(self._cluster, topics, alone=self._alone))
        return self.memberships[-1]

    def transactions(self, source: TopicPartition) -> FakeTransactions:
        return FakeTransactions(self._cluster, source)

    async def partitions(self, topic: str) -> int:
        if topic not in self._cluster.counts:
            raise UnavailableError(
                f"topic {topic} does not exist, or we may not see it; make it with `strayline topics create`"
            )
        return self._cluster.counts[topic]

    async def high_water(self, topic: str, partition: int) -> int:
        await asyncio.sleep(0)
        return self._cluster.logs[TopicPartition(topic, partition)].end

    async def stable_ends(self, topic: str) -> Mapping[int, int]:
        await asyncio.sleep(0)
        return {p: self._cluster.logs[TopicPartition(topic, p)].stable for p in range(self._cluster.counts[topic])}

    async def first_offsets(self, topic: str) -> Mapping[int, int]:
        await asyncio.sleep(0)
        return {p: self._cluster.logs[TopicPartition(topic, p)].first for p in range(self._cluster.counts[topic])}

    async def topic_id(self, topic: str) -> str | None:
        await asyncio.sleep(0)
        return self._cluster.topic_ids.get(topic, topic)

    async def latest(self, topic: str, partition: int, key: bytes) -> dict[bytes, bytes]:
        log = self._cluster.logs[TopicPartition(topic, partition)]
        end = log.end
        while log.stable < end:  # noqa: ASYNC110  # as a reader of the real one polls
            await asyncio.sleep(0.001)
        records = log.committed(log.first)
        newest = {r.key: r.value for r in records if r.key == key or (r.key or b"").startswith(key + b"/")}
        return {key: value for key, value in newest.items() if key is not None and value is not None}

    async def follow(
        self, topic: str, begin: Mapping[int, int] | None = None, partitions: Collection[int] | None = None
    ) -> AsyncIterator[tuple[Sequence[Update], Mapping[int, int]]]:
        wanted = range(self._cluster.counts[topic]) if partitions is None else sorted(partitions)
        places = [TopicPartition(topic, p) for p in wanted]
        read = {place: (begin or {}).get(place.partition, self._cluster.logs[place].first) for place in places}
        while True:
            updates = []
            for place in places:
                log = self._cluster.logs[place]
                stable = log.stable
                if stable == read[place]:
                    continue
                updates += [
                    Update(r.key, r.value, (place.partition, r.offset))
                    for r in log.committed(read[place])
                    if r.key is not None
                ]
                read[place] = stable
            yield updates, {place.partition: offset for place, offset in read.items()}
            await asyncio.sleep(self._cluster.pause)

    async def close(self) -> None:
        await asyncio.sleep(0)


def _implements(broker: FakeBroker, membership: FakeMembership, transactions: FakeTransactions) -> Any:
    """Let the type checker compare the fakes with their ports."""
    from daemon.ports import Broker, Membership, Transactions

    pinned: tuple[Broker, Membership, Transactions] = (broker, membership, transactions)
    return pinned
