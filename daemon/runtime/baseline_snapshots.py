"""The snapshot of the baselines on the local disk: written now and then, and read at the next start.

It saves time and nothing else: the topic stays the truth. A snapshot says from which offset on the topic has to be
read, and of which topic, model and settings it is. If anything is not as it should be, the topic is read from its
beginning, and a line of the log says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from time import monotonic, time
from typing import Any, ParamSpec

import structlog

from daemon.core.detection import Detector, SavedScope
from daemon.errors import DataError, PartitionError
from daemon.metrics import Metrics
from daemon.ports import Broker, SnapshotStore
from daemon.runtime.baseline_follower import Follower
from daemon.runtime.worker_thread import WorkerThread

P = ParamSpec("P")
log = structlog.get_logger(__name__)

LONGEST = 12 * 3600.0
"""Seconds after which a snapshot is too old. Kafka may have dropped by then what says that a value was deleted."""
SCOPES_AT_ONCE, PATTERNS_AT_ONCE = 64, 4096
"""What is copied in one call to the detector's thread, which judges nothing meanwhile."""
_UNUSABLE = (DataError, OSError, PartitionError, ValueError, LookupError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True)
class SnapshotTerms:
    """Which topic the snapshot is of, the release that writes it, and the seconds between two of them."""

    topic: str
    version: str
    every: float


class BaselineSnapshots:
    """Reads and writes the snapshot of one detector's baselines, which `follower` keeps up to date."""

    def __init__(
        self,
        terms: SnapshotTerms,
        store: SnapshotStore,
        broker: Broker,
        detector: Detector,
        thread: WorkerThread,
        follower: Follower,
        metrics: Metrics,
    ) -> None:
        self._terms, self._store, self._broker = terms, store, broker
        self._detector, self._thread, self._follower = detector, thread, follower
        self._metrics = metrics
        self._loaded = self._scopes = 0

    @property
    def progress(self) -> float:
        """The share, 0 to 1, of the snapshot's scopes that are loaded."""
        return self._loaded / self._scopes if self._scopes else 0.0

    async def load(self) -> Mapping[int, int]:
        """Give the detector the snapshot; return by partition from where the topic has to be read, else nothing."""
        began = monotonic()
        try:
            opened = await asyncio.to_thread(self._store.open)
            if opened is None:
                return {}
            head, scopes = opened
            begin = await self._check(head)
            await self._take(scopes)
        except _UNUSABLE as error:
            self._metrics.baseline_snapshots.labels("refused").inc()
            log.warning("snapshot_not_used", error=str(error) or repr(error))
            return {}
        self._metrics.baseline_snapshots.labels("loaded").inc()
        log.info(
            "snapshot_loaded",
            scopes=self._loaded,
            seconds=round(monotonic() - began, 1),
            age_seconds=round(time() - head["made"]),
        )
        return begin

    async def run(self) -> None:
        """Write a snapshot every so many seconds, once all is restored, until cancelled.

        A failure is told, and tried again next time.
        """
        await self._follower.whole.wait()
        while True:
            await asyncio.sleep(self._terms.every)
            began = monotonic()
            try:
                size, scopes = await self.write()
            except _UNUSABLE as error:
                self._metrics.baseline_snapshots.labels("failed").inc()
                log.warning("snapshot_not_written", error=str(error) or repr(error))
                continue
            self._metrics.baseline_snapshots.labels("written").inc()
            self._metrics.baseline_snapshot_bytes.set(size)
            log.info("snapshot_written", bytes=size, scopes=scopes, seconds=round(monotonic() - began, 1))

    async def write(self) -> tuple[int, int]:
        """Write a snapshot; return its bytes and its scopes. Raises DataError, OSError or PartitionError.

        What is read while it is written may be in it or not. It is read again after a start, which is harmless.
        """
        given_up = self._follower.given_up
        read = {str(partition): offset for partition, offset in self._follower.offsets.items()}
        sizes = await self._thread(self._detector.scope_sizes)
        head = {"of": await self._identity(), "made": time(), "read": read, "scopes": len(sizes)}
        writer = self._store.writer()
        written = 0
        try:
            await _to_its_end(writer.begin, head)
            for names in _groups(sizes):
                for saved in await self._thread(self._detector.save, names):
                    await _to_its_end(writer.add, saved)
                    written += 1
            self._check_all_held(given_up)
            await _to_its_end(writer.finish)
        except BaseException:
            await _to_its_end(writer.abandon)
            raise
        return writer.bytes, written

    def _check_all_held(self, given_up: int) -> None:
        """Raise DataError where the follower has forgotten partitions since it had done so `given_up` times."""
        if self._follower.given_up != given_up:
            raise DataError("partitions were given up while it was written")

    async def _check(self, head: Mapping[str, Any]) -> Mapping[int, int]:
        """Return where the snapshot ends in the topic. Raises DataError when it cannot be used."""
        age = time() - head["made"]
        if not 0 <= age <= LONGEST:
            raise DataError(f"the snapshot is {age:.0f} s old; one of 0 to {LONGEST:.0f} s can be used")
        if head["of"] != await self._identity():
            raise DataError("the snapshot is of another topic, release, model or configuration")
        begin = {int(partition): int(offset) for partition, offset in head["read"].items()}
        firsts = await self._broker.first_offsets(self._terms.topic)
        ends = await self._broker.stable_ends(self._terms.topic)
        if not begin.keys() <= ends.keys() or any(not firsts[p] <= offset <= ends[p] for p, offset in begin.items()):
            raise DataError("the snapshot ends where the topic has no records any more, or none yet")
        self._scopes = int(head["scopes"])
        return begin

    async def _identity(self) -> dict[str, Any]:
        """Return what must not have changed. Raises DataError where the topic cannot be told from another one."""
        topic_id = await self._broker.topic_id(self._terms.topic)
        if topic_id is None:
            raise DataError("this cluster gives topics no identity, as Kafka does since 2.8")
        of = {"topic": self._terms.topic, "topic_id": topic_id, "version": self._terms.version}
        return {**of, **self._detector.identity()}

    async def _take(self, scopes: Iterator[SavedScope]) -> None:
        """Load all scopes: while the detector's thread takes one in, the next one is read."""
        loading = self._detector.loading()
        saved = await asyncio.to_thread(next, scopes, None)
        while saved is not None:
            saved, _ = await asyncio.gather(asyncio.to_thread(next, scopes, None), self._thread(loading.add, saved))
            self._loaded += 1
        await self._thread(loading.finish)


async def _to_its_end(function: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    """Call in a thread, and return after the call has: also when cancelled, so that no two calls meet in a file."""
    call = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        await asyncio.shield(call)
    except asyncio.CancelledError:
        await asyncio.wait([call])
        raise


def _groups(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Yield the names of scopes in groups that are copied at once; `sizes` are their patterns."""
    group, patterns = list[str](), 0
    for name, size in sizes.items():
        if group and (len(group) == SCOPES_AT_ONCE or patterns + size > PATTERNS_AT_ONCE):
            yield group
            group, patterns = [], 0
        group.append(name)
        patterns += size
    if group:
        yield group
