"""Keeps the detector's baseline level with its topic: every replica reads all of it, committed records only.

A partition may be worked on once the follower has read the baseline's partition up to where it ended when the
partition's producer had fenced all others: from then on nobody else writes to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from daemon.core.detection import Detector
from daemon.errors import PartitionError
from daemon.ports import Broker
from daemon.runtime.worker_thread import WorkerThread

log = structlog.get_logger(__name__)


class Follower:
    """Reads the baseline's topic into the detector for as long as `run` runs."""

    def __init__(self, broker: Broker, topic: str, detector: Detector, thread: WorkerThread) -> None:
        self._broker = broker
        self._topic = topic
        self._detector = detector
        self._thread = thread
        self._read: Mapping[int, int] = {}
        self._moved = asyncio.Condition()

    @property
    def position(self) -> str:
        """How far the topic has been read, as one word for alerts: offsets by partition."""
        return ",".join(str(self._read[p]) for p in sorted(self._read))

    async def run(self) -> None:
        """Follow for ever. Raises ModelMismatchError when the topic holds another model's vectors."""
        while True:
            try:
                async for updates, read in self._broker.follow(self._topic):
                    if updates:
                        await self._thread(self._detector.apply, updates)
                    async with self._moved:
                        self._read = read
                        self._moved.notify_all()
            except PartitionError as error:
                log.warning("baseline_reader_restarts", topic=self._topic, error=str(error))
                await asyncio.sleep(1.0)

    async def caught_up(self, partition: int) -> None:
        """Return once everything committed in a partition of the topic, as of now, is in the detector."""
        await self._reached({partition: await self._broker.high_water(self._topic, partition)})

    async def restored(self) -> None:
        """Return once all that can be read of the topic now is in the detector.

        What lies behind a transaction that a dead replica left open comes later; a partition waits for its own part.
        """
        while True:
            try:
                ends = await self._broker.stable_ends(self._topic)
            except PartitionError as error:
                log.warning("baseline_end_unknown", topic=self._topic, error=str(error))
                await asyncio.sleep(1.0)
            else:
                return await self._reached(ends)

    async def _reached(self, ends: Mapping[int, int]) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: all(self._read.get(p, -1) >= end for p, end in ends.items()))
