"""Keeps the detector's baseline up to date with its topic: every replica reads all of it, committed records only.

A partition may be processed once the follower has read its partition of the baseline topic to the end. That end is
taken after the partition's producer has fenced all others: from then on nobody else writes there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import monotonic

import structlog

from daemon.core.detection import Detector
from daemon.core.types import Update
from daemon.errors import DataError, PartitionError
from daemon.ports import Broker
from daemon.runtime.stalls import Delay, StallCause
from daemon.runtime.worker_thread import WorkerThread

log = structlog.get_logger(__name__)

CHECK_EVERY = 5.0
CHECK_SECONDS = 10.0
REPORT_EVERY = 5.0


class Follower:
    """Reads the baseline's topic into the detector for as long as `run` runs."""

    def __init__(
        self,
        broker: Broker,
        topic: str,
        detector: Detector,
        thread: WorkerThread,
        on_foreign: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_foreign = on_foreign
        self._broker = broker
        self._topic = topic
        self._detector = detector
        self._thread = thread
        self._read: Mapping[int, int] = {}
        self._moved = asyncio.Condition()
        self._moved_at = monotonic()
        self._error = ""
        self._first: Mapping[int, int] = {}
        self._ends: Mapping[int, int] = {}
        self._begin: Mapping[int, int] = {}
        self.whole = asyncio.Event()
        """Set when `restored` has returned."""

    def begin_at(self, offsets: Mapping[int, int]) -> None:
        """Read each partition from its offset on: the detector has what stands before. Call before `run`."""
        self._begin = offsets

    @property
    def offsets(self) -> Mapping[int, int]:
        """By partition, the offset up to which the topic is in the detector."""
        return self._read

    @property
    def progress(self) -> float:
        """The share, 0 to 1, of what `restored` waits for that has been read."""
        whole = sum(max(end - self._first.get(p, end), 0) for p, end in self._ends.items())
        left = sum(max(end - self._read.get(p, 0), 0) for p, end in self._ends.items())
        return max(0.0, 1.0 - left / whole) if whole else 0.0

    @property
    def position(self) -> str:
        """How far the topic has been read: the offsets of its partitions, separated by commas. Alerts name it."""
        return ",".join(str(self._read[p]) for p in sorted(self._read))

    async def run(self) -> None:
        """Follow until cancelled. Raises ModelMismatchError when the topic holds another model's vectors."""
        while True:
            try:
                async for updates, read in self._broker.follow(self._topic, self._begin):
                    if updates:
                        for update, reason in await self._thread(self._apply, updates):
                            self._tell_foreign(update, reason)
                    if read != self._read:
                        self._moved_at, self._error = monotonic(), ""
                    async with self._moved:
                        self._first = self._first or read
                        self._read = read
                        self._moved.notify_all()
            except PartitionError as error:
                self._error = str(error)
                log.warning("baseline_reader_restarts", topic=self._topic, error=str(error))
                await asyncio.sleep(1.0)

    def _apply(self, updates: Sequence[Update]) -> list[tuple[Update, str]]:
        """Apply records; return the foreign ones, each with the reason. Applying records again is harmless."""
        try:
            self._detector.apply(updates, restoring=not self.whole.is_set())
        except DataError as error:
            if len(updates) == 1:
                return [(updates[0], str(error))]
            half = len(updates) // 2
            return self._apply(updates[:half]) + self._apply(updates[half:])
        return []

    def _tell_foreign(self, update: Update, reason: str) -> None:
        self._on_foreign()
        partition, offset = update.place if update.place is not None else (None, None)
        log.warning("foreign_record", topic=self._topic, partition=partition, offset=offset, error=reason)

    def delays(self, now: float) -> Iterator[Delay]:
        """Yield for how long nothing was read although the topic holds more, as far as `watch` knows."""
        yield Delay(
            StallCause.BASELINE, now - self._moved_at, self._error or "the baseline topic holds more than is read"
        )

    async def watch(self) -> None:
        """Compare what is read with the end of the topic, until cancelled: a reader that waits raises no error."""
        while True:
            await asyncio.sleep(CHECK_EVERY)
            read = self._read
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    ends = await asyncio.gather(*(self._broker.high_water(self._topic, p) for p in read))
                    behind = [p for p, end in zip(read, ends, strict=True) if read[p] < end]
                    held_back = await self._held_back(behind) if behind else ""
            except (PartitionError, TimeoutError) as error:
                self._error = str(error) or f"no answer within {CHECK_SECONDS:g} s about the end of {self._topic}"
                continue
            if read and not behind:
                self._moved_at, self._error = monotonic(), ""
            elif held_back:
                self._error = held_back

    async def _held_back(self, behind: Sequence[int]) -> str:
        """Say which partition ends, for a reader of committed records, where this one is. Empty when there is none."""
        if monotonic() - self._moved_at < CHECK_EVERY:
            return ""
        stable = await self._broker.stable_ends(self._topic)
        return next(
            (
                f"a transaction that does not end holds back {self._topic}/{p} from offset {stable[p]}"
                for p in behind
                if stable.get(p) == self._read.get(p)
            ),
            "",
        )

    async def caught_up(self, partition: int) -> None:
        """Return once everything committed in a partition of the topic, as of now, is in the detector."""
        await self._reached({partition: await self._broker.high_water(self._topic, partition)})

    async def restored(self) -> None:
        """Return once everything that can be read of the topic now is in the detector.

        Records behind the open transaction of a dead replica follow later; each partition waits for its own part.
        Meanwhile `progress` grows, and the log says so every REPORT_EVERY seconds.
        """
        while True:
            try:
                ends = await self._broker.stable_ends(self._topic)
            except PartitionError as error:
                log.warning("baseline_end_unknown", topic=self._topic, error=str(error))
                await asyncio.sleep(1.0)
                continue
            self._ends = ends
            while True:
                try:
                    async with asyncio.timeout(REPORT_EVERY):
                        await self._reached(ends)
                        self.whole.set()
                        return
                except TimeoutError:
                    log.info("baseline_restores", topic=self._topic, share=round(self.progress, 3))

    async def _reached(self, ends: Mapping[int, int]) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: all(self._read.get(p, -1) >= end for p, end in ends.items()))
