"""Records in, transactions out: polls the group, hands batches to partitions, keeps them alive, and drains.

Three tasks beside the partitions' own:

* `_poll` calls the group's membership all the time, for the partitions that can take more. Only here are positions set,
  so no batch fetched before a seek can be taken for one fetched after it.
* `_watch` notices a partition that is behind and gets nothing, and polling that does not come back: first the fetch
  position is set again, then the membership is built anew, then the process ends so that its supervisor starts it. It
  also ends for a partition that cannot be started for long: what is wrong may be in this process.
* The membership's callbacks only note what is assigned; a partition's start and end are tasks.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

import structlog

from daemon.core.types import TopicPartition
from daemon.errors import OutOfRangeError, PartitionError, StraylineError, UnavailableError
from daemon.ports import Broker, Membership
from daemon.runtime.partition import Partition, State

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: without data while behind, before each step of the watchdog; for a start; for a revocation's commit."""

    reseek: float = 15.0
    rejoin: float = 30.0
    give_up: float = 120.0
    start: float = 300.0
    look: float = 2.0
    revoke: float = 2.0


class Pipeline:
    """Runs every partition that the group assigns to this process. Implements `ports.Listener`."""

    def __init__(
        self,
        broker: Broker,
        topics: Sequence[str],
        make_partition: Callable[[TopicPartition], Partition],
        patience: Patience,
    ) -> None:
        self._broker = broker
        self._topics = topics
        self._make_partition = make_partition
        self._patience = patience
        self._membership: Membership = broker.membership(topics)
        self._partitions: dict[TopicPartition, Partition] = {}
        self._running: dict[TopicPartition, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[StraylineError] = asyncio.get_running_loop().create_future()
        self._polling: asyncio.Task[None]
        self._polled_at = monotonic()
        self._rejoined_at = monotonic()
        self._reseeked: dict[TopicPartition, float] = {}
        self._draining = False
        self.lag: Mapping[TopicPartition, int] = {}
        self.on_rebalance: Callable[[], None] = lambda: None
        self.on_watchdog: Callable[[str], None] = lambda _step: None

    @property
    def partitions(self) -> Collection[Partition]:
        """The partitions that are ours."""
        return self._partitions.values()

    @property
    def polled_at(self) -> float:
        """When polling last came round, by the monotonic clock."""
        return self._polled_at

    async def run(self) -> None:
        """Join the group and work until `drain`, or until something ends the process by raising."""
        await self._membership.start(self)
        self._polling = self._watched(self._poll())
        watching = self._watched(self._watch())
        try:
            raise await self._failure
        finally:
            self._polling.cancel()
            watching.cancel()
            await asyncio.gather(self._polling, watching, return_exceptions=True)

    async def drain(self) -> None:
        """Take in no more, finish and commit what was taken in. The caller bounds the time."""
        self._draining = True
        await asyncio.gather(*(partition.drain() for partition in self._partitions.values()))

    async def close(self) -> None:
        """Leave the group and let go of every partition."""
        await self._membership.close()
        await self._end(list(self._partitions))
        await asyncio.gather(*self._ending, return_exceptions=True)

    # ---------------------------------------------------------------- the membership's callbacks

    async def revoked(self) -> None:
        """Commit what can be committed quickly; partitions that come back go on where they are."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience.revoke):
                await asyncio.gather(*(partition.settle() for partition in self._partitions.values()))

    def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        """Start what is new, end what is gone, and say where what stayed goes on."""
        self.on_rebalance()
        gone = [source for source in self._partitions if source not in partitions]
        if gone:
            ending = asyncio.create_task(self._end(gone))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
        places: dict[TopicPartition, int | None] = {}
        for source in partitions:
            held = self._partitions.get(source)
            kept = held is not None and held.state is State.RUN and held.resume_at is None
            places[source] = held.expected if held is not None and kept else None
            if held is None and not self._draining:
                self._start(source)
        log.info("assigned", partitions=sorted(map(str, partitions)), given_up=sorted(map(str, gone)))
        return places

    # ---------------------------------------------------------------- tasks

    def _start(self, source: TopicPartition) -> None:
        partition = self._partitions[source] = self._make_partition(source)
        self._running[source] = self._watched(_after(self._running.get(source), partition.run(self._membership)))

    async def _end(self, sources: Sequence[TopicPartition]) -> None:
        tasks = [self._running[source] for source in sources if self._partitions.pop(source, None) is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _watched(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Start a task whose failure ends `run`."""

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None and not self._failure.done():
                known = (
                    error if isinstance(error, StraylineError) else StraylineError(f"{type(error).__name__}: {error}")
                )
                known.__cause__ = error
                self._failure.set_result(known)

        task = asyncio.create_task(work)
        task.add_done_callback(ended)
        return task

    async def _poll(self) -> None:
        while not self._draining:
            membership = self._membership
            for partition in self._partitions.values():
                if partition.resume_at is not None and membership.resume(partition.source, partition.resume_at):
                    partition.resume_at = None
            hungry = [p.source for p in self._partitions.values() if p.hungry]
            try:
                batches = await membership.poll(hungry, POLL_SECONDS)
            except OutOfRangeError as error:
                for source in error.partitions:
                    if (lost := self._partitions.get(TopicPartition(*source))) is not None:
                        lost.fail(PartitionError("reading: the position no longer exists"))
                continue
            except PartitionError as error:
                log.warning("poll_failed", error=str(error))
                await asyncio.sleep(POLL_SECONDS)
                continue
            finally:
                self._polled_at = monotonic()
            for batch in batches:
                if batch.source in self._partitions:
                    self._partitions[batch.source].offer(batch)
        await asyncio.Event().wait()

    async def _watch(self) -> None:
        patience = self._patience
        while True:
            await asyncio.sleep(patience.look)
            stuck = monotonic() - self._polled_at
            if self._draining:
                continue
            if stuck > patience.give_up:
                raise UnavailableError(f"polling has not come back for {stuck:.0f} s, and joining anew did not help")
            if stuck > patience.rejoin and monotonic() - self._rejoined_at > patience.rejoin:
                await self._rejoin(f"polling has not come back for {stuck:.0f} s")
            self._look_for_stopped()
            await self._look_for_starved()

    def _look_for_stopped(self) -> None:
        now = monotonic()
        for partition in self._partitions.values():
            stopped = now - partition.stopped_at if partition.state is not State.RUN else 0.0
            if self._running[partition.source].done():
                raise StraylineError(f"{partition.source} is ours and nothing works on it")
            if stopped > self._patience.start:
                raise UnavailableError(f"{partition.source} could not be started for {stopped:.0f} s")

    async def _look_for_starved(self) -> None:
        patience, now = self._patience, monotonic()
        running = [p for p in self._partitions.values() if p.state is State.RUN]
        if not running:
            return
        try:
            bounds = await self._membership.bounds([p.source for p in running])
        except PartitionError as error:
            log.warning("lag_unknown", error=str(error))
            return
        self.lag = {p.source: max(0, bounds[p.source][1] - p.expected) for p in running}
        for partition in running:
            source, position = partition.source, self._membership.position(partition.source)
            behind = position is None or position < bounds[source][1]
            waits = partition.hungry or partition.resume_at is not None
            starved = now - partition.fetched_at if behind and waits else 0.0
            if not starved:
                self._reseeked.pop(source, None)
                if not (behind and waits):  # one that still works off what it has is not starved yet
                    partition.fetched_at = now
            elif starved > patience.give_up:
                raise UnavailableError(f"{source} is behind, without data for {starved:.0f} s, after every remedy")
            elif starved > patience.rejoin and now - self._rejoined_at > patience.rejoin:
                await self._rejoin(f"{source} is behind and has had no data for {starved:.0f} s")
                return
            elif starved > patience.reseek and source not in self._reseeked:
                self._reseeked[source] = now
                self.on_watchdog("reseek")
                log.warning("watchdog_reseek", partition=str(source), seconds=round(starved), at=partition.expected)
                partition.resume_at = partition.expected

    async def _rejoin(self, why: str) -> None:
        """Leave and join again with a membership of its own; partitions that come back keep their work."""
        self.on_watchdog("rejoin")
        log.error("watchdog_rejoin", why=why)
        self._rejoined_at = monotonic()
        old, self._membership = self._membership, self._broker.membership(self._topics)
        self._polling.cancel()  # it may hang in the old one for ever
        await old.close()
        await self._end(list(self._partitions))
        await self._membership.start(self)
        self._polled_at = monotonic()
        self._polling = self._watched(self._poll())


async def _after(before: asyncio.Task[None] | None, work: Coroutine[None, None, None]) -> None:
    """Run `work` once `before` has let go of what both of them use."""
    try:
        if before is not None:
            await asyncio.wait([before])
    except BaseException:
        work.close()
        raise
    await work
