"""One partition's life: INIT -> RUN -> (DEAD -> INIT)*, each step under a time-out, independent of all others.

    INIT   `recovery`: start the producer (fences the previous owner), read the checkpoint, wait for the baseline
           to be read up to it, skip what retention deleted, make a processor; ask the polling task to fetch from there
    RUN    batches and vectors go into the processor (`partition_steps`), its output into transactions (`commits`)
    DEAD   anything failed or timed out: processor and producer are thrown away, a pause, then INIT again

Two rules keep it exact. The checkpoint in the topic is the only truth: nothing in memory outlives DEAD. And whoever
started the newest producer owns the partition: a stale owner's transaction cannot commit. So a partition that stays
here across a rebalance keeps its processor, without asking whether another replica owned it in between.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from time import monotonic

import structlog

from daemon.core.stream import Load
from daemon.core.types import Batch, TopicPartition
from daemon.errors import PartitionError
from daemon.ports import Membership, Transactions
from daemon.runtime.baseline_holding import held
from daemon.runtime.commits import Commits
from daemon.runtime.partition_progress import PartitionProgress
from daemon.runtime.partition_steps import PartitionSteps
from daemon.runtime.partition_vectors import PartitionVectors
from daemon.runtime.recovery import Recovery
from daemon.runtime.shared import ProcessorFactory, Shared
from daemon.runtime.stalls import Delay

log = structlog.get_logger(__name__)

PATIENT_STARTS = 4


class State(StrEnum):
    """Where in its life a partition is."""

    INIT = "init"
    RUN = "running"
    DEAD = "dead"


class _RenewalError(Exception):
    """Raised to start a partition again on purpose."""


class Partition:
    """Drives one assigned partition; `run` ends only by cancellation or by what must end the process.

    `expected` is the offset after the last record taken in. `fetch_from` is the offset that the polling task must set
    before it fetches again, None once it has. `stopped_at` is when the partition last stopped running, by the monotonic
    clock.
    """

    def __init__(self, source: TopicPartition, shared: Shared, make_processor: ProcessorFactory) -> None:
        self.source = source
        self.state = State.INIT
        self.expected = 0
        self.fetch_from: int | None = None
        self.stopped_at = monotonic()
        self._progress = PartitionProgress(self.stopped_at)
        self._shared = shared
        self._recovery = Recovery(source, shared, make_processor)
        self._commits = Commits(source, shared, self._wake)
        self._vectors = PartitionVectors(shared.embedder, self._wake, self.fail)
        self._steps = PartitionSteps(source, shared, self._commits, self._progress, self._vectors)
        self._producer: Transactions | None = None
        self._woken = asyncio.Event()
        self._failed: Exception | None = None
        self._renew = False
        self._failed_starts = 0

    # ---------------------------------------------------------------- for gauges

    @property
    def load(self) -> Load:
        """What its processor holds."""
        return self._steps.load

    @property
    def committed_at(self) -> float:
        """When the last transaction succeeded, by the monotonic clock."""
        return self._commits.committed_at

    @property
    def incidents(self) -> Mapping[str, int]:
        """How many incidents were open at the last commit, by scope."""
        return self._commits.incidents

    @property
    def told(self) -> Mapping[str, int]:
        """How many incidents were told in the day before the last commit, by scope."""
        return self._commits.told

    @property
    def budgets(self) -> Mapping[str, float]:
        """How many incidents may be told in a day, by scope."""
        return self._commits.budgets

    @property
    def mutes(self) -> int:
        """How many mutes were in force at the last commit."""
        return self._commits.mutes

    # ---------------------------------------------------------------- for the polling task and the watchdog

    @property
    def hungry(self) -> bool:
        """Whether it can take another batch; False is backpressure."""
        return self.in_place and self._steps.hungry

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way except open sessions."""
        return self._steps.quiet

    @property
    def in_place(self) -> bool:
        """Whether it runs and is fetched from its position: a rebalance need not interrupt it."""
        return self.state is State.RUN and self.fetch_from is None

    def offer(self, batch: Batch) -> None:
        """Take in what was fetched, without records taken in before (of a fetch that was under way during a seek)."""
        if not self.in_place:
            return
        batch = batch.since(self.expected)
        if not len(batch):
            return
        self._steps.offer(batch)
        self.expected = batch.offsets[-1] + 1
        self._progress.fed(monotonic())
        self._wake()

    def fetched(self) -> None:
        """Note that the fetch position is now set to `fetch_from`."""
        self.fetch_from = None

    def fetch_again(self) -> None:
        """Ask for the fetch position to be set once more to the next record."""
        self.fetch_from = self.expected

    def starved(self, position: int | None, end: int) -> float:
        """Return for how many seconds it has waited for data that exists: 0 when it is not behind or still busy.

        `position` is where fetching stands (None: unknown), `end` the end of the partition.
        """
        now = monotonic()
        behind = position is None or position < end
        if self._vectors.asked or (self.quiet and self._commits.idle and not behind):
            self._progress.moved(now)
        if not (behind and (self.hungry or self.fetch_from is not None)):
            self._progress.fed(now)
        return self._progress.starved(now)

    def unreachable(self, error: str) -> None:
        """Note why the partition's end cannot be read."""
        self._progress.error = error

    def delays(self, now: float) -> Iterator[Delay]:
        """Yield for how long nothing of it was committed although there was something to do, and why."""
        if self._commits.count:
            self._progress.committed(self.committed_at)
        yield from self._progress.delays(now, str(self.source), self._why())

    def _why(self) -> str:
        if self.load.unsettled >= self._shared.terms.max_unsettled:
            return f"{self.load.unsettled} lines wait in open sessions, the most that it may hold"
        return "a transaction has not ended" if self._commits.running else "no data although there is some"

    def fail(self, error: Exception) -> None:
        """Start again from the checkpoint, or end the process if `error` is final."""
        self._failed = self._failed or error
        self._wake()

    def renew(self) -> None:
        """Start again from the checkpoint with a new processor: what makes processors has changed."""
        self._renew = True
        self._wake()

    # ---------------------------------------------------------------- its life

    async def run(self, membership: Membership) -> None:
        """Work until cancelled. Raises only what must end the process: a dead engine, another model's baseline."""
        with held(self._shared.follower.holding, self._shared.terms.judged_at(self.source)):
            try:
                while True:
                    await self._live(membership)
            finally:
                await self._let_go()

    async def _live(self, membership: Membership) -> None:
        """Work until something makes it start again."""
        try:
            await self._initialise(membership)
            await self._work(membership)
        except _RenewalError:
            self.stopped_at = monotonic()
            await self._let_go()
        except PartitionError as error:
            if self.state is State.RUN:
                self.stopped_at = monotonic()
            pause = self._note_restart(error)
            await self._let_go()
            await asyncio.sleep(pause)

    async def settle(self) -> None:
        """Commit what there is to commit, now; the caller bounds the time. `run` deals with a failure."""
        if self.state is State.RUN and not await self._commits.settle():
            self._wake()

    async def drain(self) -> None:
        """Finish and commit what has been fetched; open sessions stay unsettled for the next owner."""
        while self.state is State.RUN and not self.quiet:
            self._steps.stepped.clear()
            await self._steps.stepped.wait()
        await self.settle()

    def _note_restart(self, error: PartitionError) -> float:
        """Report a failure; return for how many seconds to leave the broker alone."""
        self._failed_starts = 1 if self._commits.count else self._failed_starts + 1
        pause = self._shared.backoff.seconds(self._failed_starts)
        self._progress.error = str(error)
        self._shared.metrics.partition_restarts.labels(error.reason).inc()
        log.warning(
            "partition_restarts",
            partition=str(self.source),
            state=self.state.value,
            reason=error.reason,
            error=str(error),
            pause_seconds=pause,
        )
        return pause

    async def _initialise(self, membership: Membership) -> None:
        self.state, self._failed, self._renew = State.INIT, None, False
        began = monotonic()
        producer = self._producer = self._shared.transactions(self.source)
        patient = self._failed_starts < PATIENT_STARTS
        recovered = await self._recovery.recover(producer, membership, patient=patient)
        self._commits.start(recovered)
        self._steps.start(recovered)
        self.expected = self.fetch_from = recovered.low
        self._progress.fed(monotonic())
        self.state = State.RUN
        log.info(
            "partition_runs",
            partition=str(self.source),
            low=recovered.low,
            next=recovered.next,
            unsettled=recovered.unsettled,
            seconds=round(monotonic() - began, 3),
        )

    async def _work(self, membership: Membership) -> None:
        while True:
            self._woken.clear()
            if self._failed is not None:
                raise self._failed
            if self._renew:
                await self._commits.settle()
                raise _RenewalError
            if self._commits.finish() and self.load.full:
                await self._steps.step()  # what waited is in the transaction: the processor may take more
            now = monotonic()
            if (due := self._commits.due()) is not None and due <= now:
                self._commits.begin()
            if self._steps.ready:
                await self._steps.step()
            elif (idle := self._steps.idle_due()) is not None and idle <= now:
                await self._steps.flush_if_caught_up(membership)
            else:
                await self._rest(now)

    async def _rest(self, now: float) -> None:
        dues = [due for due in (self._steps.idle_due(), self._commits.due()) if due is not None]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min([*dues, now + 1.0]) - now)):
                await self._woken.wait()

    async def _let_go(self) -> None:
        """Forget everything that is not in the checkpoint. Never raises, so that it can be the last thing done."""
        self.state = State.DEAD
        await self._steps.stop()
        await self._commits.stop()
        self._failed, self.fetch_from = None, None
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.close()
            await self._shared.thread(self._shared.detector.release, self.source)

    def _wake(self) -> None:
        self._woken.set()
