"""Records in, transactions out: polls the group, gives batches to partitions, and drains.

Three kinds of tasks:

* `_poll` calls the group's membership all the time, for the partitions that can take more. Only it sets fetch
  positions, so no batch fetched before a seek can be taken for one fetched after it.
* The watchdog looks for what makes no progress.
* Each partition has a task. The membership's callbacks only start and end these tasks.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from time import monotonic

import structlog

from daemon.core.types import TopicPartition
from daemon.errors import OutOfRangeError, PartitionError, StraylineError
from daemon.metrics import Metrics
from daemon.ports import Broker, Membership
from daemon.runtime.partition import Partition
from daemon.runtime.stalls import Delay, StallCause
from daemon.runtime.watchdog import Patience, Watchdog

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.2
REVOKE_SECONDS = 2.0


class Pipeline:
    """Runs every partition that the group assigns to this process. Implements `ports.Listener`."""

    def __init__(
        self,
        broker: Broker,
        topics: Sequence[str],
        make_partition: Callable[[TopicPartition], Partition],
        metrics: Metrics,
        patience: Patience | None = None,
    ) -> None:
        self._broker = broker
        self._topics = topics
        self._make_partition = make_partition
        self._metrics = metrics
        self._watchdog = Watchdog(patience or Patience(), metrics)
        self._membership: Membership = broker.membership(topics)
        self._partitions: dict[TopicPartition, Partition] = {}
        self._tasks: dict[TopicPartition, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[StraylineError] = asyncio.get_running_loop().create_future()
        self._polling: asyncio.Task[None]
        self._polled_at = self._read_at = self._member_at = monotonic()
        self._poll_error = ""
        self._running = self._draining = False

    @property
    def partitions(self) -> Collection[Partition]:
        """The assigned partitions."""
        return self._partitions.values()

    @property
    def membership(self) -> Membership:
        """The current membership of the group."""
        return self._membership

    @property
    def polled_at(self) -> float:
        """When polling last returned, by the monotonic clock."""
        return self._polled_at

    @property
    def draining(self) -> bool:
        """Whether nothing is read any more."""
        return self._draining

    @property
    def lag(self) -> Mapping[TopicPartition, int]:
        """How many records of each running partition are not taken in yet, as of the watchdog's last check."""
        return self._watchdog.lag

    def delays(self, now: float) -> Iterator[Delay]:
        """Yield for how long the group could not be read, and the delays of the partitions."""
        if not self._running or self._draining:
            return
        if (problem := self._membership.problem()) is None:
            self._member_at = now
        silent = now - self._polled_at
        if silent > 2 * POLL_SECONDS:
            yield Delay(StallCause.GROUP, silent, "polling does not return")
        yield Delay(StallCause.GROUP, now - self._read_at, self._poll_error or "no poll has succeeded yet")
        yield Delay(StallCause.GROUP, now - self._member_at, problem or "")
        for partition in self._partitions.values():
            yield from partition.delays(now)

    def works_on(self, source: TopicPartition) -> bool:
        """Whether a partition's task is alive."""
        return not self._tasks[source].done()

    async def run(self) -> None:
        """Join the group and work until `drain`, or until something that must end the process is raised."""
        self._running = True
        self._polled_at = self._read_at = self._member_at = monotonic()
        await self._membership.start(self)
        self._polling = self._supervised(self._poll())
        watching = self._supervised(self._watchdog.run(self))
        try:
            raise await self._failure
        finally:
            self._polling.cancel()
            watching.cancel()
            await asyncio.gather(self._polling, watching, return_exceptions=True)

    async def drain(self) -> None:
        """Read nothing more; finish and commit what was read. The caller bounds the time."""
        self._draining = True
        await asyncio.gather(*(partition.drain() for partition in self._partitions.values()))

    def renew(self) -> None:
        """Give every partition a new processor; each continues from its checkpoint."""
        for partition in self._partitions.values():
            partition.renew()

    async def rejoin(self) -> None:
        """Leave the group and join it with a new membership; the partitions start again from their checkpoints."""
        old, self._membership = self._membership, self._broker.membership(self._topics)
        self._polling.cancel()  # it may wait in the old one without end
        await old.close()
        await self._end(list(self._partitions))
        await self._membership.start(self)
        self._polled_at = monotonic()
        self._polling = self._supervised(self._poll())

    async def close(self) -> None:
        """Leave the group and stop every partition."""
        await self._membership.close()
        await self._end(list(self._partitions))
        await asyncio.gather(*self._ending, return_exceptions=True)

    # ---------------------------------------------------------------- the membership's callbacks

    async def revoked(self) -> None:
        """Commit what can be committed quickly; partitions that are assigned again continue where they are."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REVOKE_SECONDS):
                await asyncio.gather(*(partition.settle() for partition in self._partitions.values()))

    def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        """Start new partitions, end those that are gone, and say where those that stayed continue."""
        self._metrics.rebalances.inc()
        gone = [source for source in self._partitions if source not in partitions]
        if gone:
            ending = asyncio.create_task(self._end(gone))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
        offsets: dict[TopicPartition, int | None] = {}
        for source in partitions:
            partition = self._partitions.get(source)
            offsets[source] = partition.expected if partition is not None and partition.in_place else None
            if partition is None and not self._draining:
                self._start(source)
        log.info("assigned", partitions=sorted(map(str, partitions)), given_up=sorted(map(str, gone)))
        return offsets

    # ---------------------------------------------------------------- tasks

    def _start(self, source: TopicPartition) -> None:
        partition = self._partitions[source] = self._make_partition(source)
        self._tasks[source] = self._supervised(_after(self._tasks.get(source), partition.run(self._membership)))

    async def _end(self, sources: Sequence[TopicPartition]) -> None:
        tasks = [self._tasks[source] for source in sources if self._partitions.pop(source, None) is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _supervised(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
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
                if partition.fetch_from is not None and membership.resume(partition.source, partition.fetch_from):
                    partition.fetched()
            hungry = [p.source for p in self._partitions.values() if p.hungry]
            try:
                batches = await membership.poll(hungry, POLL_SECONDS)
            except OutOfRangeError as error:
                self._fail_partitions(error)
                self._read_at = monotonic()
                continue
            except PartitionError as error:
                if str(error) != self._poll_error:
                    log.warning("poll_failed", error=str(error))
                self._poll_error = str(error)
                await asyncio.sleep(POLL_SECONDS)
                continue
            finally:
                self._polled_at = monotonic()
            self._read_at, self._poll_error = monotonic(), ""
            for batch in batches:
                if batch.source in self._partitions:
                    self._partitions[batch.source].offer(batch)
        await asyncio.Event().wait()

    def _fail_partitions(self, error: OutOfRangeError) -> None:
        for place in error.partitions:
            if (partition := self._partitions.get(TopicPartition(*place))) is not None:
                partition.fail(PartitionError("reading: the position no longer exists"))


async def _after(before: asyncio.Task[None] | None, work: Coroutine[None, None, None]) -> None:
    """Run `work` once `before` has released what both of them use."""
    try:
        if before is not None:
            await asyncio.wait([before])
    except BaseException:
        work.close()
        raise
    await work
