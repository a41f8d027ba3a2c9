"""Moves scopes that nobody uses to the disk. A scope comes back by itself, in the detector's thread, when it is used.

The disk is only where they lie: the topic stays the truth. Where the disk takes nothing, scopes stay in memory. Where
it does not return what it took, the process ends (`ColdScopeError`), and the next one restores all from the topic.
"""

from __future__ import annotations

import asyncio
import ctypes
from time import monotonic

import structlog

from daemon.core.detection import Detector
from daemon.metrics import Metrics
from daemon.runtime.worker_thread import WorkerThread

log = structlog.get_logger(__name__)

TURNS = 4
"""Turns of which a scope has to be unused to be cold."""


class ColdScopes:
    """Moves the scopes of `detector` that were not used for about `after` seconds."""

    def __init__(self, detector: Detector, thread: WorkerThread, metrics: Metrics, after: float) -> None:
        self._detector, self._thread, self._metrics = detector, thread, metrics
        self._after = after

    async def run(self) -> None:
        """End a turn every now and then, until cancelled."""
        while True:
            await asyncio.sleep(self._after / TURNS)
            await self.end_turn()

    async def end_turn(self) -> None:
        """Move the scopes that have become cold, one in each call to the detector's thread."""
        began, moved = monotonic(), 0
        names = await self._thread(self._detector.unused_scopes, TURNS)
        for name in names:
            try:
                moved += await self._thread(self._detector.cool, name, TURNS)
            except OSError as error:
                self._metrics.baseline_cold_failures.inc()
                log.warning("scopes_stay_in_memory", error=str(error))
                break
        await self._thread(give_back)
        if moved:
            cold = await self._thread(self._detector.cold)
            seconds = round(monotonic() - began, 3)
            log.info("scopes_moved_to_disk", moved=moved, scopes=cold.scopes, bytes=cold.bytes, seconds=seconds)


def give_back() -> None:
    """Give freed memory back to the system, where the C library does that: glibc keeps it for later."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
