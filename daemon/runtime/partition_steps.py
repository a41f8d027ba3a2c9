"""The steps of one partition while it runs: what was fetched and the engine's vectors go into its processor.

A step runs in the worker thread. `commits` publishes its output, the engine embeds the patterns that need a vector,
and when nothing arrives for a while, the processor is notified that time passes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic

import structlog

from daemon.core.stream import IdleClock, Load, Processor, Step
from daemon.core.types import Batch, TopicPartition
from daemon.errors import PartitionError
from daemon.ports import Membership
from daemon.runtime.commits import Commits
from daemon.runtime.partition_progress import EventTime, PartitionProgress
from daemon.runtime.partition_vectors import PartitionVectors
from daemon.runtime.recovery import Recovered
from daemon.runtime.shared import Shared
from daemon.runtime.step_metrics import count_step

log = structlog.get_logger(__name__)

INBOX_BATCHES = 2
WAITING_SESSIONS = 4_096


class PartitionSteps:
    """Steps through a processor between `start` and `stop`.

    `load` is what the processor holds since the last step. `stepped` is set when a step or the work ends.
    """

    def __init__(
        self,
        source: TopicPartition,
        shared: Shared,
        commits: Commits,
        progress: PartitionProgress,
        vectors: PartitionVectors,
    ) -> None:
        self.load = Load()
        self.stepped = asyncio.Event()
        self._source = source
        self._shared = shared
        self._commits = commits
        self._progress = progress
        self._vectors = vectors
        self._processor: Processor | None = None
        self._inbox: deque[Batch] = deque()
        self._more = False
        self._idle = IdleClock(shared.terms.idle_flush, monotonic())
        self._stepping = False

    def start(self, recovered: Recovered) -> None:
        """Begin with the processor of a newly recovered partition."""
        self._processor = recovered.processor
        self._idle = IdleClock(self._shared.terms.idle_flush, monotonic())
        self.load = Load(unsettled=recovered.unsettled, listening=recovered.processor.announces)

    async def stop(self) -> None:
        """Forget the processor and the input that it has not taken. Never raises."""
        self.stepped.set()
        await self._vectors.stop()
        self._processor = None
        self._inbox.clear()
        self._more, self.load, self._progress.event_time = False, Load(), EventTime()

    def offer(self, batch: Batch) -> None:
        """Take in what was fetched."""
        self._inbox.append(batch)

    @property
    def hungry(self) -> bool:
        """Whether there is room for another batch.

        Lines that a checkpoint left unsettled take no room before they have been read again.
        """
        in_memory = self.load.open_sessions or self.load.waiting
        return (
            len(self._inbox) < INBOX_BATCHES
            and self.load.waiting < WAITING_SESSIONS
            and (self.load.unsettled < self._shared.terms.max_unsettled or not in_memory)
            and not self.load.full
        )

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way except open sessions."""
        return not (self._stepping or self.ready or self._vectors.asked or self.load.waiting)

    @property
    def ready(self) -> bool:
        """Whether there is something to do in a step."""
        return bool(self._fed or self._vectors.ready or self._more)

    @property
    def _fed(self) -> bool:
        """Whether there is input, and room for the sessions that it closes."""
        return bool(self._inbox) and self.load.waiting < WAITING_SESSIONS

    def idle_due(self) -> float | None:
        """Return when to note that time passes, None while there is anything else to do."""
        waits = self.quiet and (self.load.open_sessions or self.load.listening)
        return self._idle.due() if waits else None

    async def step(self) -> None:
        """Give the processor the next batch, and the vectors that have arrived; what it leaves of it comes next."""
        assert self._processor is not None
        batch = self._inbox.popleft() if self._fed else None
        if batch is not None:
            self._idle.arrived(monotonic())
            await self._prepare(batch)
        step = await self._in_thread(self._processor.step, batch, self._vectors.take())
        if batch is not None and step.unread:
            self._inbox.appendleft(batch.last(step.unread))
            batch = batch.rows(range(len(batch) - step.unread))
        self._note(step, batch)

    async def _prepare(self, batch: Batch) -> None:
        """Wait for what the processor needs for `batch`, if anything; until then the partition is not quiet."""
        preparation = self._shared.preparations.get(self._source.topic)
        if preparation is not None:
            self._stepping = True
            try:
                await preparation(batch)
            finally:
                self._stepping = False

    async def flush_if_caught_up(self, membership: Membership) -> None:
        """Notify the processor that time passes, if nothing is left to read."""
        # The process may have been frozen, and its clocks with it: only the broker knows whether there is more to read.
        assert self._processor is not None
        self._idle.restart(monotonic())
        try:
            _, end = (await membership.bounds([self._source]))[self._source]
        except PartitionError as error:
            log.info("not_known_whether_caught_up", partition=str(self._source), error=str(error))
            return
        position = membership.position(self._source)
        if position is not None and position >= end and self.quiet:
            idle = self._idle.seconds(monotonic())
            self._note(await self._in_thread(self._processor.flush, idle), None)

    async def _in_thread(self, work: Callable[..., Step], *arguments: object) -> Step:
        """Do the processor's work in the worker thread; until it is done the partition is not quiet."""
        self._stepping = True
        try:
            return await self._shared.thread(work, *arguments)
        finally:
            self._stepping = False
            self.stepped.set()

    def _note(self, step: Step, batch: Batch | None) -> None:
        self.load, self._more = step.load, step.more
        self._progress.event_time.note(monotonic(), step.load.watermark, step.lines)
        self._vectors.ask(step.missing)
        if batch is not None or step.verdicts or step.load.outputs:
            self._commits.progress(step.lines, step.load.outputs)
        count_step(self._shared.metrics, self._source, step, batch)
