"""Finds patterns of scopes that this replica does not have, in the baseline's topic.

The topic is read from its beginning to where it ends now: some seconds where it is large. It happens when people give
feedback, and only the partition of feedback waits.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from time import monotonic

import structlog

from daemon.core.baseline import Lines
from daemon.core.detection import Detector, parse_key, vector_lines
from daemon.core.messages import pattern_named
from daemon.core.types import Batch, Update
from daemon.errors import DataError
from daemon.ports import Broker
from daemon.runtime.worker_thread import WorkerThread

log = structlog.get_logger(__name__)


class PatternLookup:
    """Lends the detector the patterns that a batch of feedback names. A `Preparation`."""

    def __init__(self, broker: Broker, topic: str, detector: Detector, thread: WorkerThread) -> None:
        self._broker, self._topic = broker, topic
        self._detector, self._thread = detector, thread

    async def __call__(self, batch: Batch) -> None:
        """Find what `batch` names and the detector does not have. Raises PartitionError."""
        lacking = await self._thread(self._lacking, batch)
        if not lacking:
            return
        began = monotonic()
        found = await self._find(lacking)
        await self._thread(self._detector.lend, found)
        seconds = round(monotonic() - began, 3)
        log.info("patterns_looked_up", topic=self._topic, asked=len(lacking), known=len(found), seconds=seconds)

    def _lacking(self, batch: Batch) -> set[str]:
        """Return the patterns that messages name and the detector does not have."""
        named = {pattern for value in batch.values if (pattern := pattern_named(value)) is not None}
        return {pattern for pattern in named if not self._has(pattern)}

    def _has(self, pattern: str) -> bool:
        scope = self._detector.scope_of(pattern)
        return scope is not None and bool(self._detector.lines_of(scope, pattern))

    async def _find(self, patterns: Collection[str]) -> dict[str, tuple[str, Lines]]:
        found: dict[str, tuple[str, Lines]] = {}
        ends = await self._broker.stable_ends(self._topic)
        following = self._broker.follow(self._topic)
        try:
            async for updates, read in following:
                found |= await self._thread(_among, updates, patterns)
                if all(read.get(partition, -1) >= end for partition, end in ends.items()):
                    break
        finally:
            if isinstance(following, AsyncGenerator):
                await following.aclose()
        return found


def _among(updates: Sequence[Update], patterns: Collection[str]) -> dict[str, tuple[str, Lines]]:
    """Return scope and lines of those of `patterns` whose vectors are among the records."""
    found: dict[str, tuple[str, Lines]] = {}
    for update in updates:
        if update.value is None or not update.key.startswith(b'["vector",'):
            continue
        try:
            _, scope, pattern = parse_key(update.key)
            if pattern in patterns:
                found[pattern] = scope, vector_lines(update.value)
        except DataError:  # a foreign record: the follower of its partition reports it
            continue
    return found
