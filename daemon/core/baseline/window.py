"""The rolling window: how many sessions each pattern had, by input partition and time bucket.

The window is the last HELD buckets up to the clock. The clock is the latest bucket that at least STEADY sessions
reach: one wrong time stamp cannot expire a week. Counts are sums, so they do not depend on the order in which sessions
were judged, and replicas that have read the same weights (`weight_rows`) agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.core.arrays import Arrays
from daemon.core.baseline.weight_rows import END, Sessions, Weight, WeightRows
from daemon.core.types import TopicPartition

BUCKETS = 28
"""Buckets that the configured window is divided into."""
HELD = BUCKETS + 2
"""Buckets that count: what recurs once a window is still known when it recurs, even a bucket late."""
STEADY = 10


class Window:
    """Sessions by pattern (a row number of the owner's), input partition and bucket of `bucket_us` microseconds."""

    def __init__(self, bucket_us: int) -> None:
        self.bucket_us = bucket_us
        self.clock: int | None = None
        """The latest bucket of the window, None before STEADY sessions were counted."""
        self.total = 0.0
        """Sessions in the window."""
        self._forgotten: int | None = None
        """The latest bucket that was forgotten because it lay before the window, None when none was."""
        self._weights = WeightRows()
        self._sessions: dict[int, int] = {}
        """Sessions of all patterns by bucket."""

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def start(self) -> int:
        """The first bucket of the window."""
        return -(1 << 62) if self.clock is None else self.clock - HELD + 1

    def sessions(self, pattern: int) -> int:
        """Return the number of sessions of `pattern` in the window."""
        start, weights = self.start, self._weights
        return sum(n for weight in weights.of(pattern) for bucket, n in weights.buckets(weight) if bucket >= start)

    def sessions_of(self, patterns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return `sessions` of each of `patterns`."""
        return self._weights.sums_of(patterns, self.start)

    def first(self, pattern: int) -> int:
        """Return the time of the first session of `pattern`, 0 when none is known."""
        return min(map(self._weights.first, self._weights.of(pattern)), default=0)

    def last(self, pattern: int) -> int:
        """Return the time of the latest session of `pattern`, 0 when none is known."""
        return max(map(self._weights.last, self._weights.of(pattern)), default=0)

    def latest(self) -> int:
        """Return the time of the latest session of any pattern, 0 when there is none."""
        return self._weights.latest()

    def weight(self, pattern: int, source: TopicPartition) -> Weight | None:
        """Return what `source` has counted of `pattern`, None when it has counted nothing."""
        weights, row = self._weights, self._weights.find(pattern, source)
        return None if row == END else Weight(dict(weights.buckets(row)), weights.first(row), weights.last(row))

    def sources(self, pattern: int) -> list[TopicPartition]:
        """Return the input partitions that have counted sessions of `pattern`, sorted."""
        return sorted(map(self._weights.source, self._weights.of(pattern)))

    def counted(self, patterns: int) -> NDArray[np.bool_]:
        """Return for each of the patterns 0 to `patterns` - 1 whether it has any weight."""
        return self._weights.counted(patterns)

    @property
    def nbytes(self) -> int:
        """The bytes held."""
        return self._weights.nbytes

    def all_sessions(self, patterns: int) -> NDArray[np.int64]:
        """Return `sessions` of each of the patterns 0 to `patterns` - 1."""
        return self._weights.sums(patterns, self.start)

    def save(self, patterns: int) -> Arrays:
        """Return all that was counted of the patterns 0 to `patterns` - 1, which are all."""
        forgotten = [] if self._forgotten is None else [self._forgotten]
        return {"forgotten": np.array(forgotten, np.int64), **self._weights.save(patterns)}

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` returned, into an empty window; `set_clock` comes next."""
        self._forgotten = int(arrays["forgotten"][0]) if len(arrays["forgotten"]) else None
        self._weights.load(arrays)
        self._sessions = self._weights.by_bucket()

    def set_clock(self) -> bool:
        """Set the clock to where the sessions put it; return whether all that belongs to the window is there.

        It is not where a clock that was ahead of this one has made the window forget more.
        """
        self.clock = self.reached()
        return self._forgotten is None or (self.clock is not None and self._forgotten < self.start)

    def reached(self) -> int | None:
        """Return the latest bucket that STEADY sessions reach, None when there is none: where the clock belongs."""
        reached = 0
        for bucket in sorted(self._sessions, reverse=True):
            reached += self._sessions[bucket]
            if reached >= STEADY:
                return bucket
        return None

    # -- writing ---------------------------------------------------------------------------------------------------

    def add(self, pattern: int, source: TopicPartition, end: int) -> int:
        """Count one session of `pattern` that ended at `end`, and return its bucket. `tick` moves the clock."""
        bucket = end // self.bucket_us
        self.add_many(Sessions(pattern, bucket, 1, end, end), source)
        return bucket

    def add_many(self, sessions: Sessions, source: TopicPartition) -> None:
        """Count sessions of one pattern and bucket, as `add` does for each."""
        self._weights.count(sessions, source)
        self._sessions[sessions.bucket] = self._sessions.get(sessions.bucket, 0) + sessions.count

    def replace_many(self, weights: Sequence[tuple[int, TopicPartition, Weight | None]]) -> None:
        """Set what each source has counted of its pattern, as far as it is in the window; None removes it.

        Where a (pattern, source) comes more than once, the last weight counts.
        """
        latest = {(pattern, source): weight and self._inside(weight) for pattern, source, weight in weights}
        for pattern, source in latest:
            old = self._weights.find(pattern, source)
            if old != END:
                self._remove(pattern, old)
        new = [(*key, weight) for key, weight in latest.items() if weight is not None and weight.buckets]
        self._weights.put_many(new)
        for _, _, weight in new:
            for bucket, n in weight.buckets.items():
                self._sessions[bucket] = self._sessions.get(bucket, 0) + n

    def _inside(self, weight: Weight) -> Weight:
        """Return a weight without the buckets before the window, which are noted as forgotten."""
        start = self.start
        old = [bucket for bucket in weight.buckets if bucket < start]
        if not old:
            return weight
        self._forget(old)
        return replace(weight, buckets={bucket: n for bucket, n in weight.buckets.items() if bucket >= start})

    def remove(self, pattern: int) -> None:
        """Forget all that was counted of `pattern`."""
        for weight in list(self._weights.of(pattern)):
            self._remove(pattern, weight)

    def tick(self, latest: int | None = None) -> bool:
        """Move the clock, after sessions were counted up to the bucket `latest`, and return whether it moved.

        The total does not change; see `expire` and `count_total`.
        """
        if latest is None:
            latest = max(self._sessions, default=None)
        if latest is None or (self.clock is not None and latest <= self.clock):
            return False
        reached, before = self.reached(), self.clock
        if reached is not None:
            self.clock = reached if before is None else max(reached, before)
        return self.clock != before

    def count_total(self) -> None:
        """Bring the total up to date."""
        start = self.start
        self.total = float(sum(n for bucket, n in self._sessions.items() if bucket >= start))

    def expire(self) -> list[int]:
        """Forget the buckets before the window, and weights without any; return the patterns that lost sessions."""
        old = [bucket for bucket in self._sessions if bucket < self.start]
        self._forget(old)
        for bucket in old:
            del self._sessions[bucket]
        return self._weights.drop_before(self.start)

    def _forget(self, buckets: Iterable[int]) -> None:
        latest = max(buckets, default=None)
        if latest is not None:
            self._forgotten = latest if self._forgotten is None else max(latest, self._forgotten)

    def _remove(self, pattern: int, weight: int) -> None:
        for bucket, n in self._weights.buckets(weight):
            left = self._sessions.get(bucket, 0) - n
            if left > 0:
                self._sessions[bucket] = left
            else:
                self._sessions.pop(bucket, None)
        self._weights.remove(pattern, weight)
