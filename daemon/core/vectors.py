"""Nearest patterns: exact while there are few, HNSW when there are many.

A few thousand vectors are compared with one matrix product, which is exact. Above that, usearch's HNSW index of half
floats answers, and it alone holds the vectors. Removing from HNSW leaves tombstones that cost recall (0.935 against
0.976 at 10 after 20,000 changes), so the index is built anew once a quarter of it is dead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from usearch.index import Index

from daemon.core.records import Vector

EXACT_CELLS = 1 << 20
"""Number of matrix cells up to which all vectors are compared."""
REBUILD_SHARE = 0.25
Slots = NDArray[np.int64]


class VectorIndex:
    """Unit vectors by slot, rounded to half floats. Slots are small non-negative ints and may be used again."""

    def __init__(self, dimensions: int, exact: int | None = None) -> None:
        self._dimensions = dimensions
        self._exact = EXACT_CELLS // dimensions if exact is None else exact
        self._rows: NDArray[np.float32] | None = np.zeros((16, dimensions), np.float32)
        self._index: Index | None = None
        self._held = np.zeros(16, bool)
        self._count = 0
        self._removed = 0

    def __len__(self) -> int:
        return self._count

    def add(self, slot: int, vector: Vector) -> None:
        """Hold `vector` in the free `slot`."""
        self._grow(slot)
        self._held[slot] = True
        self._count += 1
        half = vector.astype(np.float16)
        if self._rows is not None:
            self._rows[slot] = half
            if self._count > self._exact:
                self._to_index()
        elif self._index is not None:
            self._index.add(slot, half, threads=1)

    def get(self, slot: int) -> Vector:
        """Return the vector in `slot` as float32."""
        if self._rows is not None:
            return np.array(self._rows[slot], np.float32)
        assert self._index is not None
        return np.asarray(self._index.get(slot), np.float16).astype(np.float32)

    def remove(self, slots: Slots) -> None:
        """Free the held `slots`."""
        self._held[slots] = False
        self._count -= len(slots)
        if self._index is None:
            return
        self._index.remove(np.asarray(slots, np.uint64))
        self._removed += len(slots)
        if self._removed > REBUILD_SHARE * max(self._count, 1):
            self._rebuild()

    def nearest(self, vector: Vector, count: int) -> tuple[Slots, NDArray[np.float64]]:
        """Return up to `count` nearest slots, all where the search is exact, and their cosine distances; unsorted."""
        if self._rows is not None:
            slots = np.flatnonzero(self._held)
            distances = 1.0 - self._rows[: len(self._held)] @ vector
            return slots, np.maximum(distances[slots], 0.0).astype(np.float64)
        assert self._index is not None
        matches = self._index.search(vector.astype(np.float16), min(count, self._count), threads=1)
        return matches.keys.astype(np.int64), np.maximum(np.asarray(matches.distances, np.float64), 0.0)

    @property
    def exact(self) -> bool:
        """Whether `nearest` returns every slot."""
        return self._rows is not None

    def memory(self) -> int:
        """Return an estimate of the bytes held."""
        if self._rows is not None:
            return self._rows.nbytes
        return 0 if self._index is None else int(self._index.memory_usage)

    def _grow(self, slot: int) -> None:
        if slot < len(self._held):
            return
        size = 2 * max(slot, len(self._held))
        self._held = np.concatenate([self._held, np.zeros(size - len(self._held), bool)])
        if self._rows is not None:
            rows = np.zeros((size, self._dimensions), np.float32)
            rows[: len(self._rows)] = self._rows
            self._rows = rows

    def _new_index(self) -> Index:
        return Index(
            ndim=self._dimensions, metric="cos", dtype="f16", connectivity=16, expansion_add=64, expansion_search=64
        )

    def _to_index(self) -> None:
        assert self._rows is not None
        slots = np.flatnonzero(self._held)
        self._index = self._new_index()
        self._index.add(slots.astype(np.uint64), self._rows[slots].astype(np.float16))
        self._rows = None

    def _rebuild(self) -> None:
        assert self._index is not None
        slots = np.flatnonzero(self._held).astype(np.uint64)
        fresh = self._new_index()
        if len(slots):
            fresh.add(slots, np.asarray(self._index.get(slots), np.float16))
        self._index = fresh
        self._removed = 0
