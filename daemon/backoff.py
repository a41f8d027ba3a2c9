"""Exponential back-off: how long to wait before the next attempt.

Each wait is twice the one before, up to a maximum. Jitter makes a wait shorter at random, so that clients that
failed together do not come back together.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits in seconds: `first`, then doubling, at most `longest`. A share up to `jitter` (0 to 1) is cut at random."""

    first: float
    longest: float
    jitter: float = 0.0

    def seconds(self, failures: int) -> float:
        """Return how long to wait after `failures` attempts in a row have failed; at least 1."""
        wait = min(self.first * 2.0 ** min(failures - 1, 64), self.longest)
        return wait * random.uniform(1 - self.jitter, 1) if self.jitter else wait  # noqa: S311  # not a secret
