"""Keeps the detector's baseline up to date with its topic: committed records only.

A replica reads all partitions of the topic, or those that `Holding` names, and then from partition LABELS at least
people's labels, which are those of all scopes. What it does not need any more is forgotten.

A partition may be processed once the follower has read its partition of the baseline topic to the end. That end is
taken after the partition's producer has fenced all others: from then on nobody else writes there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence
from time import monotonic

import structlog

from daemon.core.detection import Detector, is_label
from daemon.core.stream import LABELS
from daemon.core.types import Update
from daemon.errors import DataError, PartitionError
from daemon.ports import Broker
from daemon.runtime.baseline_holding import HoldAll, Holding
from daemon.runtime.stalls import Delay, StallCause
from daemon.runtime.worker_thread import WorkerThread

log = structlog.get_logger(__name__)

CHECK_EVERY = 5.0
CHECK_SECONDS = 10.0
REPORT_EVERY = 5.0
FORGOTTEN_AT_ONCE = 64
"""Scopes that are forgotten in one call to the detector's thread."""


class Follower:
    """Reads the baseline's topic into the detector for as long as `run` runs."""

    def __init__(
        self,
        broker: Broker,
        topic: str,
        detector: Detector,
        thread: WorkerThread,
        on_foreign: Callable[[], None] = lambda: None,
        holding: Holding | None = None,
    ) -> None:
        self.holding = holding or HoldAll()
        """What decides which partitions are read."""
        self._everything = self.holding.wanted() is None
        self.given_up = 0
        """How often partitions were forgotten."""
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
        self._taken: dict[int, int] = {}
        """By partition that is read whole, the offset up to which the detector has it."""
        self._labels: dict[int, int] = {}
        """The offset up to which only labels were read of partition LABELS."""
        self._fresh: Mapping[int, int] = {}
        """By partition that is read from its beginning while the replica runs, where it ended when that began."""
        self.whole = asyncio.Event()
        """Set when `restored` has returned."""

    def begin_at(self, offsets: Mapping[int, int]) -> None:
        """Read each partition from its offset on: the detector has what stands before. Call before `run`."""
        self._taken = dict(offsets)
        self.holding.keep(offsets)

    @property
    def offsets(self) -> Mapping[int, int]:
        """By partition that is read whole, the offset up to which it is in the detector."""
        return {place: offset for place, offset in self._read.items() if place in self._taken}

    @property
    def progress(self) -> float:
        """The share, 0 to 1, of what `restored` waits for that has been read."""
        whole = sum(max(end - self._first.get(p, end), 0) for p, end in self._ends.items())
        left = sum(max(end - self._read.get(p, 0), 0) for p, end in self._ends.items())
        return max(0.0, 1.0 - left / whole) if whole else 0.0

    @property
    def position(self) -> str:
        """How far the topic has been read: the offsets of its partitions, separated by commas. Alerts name it.

        Where not all partitions are read, each offset comes after its partition and a colon.
        """
        return ",".join(str(at) if self._everything else f"{p}:{at}" for p, at in sorted(self.offsets.items()))

    async def run(self) -> None:
        """Follow until cancelled. Raises ModelMismatchError when the topic holds another model's vectors."""
        while True:
            try:
                await self._follow(self.holding.wanted())
            except PartitionError as error:
                self._error = str(error)
                log.warning("baseline_reader_restarts", topic=self._topic, error=str(error))
                await asyncio.sleep(1.0)

    async def _follow(self, wanted: frozenset[int] | None) -> None:
        """Follow these partitions, None for all, until others are wanted."""
        if wanted is not None:
            await self._change_to(wanted)
        partitions = None if wanted is None else wanted | {LABELS}
        following = self._broker.follow(self._topic, {**self._labels, **self._taken}, partitions)
        try:
            async for updates, read in following:
                await self._take(updates, wanted)
                if read != self._read:
                    self._moved_at, self._error = monotonic(), ""
                async with self._moved:
                    self._first = self._first or read
                    self._read = read
                    self._taken = {p: at for p, at in read.items() if wanted is None or p in wanted}
                    self._labels = {p: at for p, at in read.items() if p not in self._taken}
                    self._fresh = {p: end for p, end in self._fresh.items() if read.get(p, -1) < end}
                    self._moved.notify_all()
                if self.holding.wanted() != wanted:
                    return
        finally:
            if isinstance(following, AsyncGenerator):
                await following.aclose()

    async def _change_to(self, wanted: frozenset[int]) -> None:
        """Forget the partitions that are not wanted any more, and prepare to read new ones from their beginning."""
        # Between `wanted` and here nothing else runs, so whoever holds a partition from now on waits for it.
        gone = self._taken.keys() - wanted
        self._labels |= {p: at for p, at in self._taken.items() if p in gone and p == LABELS}
        self._taken = {p: at for p, at in self._taken.items() if p in wanted}
        new = wanted - self._taken.keys()
        self._read = {p: at for p, at in self._read.items() if p not in new and (p in wanted or p == LABELS)}
        self._fresh = {p: end for p, end in self._fresh.items() if p in wanted}
        if gone:
            await self._forget(gone)
        if new:
            self._labels = {p: at for p, at in self._labels.items() if p not in new}
            ends = await self._broker.stable_ends(self._topic)
            self._fresh = {**self._fresh, **{p: ends[p] for p in new if p in ends}}

    async def _forget(self, gone: Collection[int]) -> None:
        """Forget the baselines of partitions that were read, some scopes at a time."""
        began, self.given_up = monotonic(), self.given_up + 1
        names = await self._thread(self._detector.scopes_in, gone)
        for first in range(0, len(names), FORGOTTEN_AT_ONCE):
            await self._thread(self._detector.forget, names[first : first + FORGOTTEN_AT_ONCE], gone)
        seconds = round(monotonic() - began, 3)
        log.info("baselines_given_up", partitions=sorted(gone), scopes=len(names), seconds=seconds)

    async def _take(self, updates: Sequence[Update], wanted: Collection[int] | None) -> None:
        """Apply what was read; of a partition that is not wanted, only the labels."""
        if wanted is not None:
            updates = [one for one in updates if one.place is None or one.place[0] in wanted or is_label(one.key)]
        fresh = [one for one in updates if one.place is not None and one.place[0] in self._fresh]
        known = [one for one in updates if one.place is None or one.place[0] not in self._fresh] if fresh else updates
        for some, restoring in ((known, not self.whole.is_set()), (fresh, True)):
            if some:
                for update, reason in await self._thread(self._apply, some, restoring):
                    self._tell_foreign(update, reason)

    def _apply(self, updates: Sequence[Update], restoring: bool) -> list[tuple[Update, str]]:
        """Apply records; return the foreign ones, each with the reason. Applying records again is harmless."""
        try:
            self._detector.apply(updates, restoring=restoring)
        except DataError as error:
            if len(updates) == 1:
                return [(updates[0], str(error))]
            half = len(updates) // 2
            return self._apply(updates[:half], restoring) + self._apply(updates[half:], restoring)
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

    async def holds(self, partition: int) -> None:
        """Return once the detector has a partition of the topic whole, as it was when reading it began.

        It must be held meanwhile. There is no limit on the time: `delays` says when nothing is read.
        """
        async with self._moved:
            await self._moved.wait_for(
                lambda: partition in self._taken and partition in self._read and partition not in self._fresh
            )

    async def caught_up(self, partition: int) -> None:
        """Return once everything committed in a partition of the topic, as of now, is in the detector."""
        await self._reached({partition: await self._broker.high_water(self._topic, partition)})

    async def restored(self) -> None:
        """Return once everything that can be read now of the partitions that are read is in the detector.

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
            wanted = self.holding.wanted()
            ends = self._ends = {p: end for p, end in ends.items() if wanted is None or p in wanted or p == LABELS}
            while True:
                try:
                    async with asyncio.timeout(REPORT_EVERY):
                        await self._reached(ends)
                        self.whole.set()
                        return
                except TimeoutError:
                    log.info("baseline_restores", topic=self._topic, share=round(self.progress, 3))
                    if self.holding.wanted() != wanted:
                        break

    async def _reached(self, ends: Mapping[int, int]) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: all(self._read.get(p, -1) >= end for p, end in ends.items()))
