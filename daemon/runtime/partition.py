"""One partition's life: INIT -> RUN -> (DEAD -> INIT)*, each step under a time-out, independent of all others.

    INIT   `recovery`: start the producer (fences whoever had the partition), read the checkpoint, wait for the baseline
           to be read up to it, skip what retention deleted, make a processor; ask the polling task to fetch from there
    RUN    batches and vectors go into the processor, its output goes out in transactions (`commits`)
    DEAD   anything failed or timed out: processor and producer are thrown away, a pause, then INIT again

Two rules keep it exact. The checkpoint in the topic is the only truth: nothing in memory outlives DEAD. And whoever
started the newest producer owns the partition, whatever anyone believes: a stale owner's transaction cannot commit. So
a partition that stays here across a rebalance keeps its processor, without asking whether another replica owned it in
between.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from time import monotonic

import structlog

from daemon.core.stream import IdleClock, Load, Processor, Step
from daemon.core.types import Batch, TopicPartition
from daemon.errors import PartitionError
from daemon.ports import Membership, Transactions
from daemon.runtime.commits import Commits
from daemon.runtime.partition_progress import EventTime, PartitionProgress
from daemon.runtime.partition_vectors import PartitionVectors
from daemon.runtime.recovery import Recovery
from daemon.runtime.shared import ProcessorFactory, Shared
from daemon.runtime.stalls import Delay
from daemon.runtime.step_metrics import count_step

log = structlog.get_logger(__name__)

INBOX_BATCHES = 2
WAITING_SESSIONS = 4_096
PATIENT_STARTS = 4


class State(StrEnum):
    """Where in its life a partition is."""

    INIT = "init"
    RUN = "running"
    DEAD = "dead"


class _RenewalError(Exception):
    """Leaves the work of a partition that is to start again on purpose."""


class Partition:
    """Drives one assigned partition; `run` ends only by cancellation or by what must end the process.

    `expected` is the offset after the last record taken in. `fetch_from` is the offset that the polling task must set
    before it fetches again, None once it has. `stopped_at` is when the partition last stopped running, by the monotonic
    clock.
    """

    def __init__(self, source: TopicPartition, shared: Shared, make_processor: ProcessorFactory) -> None:
        self.source = source
        self.state = State.INIT
        self.load = Load()
        self.expected = 0
        self.fetch_from: int | None = None
        self.stopped_at = monotonic()
        self._progress = PartitionProgress(self.stopped_at)
        self._shared = shared
        self._recovery = Recovery(source, shared, make_processor)
        self._commits = Commits(source, shared, self._wake)
        self._processor: Processor | None = None
        self._producer: Transactions | None = None
        self._inbox: deque[Batch] = deque()
        self._vectors = PartitionVectors(shared.embedder, self._wake, self.fail)
        self._more = False
        self._idle = IdleClock(shared.terms.idle_flush, monotonic())
        self._woken = asyncio.Event()
        self._stepping = False
        self._stepped = asyncio.Event()
        self._failed: Exception | None = None
        self._renew = False
        self._failed_starts = 0

    # ---------------------------------------------------------------- for gauges

    @property
    def committed_at(self) -> float:
        """When the last transaction ended well, by the monotonic clock."""
        return self._commits.committed_at

    @property
    def incidents(self) -> Mapping[str, int]:
        """How many incidents were open at the last commit, by scope."""
        return self._commits.incidents

    @property
    def told(self) -> Mapping[str, int]:
        """How many incidents had been told in a day at the last commit, by scope."""
        return self._commits.told

    @property
    def budgets(self) -> Mapping[str, float]:
        """How many incidents may be told in a day, by scope."""
        return self._commits.budgets

    # ---------------------------------------------------------------- for the polling task and the watchdog

    @property
    def hungry(self) -> bool:
        """Whether it can take another batch; False is backpressure."""
        return (
            self.state is State.RUN
            and self.fetch_from is None
            and len(self._inbox) < INBOX_BATCHES
            and self.load.waiting < WAITING_SESSIONS
            and self.load.unsettled < self._shared.terms.max_unsettled
        )

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way except open sessions."""
        under_way = self._stepping or self._inbox or self._vectors.ready or self._more or self._vectors.asked
        return not (under_way or self.load.waiting)

    @property
    def _waits_for_time(self) -> bool:
        """Whether nothing is left to do but to note that time passes."""
        return self.quiet and bool(self.load.open_sessions or self.load.listening)

    @property
    def in_place(self) -> bool:
        """Whether it runs and is fetched from where it stands: a rebalance need not interrupt it."""
        return self.state is State.RUN and self.fetch_from is None

    def offer(self, batch: Batch) -> None:
        """Take in what was fetched, without records taken in before (of a fetch that was under way during a seek)."""
        if not self.in_place:
            return
        batch = batch.since(self.expected)
        if not len(batch):
            return
        self._inbox.append(batch)
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
        """Live. Raises only what must end the process: a dead engine, another model's baseline."""
        try:
            while True:
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
        finally:
            await self._let_go()

    async def settle(self) -> None:
        """Commit what there is to commit, now; the caller bounds the time. `run` deals with a failure."""
        if self.state is State.RUN and not await self._commits.settle():
            self._wake()

    async def drain(self) -> None:
        """Finish and commit what has been fetched; open sessions stay unsettled for the next owner."""
        while self.state is State.RUN and not self.quiet:
            self._stepped.clear()
            await self._stepped.wait()
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
        producer = self._producer = self._shared.broker.transactions(self.source)
        patient = self._failed_starts < PATIENT_STARTS
        recovered = await self._recovery.recover(producer, membership, patient=patient)
        self._processor = recovered.processor
        self._commits.start(recovered)
        self._idle = IdleClock(self._shared.terms.idle_flush, monotonic())
        self.load = Load(unsettled=recovered.unsettled)
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
            self._commits.finish()
            now = monotonic()
            if (due := self._commits.due()) is not None and due <= now:
                self._commits.begin()
            if self._inbox or self._vectors.ready or self._more:
                await self._step()
            elif self._waits_for_time and self._idle.due() <= now:
                await self._flush_if_caught_up(membership)
            else:
                await self._rest(now)

    async def _rest(self, now: float) -> None:
        dues = [self._idle.due()] if self._waits_for_time else []
        if (due := self._commits.due()) is not None:
            dues.append(due)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min([*dues, now + 1.0]) - now)):
                await self._woken.wait()

    async def _step(self) -> None:
        assert self._processor is not None
        batch = self._inbox.popleft() if self._inbox else None
        if batch is not None:
            self._idle.arrived(monotonic())
        self._note(await self._in_thread(self._processor.step, batch, self._vectors.take()), batch)

    async def _in_thread(self, work: Callable[..., Step], *arguments: object) -> Step:
        """Do the processor's work in the worker thread; until it is done the partition is not quiet."""
        self._stepping = True
        try:
            return await self._shared.thread(work, *arguments)
        finally:
            self._stepping = False
            self._stepped.set()

    async def _flush_if_caught_up(self, membership: Membership) -> None:
        # The process may have been frozen, and its clocks with it: only the broker knows whether there is more to read.
        assert self._processor is not None
        self._idle.restart(monotonic())
        try:
            _, end = (await membership.bounds([self.source]))[self.source]
        except PartitionError as error:
            log.info("not_known_whether_caught_up", partition=str(self.source), error=str(error))
            return
        position = membership.position(self.source)
        if position is not None and position >= end and self.quiet:
            idle = self._idle.seconds(monotonic())
            self._note(await self._in_thread(self._processor.flush, idle), None)

    def _note(self, step: Step, batch: Batch | None) -> None:
        self.load, self._more = step.load, step.more
        self._progress.event_time.note(monotonic(), step.load.watermark, step.lines)
        self._vectors.ask(step.missing)
        if batch is not None or step.verdicts or step.load.outputs:
            self._commits.progress(step.lines, step.load.outputs)
        count_step(self._shared.metrics, self.source, step, batch)

    async def _let_go(self) -> None:
        """Forget everything that is not in the checkpoint. Never raises, so that it can be the last thing done."""
        self.state = State.DEAD
        self._stepped.set()
        await self._vectors.stop()
        await self._commits.stop()
        self._failed, self._processor, self.fetch_from = None, None, None
        self._inbox.clear()
        self._more, self.load, self._progress.event_time = False, Load(), EventTime()
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.close()
            await self._shared.thread(self._shared.detector.release, self.source)

    def _wake(self) -> None:
        self._woken.set()
