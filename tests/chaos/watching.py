"""What Kafka itself has to say of a run: how far each partition was committed and when, and what was published."""

from __future__ import annotations

import asyncio
import contextlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError

from daemon.core.stream.checkpoint import Checkpoint
from tests.chaos.stage import Names


@dataclass(frozen=True, slots=True)
class Commit:
    """One committed checkpoint: when (ms, the broker's clock), and what is settled and read."""

    at: int
    low: int
    next: int


class Progress:
    """Follows the checkpoints of a run as they are committed."""

    def __init__(self, servers: str, names: Names) -> None:
        self._servers, self._names = servers, names
        self.commits: dict[int, list[Commit]] = {p: [] for p in range(names.partitions)}
        self.checkpoints: dict[int, Checkpoint] = {p: Checkpoint(0) for p in range(names.partitions)}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin in the background."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        topic = self._names.topics["checkpoints"]
        seen = dict.fromkeys(range(self._names.partitions), 0)
        while True:
            # A consumer of its own every time something is wrong: what is measured here are the replicas.
            with contextlib.suppress(KafkaError, OSError):
                async with consumer(self._servers) as reader:
                    reader.assign([KafkaPartition(topic, p) for p in seen])
                    for partition, offset in seen.items():
                        reader.seek(KafkaPartition(topic, partition), offset)
                    await self._read(reader, seen)
            await asyncio.sleep(0.5)

    async def _read(self, reader: AIOKafkaConsumer, seen: dict[int, int]) -> None:
        while True:
            for place, records in (await reader.getmany(timeout_ms=200)).items():
                for record in records:
                    self._take(record)
                seen[place.partition] = records[-1].offset + 1

    def _take(self, record: Any) -> None:
        group, topic, partition = record.key.decode().rsplit("/", 2)
        if (group, topic) == (self._names.run, self._names.input):
            checkpoint = Checkpoint.decode(record.value)
            self.checkpoints[int(partition)] = checkpoint
            self.commits[int(partition)].append(Commit(record.timestamp, checkpoint.low, checkpoint.next))

    def last(self) -> dict[int, Commit]:
        """Return the newest commit of every partition."""
        return {p: commits[-1] if commits else Commit(0, 0, 0) for p, commits in self.commits.items()}

    async def reaches(self, ends: Mapping[int, int], seconds: float, *, settled: bool = False) -> list[int]:
        """Wait until every partition is read (or `settled`) to its end; return those that are not in time."""
        behind = list(ends)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while behind:
                    last = self.last()
                    behind = [p for p, end in ends.items() if (last[p].low if settled else last[p].next) < end]
                    if behind:
                        await asyncio.sleep(0.1)
        return behind

    def standstill(self, begin: int, end: float) -> float:
        """Return the longest time (s) between two advances of any partition that ended in (begin, end]."""
        longest = 0.0
        for commits in self.commits.values():
            moments = advances(commits)
            for a, b in pairwise(moments):
                if begin < b <= end:
                    longest = max(longest, (b - a) / 1000)
        return longest

    def recovery(self, passed: int) -> float | None:
        """Return how long (s) after `passed` the last partition advanced; None while one has not."""
        firsts: list[int] = []
        for commits in self.commits.values():
            moments = advances(commits)
            place = bisect_right(moments, passed)
            if place == len(moments):
                return None
            firsts.append(moments[place])
        return (max(firsts) - passed) / 1000


def advances(commits: Sequence[Commit]) -> list[int]:
    """Return when a partition got further."""
    moments: list[int] = []
    reached = -1
    for commit in commits:
        if commit.next > reached:
            moments.append(commit.at)
            reached = commit.next
    return moments


@contextlib.asynccontextmanager
async def consumer(servers: str, isolation: str = "read_committed") -> Any:
    """A consumer without a group, from the beginning."""
    reader = AIOKafkaConsumer(
        bootstrap_servers=servers,
        isolation_level=isolation,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        request_timeout_ms=10_000,
        metadata_max_age_ms=5_000,
    )
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()


async def ends_of(servers: str, topic: str, partitions: int) -> dict[int, int]:
    """Return where every partition ends, transactions under way included."""
    async with consumer(servers, "read_uncommitted") as reader:
        found = await reader.end_offsets([KafkaPartition(topic, p) for p in range(partitions)])
    return {place.partition: end for place, end in found.items()}


async def read_all(servers: str, topic: str, partitions: int, seconds: float = 120.0) -> list[Any]:
    """Return all committed records of a topic; raises TimeoutError when a transaction stays open."""
    ends = await ends_of(servers, topic, partitions)
    found: list[Any] = []
    async with consumer(servers) as reader, asyncio.timeout(seconds):
        places = [KafkaPartition(topic, p) for p in range(partitions)]
        reader.assign(places)
        await reader.seek_to_beginning(*places)
        while any([await reader.position(place) < ends[place.partition] for place in places]):
            for records in (await reader.getmany(timeout_ms=200, max_records=5_000)).values():
                found += records
    return found
