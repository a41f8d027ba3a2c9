"""Small made-up traffic for tests of the detector's parts: patterns with vectors that follow from their lines."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from daemon.core.sessions import make_pattern
from daemon.core.types import Pattern, TopicPartition, Vector

DIMENSIONS = 16
HOUR = 3_600_000_000
SOURCE = TopicPartition("logs", 0)


def pattern(*lines: str, scope: str = "shop") -> Pattern:
    """A pattern with each of these lines as often as it is given."""
    return make_pattern(scope, {line: lines.count(line) for line in lines})


def vector(made: Pattern) -> Vector:
    """A unit vector: the sum of one random direction a line, so patterns that share lines are near one another."""
    total = np.zeros(DIMENSIONS)
    for line, count in made.lines:
        seed = int.from_bytes(blake2b(line.encode(), digest_size=4).digest())
        total += (1 + 0.1 * count) * np.random.default_rng(seed).standard_normal(DIMENSIONS)
    return (total / np.linalg.norm(total)).astype(np.float16).astype(np.float32)
