"""One partition's life: INIT -> RUN -> (DEAD -> INIT)*, each step under a time-out, independent of all others.

    INIT   start the producer (fences whoever had the partition), read the checkpoint, wait for the baseline to be read
           up to it, notice what retention deleted, build a lane, ask the polling task to fetch from the checkpoint
    RUN    batches and vectors go into the lane, its output goes out in transactions
    DEAD   anything failed or timed out: lane and producer are thrown away, a pause, then INIT again

Two rules keep it exact. The checkpoint in the topic is the only truth: nothing in memory outlives DEAD. And whoever
started the newest producer owns the partition, whatever anyone believes: a stale owner's transaction cannot commit. So
a partition that stays here across a rebalance keeps its lane, without asking whether somebody else had it in between.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic, time

import structlog

from daemon.core.detection import Detector
from daemon.core.stream import Checkpoint, CommitClock, IdleClock, Lane, Load, Pace, Settlement, Step, checkpoint_key
from daemon.core.types import Batch, OutRecord, Pattern, TopicPartition, Vector
from daemon.errors import DataError, PartitionError
from daemon.metrics import Metrics
from daemon.ports import Broker, Membership, Transactions
from daemon.runtime.baseline_follower import Follower
from daemon.runtime.embedder import Embedder, groups
from daemon.runtime.step_metrics import count_step
from daemon.runtime.worker_thread import WorkerThread

log = structlog.get_logger(__name__)

INBOX_BATCHES = 2
WAITING_SESSIONS = 4_096
LONGEST_PAUSE = 15.0
PATIENCE = 4


class State(StrEnum):
    """Where in its life a partition is."""

    INIT = "init"
    RUN = "running"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Terms:
    """What all partitions of a process work under. Times in seconds; `max_unsettled` lines bound a lane's memory."""

    group: str
    checkpoints: str
    co_partitions: int
    pace: Pace
    idle_flush: float
    init_timeout: float
    max_unsettled: int


@dataclass(frozen=True, slots=True)
class Shared:
    """What all partitions of a process share. `first_pause` seconds pass before a first restart, then twice as many."""

    broker: Broker
    thread: WorkerThread
    detector: Detector
    embedder: Embedder
    follower: Follower
    metrics: Metrics
    terms: Terms
    first_pause: float = 1.0


@dataclass(frozen=True, slots=True)
class Lost:
    """Offsets that retention deleted, first and last, and how many records among them were still needed."""

    first: int
    last: int
    records: int


LaneFactory = Callable[[TopicPartition, Checkpoint | None], Lane]


