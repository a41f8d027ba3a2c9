"""The patterns nearest to a vector, without those that do not count, and a cache of the results for frequent ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.core.baseline.vector_index import VectorIndex
from daemon.core.generation_cache import GenerationCache
from daemon.core.types import Vector

CACHED, OF_EACH = 1024, 128
"""The least number of patterns whose nearest are cached, and the most neighbours of each."""
GROWN = 0.01
"""The share by which the number of patterns may grow before a result is searched again."""
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class _Remembered:
    """Up to `wanted` nearest patterns, and how many patterns had ever been added by then."""

    wanted: int
    added: int
    patterns: NDArray[np.int32]
    distances: NDArray[np.float32]


class Neighbours:
    """Vectors by pattern, a row number of the owner's."""

    def __init__(self, dimensions: int) -> None:
        self.vectors = VectorIndex(dimensions)
        self._cache = GenerationCache[int, _Remembered](CACHED)
        self._added = 0

    def __len__(self) -> int:
        return len(self.vectors)

    def add(self, patterns: NDArray[np.int64], vectors: NDArray[np.floating[Any]]) -> None:
        """Add `vectors` (n, dimensions) of different `patterns` (n,)."""
        self.vectors.add(patterns, vectors)
        self._added += len(patterns)

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `VectorIndex.save` returned, where there is no vector yet."""
        self.vectors.load(arrays)
        self._added = len(self.vectors)

    def remove(self, patterns: NDArray[np.int64]) -> None:
        """Remove `patterns`."""
        self._cache.clear()
        self.vectors.remove(patterns)

    def near(
        self, vector: Vector, count: int, mass: NDArray[np.float64], pattern: int = UNKNOWN
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return up to `count` of the nearest patterns, without those of no mass, and their distances, ascending.

        `mass` is by pattern. The result for a known `pattern` is reused until patterns are removed or their number
        grows by GROWN; only the masses are always current.
        """
        if not len(self.vectors):
            return np.zeros(0, np.int64), np.zeros(0)
        known = self._cache.get(pattern)
        if known is None or known.wanted < count or self._added - known.added > GROWN * len(self.vectors):
            known = self._search(vector, count, pattern)
            if pattern != UNKNOWN and len(known.patterns) <= OF_EACH and mass[pattern] > 0:
                self._cache.put(pattern, known)
        patterns, distances = known.patterns.astype(np.int64), known.distances.astype(np.float64)
        counting = mass[patterns] > 0
        if np.count_nonzero(counting) == len(counting):
            return patterns, distances
        return patterns[counting], distances[counting]

    def _search(self, vector: Vector, count: int, pattern: int) -> _Remembered:
        patterns, distances = self.vectors.nearest(vector, count)
        distances[patterns == pattern] = 0.0  # not exactly 0 in half floats
        order = np.argsort(distances, kind="stable")[:count]
        return _Remembered(count, self._added, patterns[order].astype(np.int32), distances[order].astype(np.float32))

    def memory(self) -> int:
        """Return an estimate of the bytes held."""
        return self.vectors.memory() + len(self._cache) * 600
