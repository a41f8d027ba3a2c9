"""Vectors as 256 bits, to tell similar recent sessions from others without keeping their vectors.

Bit i says on which side of random hyperplane i a vector lies; the share of differing bits is the angle over pi
(Charikar, 2002), give or take 0.03. The hyperplanes come from a frozen generator, so all replicas and all versions
share them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from daemon.core.types import Vector

BITS = 256
WORDS = BITS // 64
REACH = 0.5
"""Cosine distance at which a session's weight has fallen to 1/e: what is farther belongs to another system."""
Sketch = NDArray[np.uint64]

_DISTANCE = 1.0 - np.cos(np.pi * np.arange(BITS + 1) / BITS)
_SIMILARITY = np.exp(-((_DISTANCE / REACH) ** 2))


@lru_cache(maxsize=4)
def _planes(dimensions: int) -> NDArray[np.float32]:
    generator = np.random.RandomState(20_261_122)
    return generator.standard_normal((BITS, dimensions)).astype(np.float32)


def sketch(vector: Vector) -> Sketch:
    """Return the sketch of a vector: uint64, shape (WORDS,)."""
    return np.packbits(_planes(len(vector)) @ vector > 0).view(np.uint64)


def differing(one: Sketch, many: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the number of bits in which `one` (WORDS,) differs from each column of `many` (WORDS, n)."""
    return np.asarray(np.bitwise_count(many ^ one[:, None]).sum(axis=0, dtype=np.int64))


def similarity(bits: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the weight, 1 for equal sketches down to 0, of sessions that differ in so many bits."""
    return np.asarray(_SIMILARITY.take(bits))


def distance(bits: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the cosine distance that so many differing bits stand for."""
    return np.asarray(_DISTANCE[bits])
