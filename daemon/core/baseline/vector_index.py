"""Nearest patterns: exact while there are few, HNSW when there are many.

A few thousand vectors are compared with one matrix product, which is exact. Above that, usearch's HNSW index answers.
It holds signed bytes, each vector scaled so that its largest component fills them: that searches two and a half times
as fast as half floats and finds the same neighbours (docs/adr/0302). Removing from HNSW leaves tombstones that cost
recall (0.935 against 0.976 at 10 after 20,000 changes), so once a quarter of it is dead a new index is begun. With each
vector that is added, a few old ones are added to it too; it takes over when it has them all. Building it at once would
block the thread for many seconds.

Vectors enter an index at the next search. So a restored baseline is ready before its indexes are built: each is built
by the first search in its scope, with all processors.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from usearch.index import Index

from daemon.core.arrays import Arrays, in_bytes
from daemon.core.columns import ROWS, Column, Columns
from daemon.core.types import Vector

EXACT_CELLS = 1 << 19
"""Number of matrix cells up to which all vectors are compared."""
REBUILD_SHARE = 0.25
AT_ONCE = 4096
FIRST = 1024
"""Vectors that enter an empty index by one thread: what several threads add to a small one is not always found."""
FEW = 64
"""Up to so many vectors enter an index one by one, in the order in which they were added."""
MOVED = 8
"""Old vectors that enter the new index with each added one: it is complete long before another quarter is dead."""
LINKS = 180
"""Bytes that an index takes for each vector besides its components: what usearch tells counts room never touched."""
REFINED = 16
"""Nearest vectors whose distances are computed from half floats; bytes are off by some thousandths."""
Slots = NDArray[np.int64]


def _go_on(_done: int, _all: int) -> bool:
    """Let an index go on to be saved or loaded. This is Python, so meanwhile other threads may run."""
    return True


_go_on.__annotations__ = {"_done": int, "_all": int, "return": bool}  # usearch asks for types, not for their names


class _Exact(Columns):
    """Vectors that are compared as they are; half floats would be converted to floats for every search."""

    held = Column(np.bool_)
    vector = Column(np.float32, (ROWS, "dimensions"))


class _Indexed(Columns):
    """Vectors of which only the nearest few are read."""

    held = Column(np.bool_)
    vector = Column(np.float16, (ROWS, "dimensions"))


class VectorIndex:
    """Unit vectors by slot, rounded to half floats. Slots are small non-negative ints and may be reused."""

    def __init__(self, dimensions: int, exact: int | None = None) -> None:
        self._dimensions = dimensions
        self._exact = EXACT_CELLS // dimensions if exact is None else exact
        self._rows: _Exact | _Indexed = _Exact(dimensions=dimensions)
        self._index: Index | None = None
        self._next: Index | None = None
        self._left: Slots = np.zeros(0, np.int64)
        """Slots taken when `_next` was begun that are not added to it yet."""
        self._waiting: dict[int, None] = {}
        """Slots that `_index` lacks, in the order in which they were added."""
        self._count = 0
        self._removed = 0

    def __len__(self) -> int:
        return self._count

    def add(self, slots: Slots, vectors: NDArray[np.floating[Any]]) -> None:
        """Store `vectors` (n, dimensions) in the different free `slots` (n,)."""
        self._rows.reserve(int(slots.max(initial=-1)) + 1)
        self._rows.held[slots] = True
        self._count += len(slots)
        self._rows.vector[slots] = vectors.astype(np.float16, copy=False)
        if self._index is not None:
            self._waiting.update(dict.fromkeys(slots.tolist()))
        elif self._count > self._exact:
            self._leave_exact()

    def get(self, slot: int) -> Vector:
        """Return the vector in `slot` as float32."""
        return np.array(self._rows.vector[slot], np.float32)

    def remove(self, slots: Slots) -> None:
        """Free the taken `slots`."""
        self._rows.held[slots] = False
        self._count -= len(slots)
        if self._index is None:
            return
        for slot in slots.tolist():
            self._waiting.pop(slot, None)
        keys = np.asarray(slots, np.uint64)
        keys = keys[self._index.contains(keys)]
        self._index.remove(keys)
        self._removed += len(slots)
        if self._next is not None:
            self._next.remove(keys)
        elif self._removed > REBUILD_SHARE * max(self._count, 1):
            self._next, self._left, self._removed = self._new_index(), np.flatnonzero(self._rows.held), 0

    def nearest(self, vector: Vector, count: int) -> tuple[Slots, NDArray[np.float64]]:
        """Return up to `count` nearest slots, all where the search is exact, and their cosine distances; unsorted."""
        if self._index is None:
            slots = np.flatnonzero(self._rows.held)
            distances = 1.0 - self._rows.vector @ vector
            return slots, np.maximum(distances[slots], 0.0).astype(np.float64)
        self._add_waiting(self._index)
        matches = self._index.search(in_bytes(vector), min(count, self._count), threads=1)
        slots, distances = matches.keys.astype(np.int64), np.asarray(matches.distances, np.float64)
        first = slots[:REFINED]
        distances[:REFINED] = 1.0 - self._rows.vector[first].astype(np.float32) @ vector
        return slots, np.maximum(distances, 0.0)

    @property
    def exact(self) -> bool:
        """Whether `nearest` returns every slot."""
        return self._index is None

    def save(self) -> Arrays:
        """Return the taken slots, ascending, and their vectors as half floats."""
        slots = np.flatnonzero(self._rows.held)
        return {"slots": slots, "vectors": self._rows.vector[slots].astype(np.float16)}

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` returned, into an empty index."""
        if len(arrays["slots"]):
            self.add(arrays["slots"], arrays["vectors"])

    def __getstate__(self) -> dict[str, Any]:
        """Return all attributes, with the indexes as bytes: what pickles and unpickles is the same but for one thing.

        A usearch index draws the levels of added vectors from a generator that begins again.
        """
        indexes = (("_index", self._index), ("_next", self._next))
        saved = {name: index.save(progress=_go_on) or b"" for name, index in indexes if index is not None}
        return self.__dict__ | saved

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Take over what `__getstate__` returned."""
        self.__dict__.update(state)
        for name in ("_index", "_next"):
            if (content := state[name]) is not None:
                index = self._new_index()
                index.load(content, progress=_go_on)
                setattr(self, name, index)

    def memory(self) -> int:
        """Return an estimate of the bytes held."""
        indexed = sum(len(index) for index in (self._index, self._next) if index is not None)
        return self._rows.nbytes + indexed * (self._dimensions + LINKS)

    def _new_index(self) -> Index:
        return Index(
            ndim=self._dimensions, metric="cos", dtype="i8", connectivity=16, expansion_add=64, expansion_search=64
        )

    def _leave_exact(self) -> None:
        """Begin an index; all vectors wait to enter it."""
        slots = np.flatnonzero(self._rows.held)
        rows = _Indexed(len(self._rows.held), dimensions=self._dimensions)
        rows.held[slots], rows.vector[slots] = True, self._rows.vector[slots]
        self._rows = rows
        self._index = self._new_index()
        self._waiting = dict.fromkeys(slots.tolist())

    def _add_waiting(self, index: Index) -> None:
        """Bring the index up to date: many vectors at once with all processors, few one by one."""
        slots = np.fromiter(self._waiting, np.int64, len(self._waiting))
        self._waiting.clear()
        if len(slots) > FEW:
            alone = max(0, FIRST - len(index))
            for begin, end in pairwise(sorted({0, *range(alone, len(slots), AT_ONCE), len(slots)})):
                some, threads = slots[begin:end], 1 if begin < alone else 0
                index.add(some.astype(np.uint64), in_bytes(self._rows.vector[some].astype(np.float32)), threads=threads)
            self._left = np.union1d(self._left, slots) if self._next is not None else self._left
            return
        for slot in slots.tolist():
            index.add(slot, in_bytes(self._rows.vector[slot].astype(np.float32)), threads=1)
            self._move(slot)

    def _move(self, slot: int) -> None:
        """Add `slot`, just taken, and a few old ones to the new index where there is one."""
        if self._next is None:
            return
        some, self._left = np.union1d(self._left[:MOVED], slot), self._left[MOVED:]
        # An old slot may be free by this time, or reused, and then it is in the new index already.
        some = some[self._rows.held[some] & ~self._next.contains(some.astype(np.uint64))]
        self._next.add(some.astype(np.uint64), in_bytes(self._rows.vector[some].astype(np.float32)), threads=1)
        if not len(self._left):
            self._index, self._next = self._next, None
