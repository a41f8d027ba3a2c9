"""The progress of a run as Kafka shows it: how far each partition was committed, and when."""

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

from daemon.core.stream import Checkpoint
from tests.chaos.cluster import RunTopics
from tests.chaos.topic_reader import open_consumer


@dataclass(frozen=True, slots=True)
class Commit:
    """One committed checkpoint: when (ms, by the broker); all before `low` is settled, all before `next` is read."""

    at: int
    low: int
    next: int


class Progress:
    """Follows the checkpoints of a run's input as they are committed, or, with `between`, of its topic between."""

    def __init__(self, servers: str, topics: RunTopics, *, between: bool = False) -> None:
        self._servers, self._topics = servers, topics
        self._source = topics.by_role["repartition"] if between else topics.input
        partitions = topics.between if between else topics.partitions
        self.commits: dict[int, list[Commit]] = {p: [] for p in range(partitions)}
        self.checkpoints: dict[int, Checkpoint] = {p: Checkpoint(0) for p in range(partitions)}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start following, in a task."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        topic = self._topics.by_role["checkpoints"]
        positions = dict.fromkeys(range(self._topics.width), 0)
        while True:
            # After an error a new consumer takes over, so that only the replicas' own delays are measured.
            with contextlib.suppress(KafkaError, OSError):
                async with open_consumer(self._servers) as reader:
                    reader.assign([KafkaPartition(topic, p) for p in positions])
                    for partition, offset in positions.items():
                        reader.seek(KafkaPartition(topic, partition), offset)
                    await self._read(reader, positions)
            await asyncio.sleep(0.5)

    async def _read(self, reader: AIOKafkaConsumer, positions: dict[int, int]) -> None:
        while True:
            for place, records in (await reader.getmany(timeout_ms=200)).items():
                for record in records:
                    self._take(record)
                positions[place.partition] = records[-1].offset + 1

    def _take(self, record: Any) -> None:
        group, topic, partition = record.key.decode().rsplit("/", 2)
        if (group, topic) == (self._topics.run, self._source):
            checkpoint = Checkpoint.decode(record.value)
            self.checkpoints[int(partition)] = checkpoint
            self.commits[int(partition)].append(Commit(record.timestamp, checkpoint.low, checkpoint.next))

    def last_commits(self) -> dict[int, Commit]:
        """Return the newest commit of every partition."""
        return {p: commits[-1] if commits else Commit(0, 0, 0) for p, commits in self.commits.items()}

    async def reach(self, ends: Mapping[int, int], seconds: float, *, settled: bool = False) -> list[int]:
        """Wait until every partition is read (or `settled`) to its end; return those that are not after `seconds`."""
        behind = list(ends)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while behind:
                    last = self.last_commits()
                    behind = [p for p, end in ends.items() if (last[p].low if settled else last[p].next) < end]
                    if behind:
                        await asyncio.sleep(0.1)
        return behind

    def standstill(self, begin: int, end: float) -> float:
        """Return the longest time (s) between two advances of any partition that ended in (begin, end]."""
        longest = 0.0
        for commits in self.commits.values():
            moments = advance_times(commits)
            for a, b in pairwise(moments):
                if begin < b <= end:
                    longest = max(longest, (b - a) / 1000)
        return longest

    def recovery(self, since: int) -> float | None:
        """Return how long (s) after `since` (ms) the last partition advanced; None while one has not."""
        firsts: list[int] = []
        for commits in self.commits.values():
            moments = advance_times(commits)
            index = bisect_right(moments, since)
            if index == len(moments):
                return None
            firsts.append(moments[index])
        return (max(firsts) - since) / 1000


def advance_times(commits: Sequence[Commit]) -> list[int]:
    """Return the times (ms) at which a partition's read offset grew."""
    moments: list[int] = []
    reached = -1
    for commit in commits:
        if commit.next > reached:
            moments.append(commit.at)
            reached = commit.next
    return moments