class Partition:
    """Drives one assigned partition; `run` ends only by cancellation or by what must end the process."""

    def __init__(self, source: TopicPartition, shared: Shared, make_lane: LaneFactory) -> None:
        self.source = source
        self.state = State.INIT
        self.load = Load()
        self.incidents: Mapping[str, int] = {}
        self._lost: Lost | None = None
        self.expected = 0
        self.resume_at: int | None = None
        self.fetched_at = self.committed_at = self.stopped_at = monotonic()
        self._shared = shared
        self._make_lane = make_lane
        self._lane: Lane | None = None
        self._producer: Transactions | None = None
        self._inbox: deque[Batch] = deque()
        self._vectors: dict[str, Vector] = {}
        self._more = False
        self._embedding: set[asyncio.Task[None]] = set()
        self._commit: asyncio.Task[None] | None = None
        self._clock = CommitClock(shared.terms.pace)
        self._idle = IdleClock(shared.terms.idle_flush, monotonic())
        self._woken = asyncio.Event()
        self._stepped = asyncio.Event()
        self._failed: Exception | None = None
        self._fruitless = 0

    # ---------------------------------------------------------------- for the polling task

    @property
    def hungry(self) -> bool:
        """Whether it can take another batch: backpressure is answering no."""
        return (
            self.state is State.RUN
            and self.resume_at is None
            and len(self._inbox) < INBOX_BATCHES
            and self.load.waiting < WAITING_SESSIONS
            and self.load.unsettled < self._shared.terms.max_unsettled
        )

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way but open sessions."""
        return not (self._inbox or self._vectors or self._more or self._embedding or self.load.waiting)

    def offer(self, batch: Batch) -> None:
        """Take in what was fetched; what was taken in before (a fetch that crossed a seek) is left out."""
        if self.state is not State.RUN or self.resume_at is not None:
            return
        batch = batch.since(self.expected)
        if not len(batch):
            return
        self._inbox.append(batch)
        self.expected = batch.offsets[-1] + 1
        self.fetched_at = monotonic()
        self._wake()

    def fail(self, error: Exception) -> None:
        """Have it start again from its checkpoint, or end the process if `error` is final."""
        self._failed = self._failed or error
        self._wake()

    # ---------------------------------------------------------------- its life

    async def run(self, membership: Membership) -> None:
        """Live. Raises only what must end the process: a dead engine, another model's baseline."""
        try:
            while True:
                try:
                    await self._initialise(membership)
                    await self._work(membership)
                except PartitionError as error:
                    if self.state is State.RUN:
                        self.stopped_at = monotonic()
                    pause = self._note_restart(error)
                    await self._let_go()
                    await asyncio.sleep(pause)
        finally:
            await self._let_go()

    async def settle(self) -> None:
        """Commit what there is to commit, now; the caller bounds the time. A failure is left to `run`."""
        while self.state is State.RUN and (self._commit is not None or self._clock.due() is not None):
            commit = self._commit or self._begin_commit()
            await asyncio.wait([commit])
            if commit.cancelled() or commit.exception() is not None:
                self._wake()
                return
            if self._commit is commit:
                self._commit = None

    async def drain(self) -> None:
        """Finish what has been fetched, commit it; open sessions stay unsettled for the next owner."""
        while self.state is State.RUN and not self.quiet:
            self._stepped.clear()
            await self._stepped.wait()
        await self.settle()

    def _note_restart(self, error: PartitionError) -> float:
        """Tell of a failure; return for how many seconds to leave the broker alone."""
        self._fruitless += 1
        pause: float = min(self._shared.first_pause * 2.0 ** min(self._fruitless - 1, 10), LONGEST_PAUSE)
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
        terms, shared = self._shared.terms, self._shared
        self.state, self._failed = State.INIT, None
        began = monotonic()
        self._producer = shared.broker.transactions(self.source)
        try:
            async with asyncio.timeout(terms.init_timeout):
                await self._producer.start()
                checkpoint = await self._read_checkpoint()
                await shared.follower.caught_up(self._place)
                first, end = (await membership.bounds([self.source]))[self.source]
                checkpoint, low = await self._entry(membership, checkpoint, first, end)
        except TimeoutError:
            raise PartitionError(f"init: not ready within {terms.init_timeout:g} s", "init") from None
        await shared.thread(shared.detector.acquire, self.source)
        self._lane = await shared.thread(self._make_lane, self.source, checkpoint)
        self._lost = await self._skip(low, first, checkpoint) if low < first else None
        low = max(low, first)
        self._clock = CommitClock(terms.pace)
        if self._lost:
            self._clock.progress(monotonic(), 0, 1)
        self._idle = IdleClock(terms.idle_flush, monotonic())
        self.load = Load(unsettled=checkpoint.unsettled_from(low) if checkpoint else 0)
        self.expected = self.resume_at = low
        self.fetched_at = self.committed_at = monotonic()
        self.state = State.RUN
        log.info(
            "partition_runs",
            partition=str(self.source),
            low=low,
            next=checkpoint.next if checkpoint else low,
            unsettled=self.load.unsettled,
            seconds=round(monotonic() - began, 3),
        )

    @property
    def _place(self) -> int:
        """The partition of the checkpoint's and the baseline's topic that is this one's."""
        return self.source.partition % self._shared.terms.co_partitions

    async def _read_checkpoint(self) -> Checkpoint | None:
        terms = self._shared.terms
        key = checkpoint_key(terms.group, self.source)
        value = await self._shared.broker.last(terms.checkpoints, self._place, key)
        if value is None:
            return None
        try:
            return Checkpoint.decode(value)
        except DataError as error:
            raise DataError(f"{terms.checkpoints}, key {key.decode()}: {error}") from None

    async def _entry(
        self, membership: Membership, checkpoint: Checkpoint | None, first: int, end: int
    ) -> tuple[Checkpoint | None, int]:
        """Return where to go on: the checkpoint, else the group's offset, else the first line kept."""
        if checkpoint is None:
            committed = await membership.committed(self.source)
            if committed is not None:
                log.warning("checkpoint_missing", partition=str(self.source), resumes_at=committed)
            return (Checkpoint(committed), committed) if committed is not None else (None, first)
        if checkpoint.next > end:
            # Offsets that were read are not there. A broker that has just taken over may say so for a moment; when it
            # goes on saying so, the topic is another one of the same name.
            if self._fruitless < PATIENCE:
                ends = f"init: the input ends at {end}, before the checkpoint's {checkpoint.next}"
                raise PartitionError(ends, "init")
            log.error("input_made_anew", partition=str(self.source), checkpoint=checkpoint.next, end=end, restart=first)
            self._shared.metrics.partition_restarts.labels("input_made_anew").inc()
            return Checkpoint(first, state=checkpoint.state), first
        return checkpoint, checkpoint.low

    async def _skip(self, low: int, first: int, checkpoint: Checkpoint | None) -> Lost | None:
        """Settle what retention deleted before it was read: nothing can bring it back.

        Everyone is told once that is committed: told at once, it would be told again by whoever takes over before.
        """
        assert self._lane is not None
        before = self._lane.lost
        await self._shared.thread(self._lane.skip, first)
        unread = max(0, first - (checkpoint.next if checkpoint else first))
        lost = unread + self._lane.lost - before
        return Lost(low, first - 1, lost) if lost else None

    def _tell_lost(self, lost: Lost) -> None:
        log.error("input_lost", partition=str(self.source), first=lost.first, last=lost.last, records=lost.records)
        labels = self.source.topic, str(self.source.partition)
        self._shared.metrics.lost_records.labels(*labels).inc(lost.records)

    async def _work(self, membership: Membership) -> None:
        while True:
            self._woken.clear()
            if self._failed is not None:
                raise self._failed
            self._finish_commit()
            due, now = self._clock.due(), monotonic()
            if due is not None and due <= now and self._commit is None:
                self._begin_commit()
            if self._inbox or self._vectors or self._more:
                await self._step()
            elif self.quiet and self.load.open_sessions and self._idle.due() <= now:
                await self._flush_if_caught_up(membership)
            else:
                await self._rest(now)

    async def _rest(self, now: float) -> None:
        dues = [self._idle.due()] if self.quiet and self.load.open_sessions else []
        if self._commit is None and (due := self._clock.due()) is not None:
            dues.append(due)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min([*dues, now + 1.0]) - now)):
                await self._woken.wait()

    async def _step(self) -> None:
        assert self._lane is not None
        batch = self._inbox.popleft() if self._inbox else None
        vectors, self._vectors = self._vectors, {}
        if batch is not None:
            self._idle.arrived(monotonic())
        self._note(await self._shared.thread(self._lane.step, batch, vectors), batch)

    async def _flush_if_caught_up(self, membership: Membership) -> None:
        # The clock may have stood still with the process: only the broker knows whether nothing is left to read.
        assert self._lane is not None
        self._idle.arrived(monotonic())
        try:
            _, end = (await membership.bounds([self.source]))[self.source]
        except PartitionError as error:
            log.info("not_known_whether_caught_up", partition=str(self.source), error=str(error))
            return
        position = membership.position(self.source)
        if position is not None and position >= end and self.quiet:
            self._note(await self._shared.thread(self._lane.flush), None)

    def _note(self, step: Step, batch: Batch | None) -> None:
        self.load, self._more = step.load, step.more
        self._stepped.set()
        for group in groups(step.missing):
            task = asyncio.create_task(self._embed(group))
            self._embedding.add(task)
            task.add_done_callback(self._embedding.discard)
        if batch is not None or step.verdicts:
            self._clock.progress(monotonic(), step.lines, step.load.outputs)
        count_step(self._shared.metrics, self.source, step, batch)

    async def _embed(self, patterns: Sequence[Pattern]) -> None:
        try:
            vectors = await self._shared.embedder.embed(patterns)
        except Exception as error:  # noqa: BLE001  # whatever it is, `_work` raises it where it is dealt with
            self.fail(error)
            return
        self._vectors.update(vectors)  # the dictionary of now: steps swap it while the engine works
        self._wake()

    def _begin_commit(self) -> asyncio.Task[None]:
        commit = self._commit = asyncio.create_task(self._transact())
        commit.add_done_callback(lambda _: self._wake())
        return commit

    async def _transact(self) -> None:
        assert self._lane is not None
        assert self._producer is not None
        terms, began = self._shared.terms, monotonic()
        # Taken out and marked in one go with respect to the event loop: what arrives later is the next one's.
        self._clock.committed()
        settlement: Settlement = await self._shared.thread(self._lane.take)
        checkpoint = settlement.checkpoint
        records = [record.at(self._place) if is_own(record) else record for record in settlement.records]
        key = checkpoint_key(terms.group, self.source)
        records.append(OutRecord("checkpoints", key, checkpoint.encode(), partition=self._place))
        await self._producer.commit(records, checkpoint.low)
        self.committed_at, self._fruitless = monotonic(), 0
        self.incidents = settlement.incidents
        if self._lost is not None:
            self._tell_lost(self._lost)
            self._lost = None
        metrics = self._shared.metrics
        metrics.commit_duration.observe(self.committed_at - began)
        for scope, severity, id_, end in settlement.alerts:
            metrics.count_alert(scope, severity, id_)
            metrics.end_to_end_latency.observe(max(0.0, time() - end / 1e6))
        if settlement.alerts:
            scopes = Counter(scope for scope, *_ in settlement.alerts)
            log.info("alerts_published", partition=str(self.source), scopes=dict(scopes), last=settlement.alerts[-1][2])

    def _finish_commit(self) -> None:
        if self._commit is not None and self._commit.done():
            commit, self._commit = self._commit, None
            commit.result()

    async def _let_go(self) -> None:
        """Forget everything that is not in the checkpoint; never raises, so that it can be the last thing done."""
        self.state = State.DEAD
        self._stepped.set()
        tasks = [task for task in (self._commit, *self._embedding) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._commit, self._failed, self._lane, self.resume_at = None, None, None, None
        self._inbox.clear()
        self._vectors.clear()
        self._more, self.load = False, Load()
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.close()
            await self._shared.thread(self._shared.detector.release, self.source)

    def _wake(self) -> None:
        self._woken.set()


def is_own(record: OutRecord) -> bool:
    """Whether a record belongs into the partition's own place in the baseline's topic."""
    return record.role == "baseline" and record.partition is None
