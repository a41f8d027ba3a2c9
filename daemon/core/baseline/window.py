"""The rolling window: how many sessions of each pattern came, from which input partition, in which bucket of time.

A *weight* is what one input partition has counted of one pattern: sessions by time bucket, and the times of the first
and the last. Weights and their buckets are rows of two tables that are linked into lists: a pattern names its first
weight, a weight the pattern's next one, a weight its first bucket, a bucket the weight's next one. So a pattern that
came once costs two short rows, and what concerns all patterns (expiry, restoring, totals) is work on whole columns.

The window is the last HELD buckets up to the clock. The clock is the latest bucket that at least STEADY sessions
reach: one absurd time stamp cannot expire a week. Counts are sums, so they do not depend on the order in which sessions
were judged, and replicas that have read the same weights agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from daemon.core.columns import ROWS, Column, Columns
from daemon.core.types import TopicPartition

BUCKETS = 28
"""Buckets that the configured window is divided into."""
HELD = BUCKETS + 2
"""Buckets that count: what recurs once a window is still known when it comes, and when it is a bucket late."""
STEADY = 10
END = -1
"""Ends a list of rows."""

Rows = NDArray[np.int64]


@dataclass(slots=True)
class Weight:
    """Sessions of one pattern from one input partition: a count for each time bucket, and when first and last."""

    buckets: dict[int, int] = field(default_factory=dict)
    first: int = 0
    last: int = 0


class _Heads(Columns):
    first = Column(np.int32, (ROWS,), END)


class _Weights(Columns):
    pattern = Column(np.int32)
    source = Column(np.int32)
    first = Column(np.int64)
    last = Column(np.int64)
    buckets = Column(np.int32, (ROWS,), END)
    next = Column(np.int32, (ROWS,), END)


class _Buckets(Columns):
    weight = Column(np.int32, (ROWS,), END)
    bucket = Column(np.int64)
    sessions = Column(np.int64)
    next = Column(np.int32, (ROWS,), END)


class Window:
    """Sessions by pattern (a row number of the owner's), input partition and bucket of `bucket_us` microseconds."""

    def __init__(self, bucket_us: int) -> None:
        self.bucket_us = bucket_us
        self.clock: int | None = None
        """The latest bucket of the window, None before STEADY sessions were counted."""
        self.total = 0.0
        """Sessions in the window."""
        self._heads = _Heads(1)
        self._weights = _Weights(1)
        self._buckets = _Buckets(1)
        self._sources: dict[TopicPartition, int] = {}
        self._names: list[TopicPartition] = []
        self._sessions: dict[int, int] = {}

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def start(self) -> int:
        """The first bucket of the window."""
        return -(1 << 62) if self.clock is None else self.clock - HELD + 1

    def sessions(self, pattern: int) -> int:
        """Return the number of sessions of `pattern` in the window."""
        start, buckets = self.start, self._buckets
        return sum(
            buckets.sessions.item(row)
            for weight in self._list(pattern)
            for row in self._buckets_of(weight)
            if buckets.bucket.item(row) >= start
        )

    def first(self, pattern: int) -> int:
        """Return the time of the first session of `pattern`, 0 when none is known."""
        return min((self._weights.first.item(weight) for weight in self._list(pattern)), default=0)

    def last(self, pattern: int) -> int:
        """Return the time of the latest session of `pattern`, 0 when none is known."""
        return max((self._weights.last.item(weight) for weight in self._list(pattern)), default=0)

    def latest(self) -> int:
        """Return the time of the latest session of any pattern, 0 when there is none."""
        return int(self._weights.last[: len(self._weights)].max(initial=0))

    def weight(self, pattern: int, source: TopicPartition) -> Weight | None:
        """Return what `source` has counted of `pattern`, None when that is nothing."""
        weight = self._find(pattern, self._sources.get(source, END))
        return None if weight == END else self._weight(weight)

    def sources(self, pattern: int) -> list[TopicPartition]:
        """Return the input partitions that have counted sessions of `pattern`, sorted."""
        return sorted(self._names[self._weights.source.item(weight)] for weight in self._list(pattern))

    def counted(self, patterns: int) -> NDArray[np.bool_]:
        """Return for each of the patterns 0 to `patterns` - 1 whether it has any weight."""
        self._heads.reserve(patterns)
        return np.asarray(self._heads.first[:patterns] != END)

    @property
    def nbytes(self) -> int:
        """The bytes held."""
        return self._heads.nbytes + self._weights.nbytes + self._buckets.nbytes

    # -- writing ---------------------------------------------------------------------------------------------------

    def add(self, pattern: int, source: TopicPartition, end: int) -> int:
        """Count one session of `pattern` that ended at `end`, and return its bucket. The clock stays; see `tick`."""
        number = self._number(source)
        weight = self._find(pattern, number)
        if weight == END:
            weight = self._new_weight(pattern, number, end, end)
        weights, buckets, bucket = self._weights, self._buckets, end // self.bucket_us
        row = weights.buckets.item(weight)
        while row != END and buckets.bucket.item(row) != bucket:
            row = buckets.next.item(row)
        if row == END:
            self._new_bucket(weight, bucket, 1)
        else:
            buckets.sessions[row] += 1
        if end < weights.first.item(weight):
            weights.first[weight] = end
        elif end > weights.last.item(weight):
            weights.last[weight] = end
        self._sessions[bucket] = self._sessions.get(bucket, 0) + 1
        return bucket

    def replace(self, pattern: int, source: TopicPartition, weight: Weight | None) -> None:
        """Let `weight`, as far as it is in the window, be what `source` has counted of `pattern`; None: nothing."""
        number = self._number(source)
        old = self._find(pattern, number)
        if old != END:
            self._remove(pattern, old)
        if weight is None:
            return
        start = self.start
        inside = [(bucket, n) for bucket, n in weight.buckets.items() if bucket >= start]
        if not inside:
            return
        row = self._new_weight(pattern, number, weight.first, weight.last)
        for bucket, n in sorted(inside):
            self._new_bucket(row, bucket, n)
            self._sessions[bucket] = self._sessions.get(bucket, 0) + n

    def remove(self, pattern: int) -> None:
        """Forget all that was counted of `pattern`."""
        for weight in list(self._list(pattern)):
            self._remove(pattern, weight)

    def tick(self, latest: int | None = None) -> bool:
        """Move the clock, after sessions were counted up to the bucket `latest`, and return whether it moved.

        The total stays as it was; see `expire` and `count_total`.
        """
        if latest is None:
            latest = max(self._sessions, default=None)
        if latest is None or (self.clock is not None and latest <= self.clock):
            return False
        reached, clock = 0, self.clock
        for bucket in sorted(self._sessions, reverse=True):
            reached += self._sessions[bucket]
            if reached >= STEADY:
                clock = bucket if clock is None else max(bucket, clock)
                break
        moved = clock != self.clock
        self.clock = clock
        return moved

    def count_total(self) -> None:
        """Bring the total up to date."""
        start = self.start
        self.total = float(sum(n for bucket, n in self._sessions.items() if bucket >= start))

    def expire(self) -> list[int]:
        """Forget the buckets before the window, and weights without any; return the patterns that lost sessions."""
        start, buckets, weights = self.start, self._buckets, self._weights
        for bucket in [bucket for bucket in self._sessions if bucket < start]:
            del self._sessions[bucket]
        rows = buckets.taken()
        old = buckets.bucket[rows] < start
        if not old.any():
            return []
        touched = np.unique(weights.pattern[buckets.weight[rows[old]]]).tolist()
        rows = rows[~old]
        buckets.keep(rows[np.lexsort((-buckets.bucket[rows], buckets.weight[rows]))])
        self._drop_empty_weights()
        return [int(pattern) for pattern in touched]

    def _drop_empty_weights(self) -> None:
        """Renumber the weights that have buckets, by pattern, and link everything; buckets are sorted by weight."""
        weights, buckets = self._weights, self._buckets
        kept = np.unique(buckets.weight[: len(buckets)])
        kept = kept[np.argsort(weights.pattern[kept], kind="stable")]
        number = np.full(len(weights), END, np.int32)
        number[kept] = np.arange(len(kept))
        weights.keep(kept.astype(np.int64))
        buckets.weight[: len(buckets)] = number[buckets.weight[: len(buckets)]]
        size = len(weights)
        weights.buckets[:size] = END
        _link(buckets.weight[: len(buckets)], weights.buckets, buckets.next)
        self._heads.first[:] = END
        _link(weights.pattern[:size], self._heads.first, weights.next)

    # -- lists of rows ---------------------------------------------------------------------------------------------

    def _list(self, pattern: int) -> Iterator[int]:
        heads, following = self._heads.first, self._weights.next
        row = heads.item(pattern) if pattern < len(heads) else END
        while row != END:
            yield row
            row = following.item(row)

    def _buckets_of(self, weight: int) -> Iterator[int]:
        following, row = self._buckets.next, self._weights.buckets.item(weight)
        while row != END:
            yield row
            row = following.item(row)

    def _find(self, pattern: int, source: int) -> int:
        heads, of, following = self._heads.first, self._weights.source, self._weights.next
        weight = heads.item(pattern) if pattern < len(heads) else END
        while weight != END and of.item(weight) != source:
            weight = following.item(weight)
        return weight

    def _number(self, source: TopicPartition) -> int:
        number = self._sources.get(source)
        if number is None:
            number = self._sources[source] = len(self._names)
            self._names.append(source)
        return number

    def _weight(self, weight: int) -> Weight:
        buckets = {self._buckets.bucket.item(row): self._buckets.sessions.item(row) for row in self._buckets_of(weight)}
        return Weight(buckets, self._weights.first.item(weight), self._weights.last.item(weight))

    def _new_weight(self, pattern: int, source: int, first: int, last: int) -> int:
        self._heads.reserve(pattern + 1)
        weights, row = self._weights, self._weights.take()
        weights.pattern[row], weights.source[row] = pattern, source
        weights.first[row], weights.last[row] = first, last
        weights.next[row] = self._heads.first[pattern]
        self._heads.first[pattern] = row
        return row

    def _new_bucket(self, weight: int, bucket: int, sessions: int) -> None:
        buckets, row = self._buckets, self._buckets.take()
        buckets.weight[row], buckets.bucket[row], buckets.sessions[row] = weight, bucket, sessions
        buckets.next[row] = self._weights.buckets[weight]
        self._weights.buckets[weight] = row

    def _remove(self, pattern: int, weight: int) -> None:
        for row in list(self._buckets_of(weight)):
            bucket = self._buckets.bucket.item(row)
            left = self._sessions.get(bucket, 0) - self._buckets.sessions.item(row)
            if left > 0:
                self._sessions[bucket] = left
            else:
                self._sessions.pop(bucket, None)
            self._buckets.free(row)
        before, following = END, self._weights.next.item(weight)
        for row in self._list(pattern):
            if row == weight:
                break
            before = row
        if before == END:
            self._heads.first[pattern] = following
        else:
            self._weights.next[before] = following
        self._weights.free(weight)


def _link(owners: NDArray[np.int32], heads: NDArray[np.int32], following: NDArray[np.int32]) -> None:
    """Link rows that are sorted by owner: `heads` gets each owner's first row, `following` each row's next one."""
    size = len(owners)
    if not size:
        return
    begins = np.flatnonzero(np.concatenate(([True], owners[1:] != owners[:-1])))
    heads[owners[begins]] = begins
    following[: size - 1] = np.arange(1, size)
    following[begins[1:] - 1] = END
    following[size - 1] = END
