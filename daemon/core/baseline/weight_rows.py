"""Weights and their buckets as rows of two tables that are linked into lists.

A *weight* is what one input partition has counted of one pattern: sessions by time bucket, and the times of the first
and the last. A pattern names its first weight, a weight the pattern's next one; a weight names its first bucket, a
bucket the weight's next one. So a pattern that occurred once costs two short rows, and what concerns all patterns
(expiry, restoring, totals) is work on whole columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.core.arrays import Arrays, nested, part, texts_from_arrays, texts_to_arrays
from daemon.core.columns import ROWS, Column, Columns
from daemon.core.types import TopicPartition

END = -1
"""Ends a list of rows."""
FEW = 8
"""For fewer rows than this, a loop costs less than operations on arrays."""


@dataclass(slots=True)
class Weight:
    """Sessions of one pattern from one input partition: a count for each time bucket, and when first and last."""

    buckets: dict[int, int] = field(default_factory=dict)
    first: int = 0
    last: int = 0


@dataclass(slots=True)
class Sessions:
    """Sessions of one pattern (a row number of the owner's) in one bucket: how many, the first end and the last."""

    pattern: int
    bucket: int
    count: int
    first: int
    last: int


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


_WEIGHT = ("pattern", "source", "first", "last", "buckets", "next")
_BUCKET = ("weight", "bucket", "sessions", "next")


class WeightRows:
    """Weights by pattern (a row number of the owner's) and input partition, each by the number of its row."""

    def __init__(self) -> None:
        self._heads = _Heads(1)
        self._weights = _Weights(1)
        self._buckets = _Buckets(1)
        self._sources: dict[TopicPartition, int] = {}
        self._names: list[TopicPartition] = []

    # -- reading ---------------------------------------------------------------------------------------------------

    def of(self, pattern: int) -> Iterator[int]:
        """Yield the weights of `pattern`."""
        heads, following = self._heads.first, self._weights.next
        row = heads.item(pattern) if pattern < len(heads) else END
        while row != END:
            yield row
            row = following.item(row)

    def find(self, pattern: int, source: TopicPartition) -> int:
        """Return the weight that `source` has counted of `pattern`, END when there is none."""
        heads, of, following = self._heads.first, self._weights.source, self._weights.next
        number = self._sources.get(source, END)
        weight = heads.item(pattern) if pattern < len(heads) else END
        while weight != END and of.item(weight) != number:
            weight = following.item(weight)
        return weight

    def first(self, weight: int) -> int:
        """Return the time of its first session."""
        return self._weights.first.item(weight)

    def last(self, weight: int) -> int:
        """Return the time of its last session."""
        return self._weights.last.item(weight)

    def source(self, weight: int) -> TopicPartition:
        """Return the input partition that has counted it."""
        return self._names[self._weights.source.item(weight)]

    def buckets(self, weight: int) -> Iterator[tuple[int, int]]:
        """Yield its buckets, each with its sessions."""
        buckets, row = self._buckets, self._weights.buckets.item(weight)
        while row != END:
            yield buckets.bucket.item(row), buckets.sessions.item(row)
            row = buckets.next.item(row)

    def latest(self) -> int:
        """Return the time of the last session of all, 0 when there is none."""
        return int(self._weights.last[: len(self._weights)].max(initial=0))

    def counted(self, patterns: int) -> NDArray[np.bool_]:
        """Return for each of the patterns 0 to `patterns` - 1 whether it has any weight."""
        self._heads.reserve(patterns)
        return np.asarray(self._heads.first[:patterns] != END)

    @property
    def nbytes(self) -> int:
        """The bytes held."""
        return self._heads.nbytes + self._weights.nbytes + self._buckets.nbytes

    def sums(self, patterns: int, start: int) -> NDArray[np.int64]:
        """Return the sessions of each of the patterns 0 to `patterns` - 1 in the buckets from `start` on."""
        rows, sums = self._buckets.taken(), np.zeros(patterns, np.int64)
        rows = rows[self._buckets.bucket[rows] >= start]
        np.add.at(sums, self._weights.pattern[self._buckets.weight[rows]], self._buckets.sessions[rows])
        return sums

    def sums_of(self, patterns: NDArray[np.int64], start: int) -> NDArray[np.int64]:
        """Return the sessions of each of `patterns` (n,) in the buckets from `start` on."""
        sums = np.zeros(len(patterns), np.int64)
        self._heads.reserve(int(patterns.max(initial=-1)) + 1)
        for owners, weights in _levels(np.arange(len(patterns)), self._heads.first[patterns], self._weights.next):
            for places, rows in _levels(owners, self._weights.buckets[weights], self._buckets.next):
                sums[places] += np.where(self._buckets.bucket[rows] >= start, self._buckets.sessions[rows], 0)
        return sums

    def by_bucket(self) -> dict[int, int]:
        """Return the sessions of all patterns by bucket."""
        rows = self._buckets.taken()
        buckets, places = np.unique(self._buckets.bucket[rows], return_inverse=True)
        sums = np.zeros(len(buckets), np.int64)
        np.add.at(sums, places, self._buckets.sessions[rows])
        return dict(zip(buckets.tolist(), sums.tolist(), strict=True))

    def save(self, patterns: int) -> Arrays:
        """Return all weights; the patterns are 0 to `patterns` - 1."""
        self._heads.reserve(patterns)
        return {
            **nested("heads", self._heads.to_arrays("first", rows=patterns)),
            **nested("weights", self._weights.to_arrays(*_WEIGHT)),
            **nested("buckets", self._buckets.to_arrays(*_BUCKET)),
            **nested("topics", texts_to_arrays(source.topic for source in self._names)),
            "partitions": np.array([source.partition for source in self._names], np.int64),
        }

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` returned, into an object without weights."""
        self._heads.from_arrays(part("heads", arrays), "first")
        self._weights.from_arrays(part("weights", arrays), *_WEIGHT)
        self._buckets.from_arrays(part("buckets", arrays), *_BUCKET)
        topics, partitions = texts_from_arrays(part("topics", arrays)), arrays["partitions"].tolist()
        self._names = [TopicPartition(*source) for source in zip(topics, partitions, strict=True)]
        self._sources = {source: number for number, source in enumerate(self._names)}

    # -- writing ---------------------------------------------------------------------------------------------------

    def count(self, sessions: Sessions, source: TopicPartition) -> None:
        """Count sessions."""
        bucket, weight = sessions.bucket, self.find(sessions.pattern, source)
        if weight == END:
            weight = self._new_weight(sessions.pattern, source, sessions.first, sessions.last)
        weights, buckets = self._weights, self._buckets
        row = weights.buckets.item(weight)
        while row != END and buckets.bucket.item(row) != bucket:
            row = buckets.next.item(row)
        if row == END:
            self._new_bucket(weight, bucket, sessions.count)
        else:
            buckets.sessions[row] += sessions.count
        if sessions.first < weights.first.item(weight):
            weights.first[weight] = sessions.first
        if sessions.last > weights.last.item(weight):
            weights.last[weight] = sessions.last

    def put_many(self, new: Sequence[tuple[int, TopicPartition, Weight]]) -> None:
        """Add weights of patterns of which their sources have counted nothing."""
        if len(new) < FEW:
            for pattern, source, weight in new:
                self._put(pattern, source, weight)
            return
        weights, buckets = self._weights, self._buckets
        patterns = np.array([pattern for pattern, _, _ in new], np.int64)
        rows = weights.take_many(len(new))
        weights.pattern[rows], weights.source[rows] = patterns, [self._number(source) for _, source, _ in new]
        weights.first[rows] = [weight.first for _, _, weight in new]
        weights.last[rows] = [weight.last for _, _, weight in new]
        self._heads.reserve(int(patterns.max()) + 1)
        _prepend(patterns, rows, self._heads.first, weights.next)
        counts = [sorted(weight.buckets.items()) for _, _, weight in new]
        owners = np.repeat(rows, list(map(len, counts)))
        flat = np.array([pair for pairs in counts for pair in pairs], np.int64).reshape(-1, 2)
        places = buckets.take_many(len(flat))
        buckets.weight[places], buckets.bucket[places], buckets.sessions[places] = owners, flat[:, 0], flat[:, 1]
        _prepend(owners, places, weights.buckets, buckets.next)

    def _put(self, pattern: int, source: TopicPartition, weight: Weight) -> None:
        row = self._new_weight(pattern, source, weight.first, weight.last)
        for bucket, sessions in sorted(weight.buckets.items()):
            self._new_bucket(row, bucket, sessions)

    def remove(self, pattern: int, weight: int) -> None:
        """Remove one weight of `pattern`."""
        row = self._weights.buckets.item(weight)
        while row != END:
            following = self._buckets.next.item(row)
            self._buckets.free(row)
            row = following
        before, following = END, self._weights.next.item(weight)
        for other in self.of(pattern):
            if other == weight:
                break
            before = other
        if before == END:
            self._heads.first[pattern] = following
        else:
            self._weights.next[before] = following
        self._weights.free(weight)

    def drop_before(self, start: int) -> list[int]:
        """Drop the buckets before `start`, and weights without any; return the patterns that lost sessions."""
        buckets, weights = self._buckets, self._weights
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

    def _new_weight(self, pattern: int, source: TopicPartition, first: int, last: int) -> int:
        self._heads.reserve(pattern + 1)
        weights, row = self._weights, self._weights.take()
        weights.pattern[row], weights.source[row] = pattern, self._number(source)
        weights.first[row], weights.last[row] = first, last
        weights.next[row] = self._heads.first[pattern]
        self._heads.first[pattern] = row
        return row

    def _number(self, source: TopicPartition) -> int:
        """Return the number of an input partition, a new one when it has none."""
        number = self._sources.get(source)
        if number is None:
            number = self._sources[source] = len(self._names)
            self._names.append(source)
        return number

    def _new_bucket(self, weight: int, bucket: int, sessions: int) -> None:
        buckets, row = self._buckets, self._buckets.take()
        buckets.weight[row], buckets.bucket[row], buckets.sessions[row] = weight, bucket, sessions
        buckets.next[row] = self._weights.buckets[weight]
        self._weights.buckets[weight] = row


def _levels(
    owners: NDArray[np.int64], rows: NDArray[np.int32], following: NDArray[np.int32]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32]]]:
    """Follow the lists that begin at `rows`, one for each of `owners`: yield the owners that have a row, with it."""
    while (there := rows != END).any():
        owners, rows = owners[there], rows[there]
        yield owners, rows
        rows = following[rows]


def _prepend(
    owners: NDArray[np.int64], rows: NDArray[np.int64], heads: NDArray[np.int32], following: NDArray[np.int32]
) -> None:
    """Put each of `rows`, at least one, at the front of the list of its owner, one after the other."""
    order = np.argsort(owners, kind="stable")
    owners, rows = owners[order], rows[order]
    begins = np.concatenate(([True], owners[1:] != owners[:-1]))
    following[rows] = np.where(begins, heads[owners], np.concatenate(([END], rows[:-1])))
    ends = np.append(begins[1:], True)
    heads[owners[ends]] = rows[ends]


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
