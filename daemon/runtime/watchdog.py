"""Notices what makes no progress although every request has a time-out, and applies stronger remedies in turn.

a partition is behind and gets no data        -> its fetch position is set again -> the group is joined again
polling does not return                       -> the group is joined again
neither helps, or a partition cannot start    -> the process ends, so that its supervisor starts it again
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

import structlog

from daemon.core.types import TopicPartition
from daemon.errors import PartitionError, StraylineError, UnavailableError
from daemon.metrics import Metrics
from daemon.ports import Membership
from daemon.runtime.partition import Partition, State

log = structlog.get_logger(__name__)

CHECK_SECONDS = 8.0
"""How long a request for the bounds of partitions may take: a late answer does not show that it works."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. `look` is the time between two checks.

    A partition that is behind may be without data for `reseek` before its position is set again, for `rejoin` before
    the group is joined again, for `give_up` before the process ends. It may take `start` to run again after a failure.
    """

    reseek: float = 15.0
    rejoin: float = 30.0
    give_up: float = 120.0
    start: float = 300.0
    look: float = 2.0


class Watched(Protocol):
    """What the watchdog needs of the pipeline."""

    @property
    def partitions(self) -> Collection[Partition]:
        """The assigned partitions."""
        ...

    @property
    def membership(self) -> Membership:
        """The current membership of the group."""
        ...

    @property
    def polled_at(self) -> float:
        """When polling last returned, by the monotonic clock."""
        ...

    @property
    def draining(self) -> bool:
        """Whether the process is about to end, so that nothing is read any more."""
        ...

    def works_on(self, source: TopicPartition) -> bool:
        """Whether a partition's task is alive."""
        ...

    async def rejoin(self) -> None:
        """Leave the group and join it with a new membership."""
        ...


class Watchdog:
    """Watches one pipeline.

    `lag` is, by partition, the number of records not taken in yet, if the last check could read the partition's end.
    """

    def __init__(self, patience: Patience, metrics: Metrics) -> None:
        self.lag: Mapping[TopicPartition, int] = {}
        self._patience = patience
        self._metrics = metrics
        self._rejoined_at = monotonic()
        self._reseeked: set[TopicPartition] = set()
        self._suspects: set[TopicPartition] = set()

    async def run(self, pipeline: Watched) -> None:
        """Watch until cancelled. Raises UnavailableError or StraylineError when the process should end."""
        while True:
            await asyncio.sleep(self._patience.look)
            if pipeline.draining:
                continue
            await self._check_polling(pipeline)
            self._check_stopped(pipeline)
            await self._check_starved(pipeline)

    async def _check_polling(self, pipeline: Watched) -> None:
        silent = monotonic() - pipeline.polled_at
        if silent > self._patience.give_up:
            raise UnavailableError(f"polling has not returned for {silent:.0f} s, and joining again did not help")
        if silent > self._patience.rejoin and self._may_rejoin():
            await self._rejoin(pipeline, f"polling has not returned for {silent:.0f} s")

    def _check_stopped(self, pipeline: Watched) -> None:
        now = monotonic()
        for partition in pipeline.partitions:
            if not pipeline.works_on(partition.source):
                raise StraylineError(f"{partition.source} is assigned and nothing works on it")
            stopped = now - partition.stopped_at if partition.state is not State.RUN else 0.0
            if stopped > self._patience.start:
                raise UnavailableError(f"{partition.source} could not be started for {stopped:.0f} s")

    async def _check_starved(self, pipeline: Watched) -> None:
        running = [p for p in pipeline.partitions if p.state is State.RUN]
        if not running:
            return
        bounds = await self._bounds(pipeline.membership, running)
        self.lag = {p.source: max(0, bounds[p.source][1] - p.expected) for p in running if p.source in bounds}
        for partition in running:
            if partition.source not in bounds:
                continue
            position = pipeline.membership.position(partition.source)
            starved = partition.starved(position, bounds[partition.source][1])
            if await self._remedy(pipeline, partition, starved):
                return

    async def _bounds(
        self, membership: Membership, partitions: Sequence[Partition]
    ) -> Mapping[TopicPartition, tuple[int, int]]:
        """Return the known bounds. Partitions whose common request fails, or failed before, are asked one by one."""
        together = [partition for partition in partitions if partition.source not in self._suspects]
        alone = [partition for partition in partitions if partition.source in self._suspects]
        answers = await asyncio.gather(
            self._ask(membership, together), *(self._ask(membership, [partition]) for partition in alone)
        )
        if together and not answers[0]:
            answers += await asyncio.gather(*(self._ask(membership, [partition]) for partition in together))
        return {source: bounds for answer in answers for source, bounds in answer.items()}

    async def _ask(
        self, membership: Membership, partitions: Sequence[Partition]
    ) -> Mapping[TopicPartition, tuple[int, int]]:
        sources = {partition.source for partition in partitions}
        if not sources:
            return {}
        try:
            answer = await membership.bounds(sources, CHECK_SECONDS)
        except PartitionError as error:
            self._suspects |= sources
            for partition in partitions:
                partition.unreachable(str(error))
            return {}
        self._suspects -= sources
        return answer

    async def _remedy(self, pipeline: Watched, partition: Partition, starved: float) -> bool:
        """Do what the seconds without data call for; return whether the group was joined again."""
        source, patience = partition.source, self._patience
        if starved == 0:
            self._reseeked.discard(source)
        elif starved > patience.give_up:
            raise UnavailableError(f"{source} is behind, without data for {starved:.0f} s, after every remedy")
        elif starved > patience.rejoin and self._may_rejoin():
            await self._rejoin(pipeline, f"{source} is behind and has had no data for {starved:.0f} s")
            return True
        elif starved > patience.reseek and source not in self._reseeked:
            self._reseeked.add(source)
            self._metrics.watchdog.labels("reseek").inc()
            log.warning("watchdog_reseek", partition=str(source), seconds=round(starved), at=partition.expected)
            partition.fetch_again()
        return False

    def _may_rejoin(self) -> bool:
        return monotonic() - self._rejoined_at > self._patience.rejoin

    async def _rejoin(self, pipeline: Watched, why: str) -> None:
        self._metrics.watchdog.labels("rejoin").inc()
        log.error("watchdog_rejoin", why=why)
        self._rejoined_at = monotonic()
        await pipeline.rejoin()
