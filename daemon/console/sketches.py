"""Which of many vectors may be the nearest: a bit for each component, compared by counting the bits that differ.

A bit says whether a component is above the average of the first vectors, because vectors of one model point in much the
same direction. A million sketches of 384 bits are 48 MB and are all compared in one pass, with nothing to build before
and nothing to repair after rows are deleted (docs/adr/0605). The nearest by their bits are candidates: who asks
compares their vectors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daemon.core.columns import ROWS, Column, Columns

MOST_BITS = 512
"""Bits of a sketch: those of the first components of longer vectors."""
FIRST = 4_096
"""Vectors whose average is the centre. With fewer, `settled` is False once there are four times as many."""
BLOCK = 1 << 16
"""Sketches that are compared together, so that what is computed of them stays small."""


class _Rows(Columns):
    identity = Column(np.int64)
    bits = Column(np.uint64, (ROWS, "words"))


class VectorSketches:
    """Sketches of vectors of `dimensions` components, each with a number of the owner's."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self._bits = min(dimensions, MOST_BITS)
        self._rows = _Rows(words=-(-self._bits // 64))
        self._centre: NDArray[np.float32] | None = None
        self._centred = 0

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def nbytes(self) -> int:
        """The bytes that the sketches take, with the room for more."""
        return self._rows.nbytes

    @property
    def settled(self) -> bool:
        """Whether the centre is of enough vectors: if not, begin again with all of them."""
        return self._centred >= FIRST or len(self) < 4 * self._centred or not self._centred

    def add(self, identities: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Add `vectors` (n, dimensions) with their numbers `identities` (n,)."""
        if self._centre is None:
            self._centre, self._centred = vectors.mean(axis=0), len(vectors)
        rows = self._rows.push(len(vectors))
        self._rows.identity[rows] = identities
        self._rows.bits[rows] = self._sketch(vectors)

    def candidates(self, vector: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """Return the numbers of up to `count` vectors whose sketches are nearest to that of `vector` (dimensions,)."""
        size = len(self._rows)
        if not size:
            return np.zeros(0, np.int64)
        own, differing = self._sketch(vector[None])[0], np.empty(size, np.uint16)
        for start in range(0, size, BLOCK):
            block = self._rows.bits[start : min(start + BLOCK, size)]
            differing[start : start + len(block)] = np.bitwise_count(block ^ own).sum(axis=1, dtype=np.uint16)
        nearest = np.argpartition(differing, count)[:count] if count < size else np.arange(size)
        return self._rows.identity[nearest]

    def _sketch(self, vectors: NDArray[np.float32]) -> NDArray[np.uint64]:
        """Return the sketches (n, words) of vectors (n, dimensions)."""
        assert self._centre is not None, "a sketch needs the centre of the first vectors"
        packed = np.packbits((vectors > self._centre)[:, : self._bits], axis=1)
        padded = np.zeros((len(vectors), self._rows.bits.shape[1] * 8), np.uint8)
        padded[:, : packed.shape[1]] = packed
        return padded.view(np.uint64)
