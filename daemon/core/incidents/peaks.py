"""Bursts: a count that decays, and how high its peaks have been.

A count decays with a time constant `tau`. The highest count of each block of four `tau` is a block maximum. The maxima
of all blocks but the last two give the usual peak, its spread and the highest one (halved in weight every half window).
Gumbel's law, fitted by moments, says how often a peak as high as the present one would come (Gumbel, 1958).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from daemon.core.incidents.halves import aged

SCALES = (10.0, 60.0, 600.0, 3600.0)
"""Time constants in seconds."""
BLOCK = 4.0
EULER = 0.5772
BETA = 0.7797
"""Gumbel's scale, as a share of the standard deviation."""


@dataclass(slots=True)
class Peak:
    """One count on one scale. `count` is the count at `at`; sums are over closed blocks; times in seconds."""

    count: float = 0.0
    at: float = 0.0
    block: int = 0
    current: float = 0.0
    previous: float = 0.0
    blocks: float = 0.0
    total: float = 0.0
    squares: float = 0.0
    top: float = 0.0
    top_before: float = 0.0
    half: int = 0

    def add(self, time: float, tau: float, half_window: float, count: float = 1.0) -> float:
        """Count `count` more at `time` and return the count. What is more than a block before the latest is ignored."""
        if time < self.at - BLOCK * tau:
            return self.count
        half, block = int(time // half_window), int(time // (BLOCK * tau))
        if half > self.half:
            self._age(half)
        if block > self.block:
            self._move(block)
        if time > self.at:
            self.count *= math.exp((self.at - time) / tau)
            self.at = time
        self.count += count
        self.current = max(self.current, self.count)
        return self.count

    @property
    def highest(self) -> float:
        """The highest block maximum of the window, the latest two blocks left out."""
        return max(self.top, self.top_before)

    def period(self, span: float, factor: float) -> float:
        """Return the expected seconds between peaks as high as the present one, by a history of `span` seconds.

        `factor` says how much more traffic there is than at the highest traffic before.
        """
        mean = self.total / self.blocks if self.blocks else 1.0
        spread = max(self.squares - self.blocks * mean * mean, 0.0) + 2.0 * max(mean, 1.0) ** 2
        beta = BETA * math.sqrt(spread / (self.blocks + 2.0))
        z = (self.count / factor - mean + EULER * beta) / beta
        return span / (self.blocks + 0.5) / -math.expm1(-math.exp(-z)) if z < 700 else math.inf

    def join(self, other: Peak, tau: float) -> None:
        """Add what another count of the same scale has seen; blocks that only the earlier one saw are closed."""
        earlier, later = (replace(peak) for peak in sorted((self, other), key=lambda peak: peak.at))
        earlier.end(later.half)
        later.count += earlier.count * math.exp((earlier.at - later.at) / tau)
        later.blocks, later.total = later.blocks + earlier.blocks, later.total + earlier.total
        later.squares += earlier.squares
        later.top, later.top_before = max(later.top, earlier.top), max(later.top_before, earlier.top_before)
        for name, value in zip(self.__slots__, later.dump(), strict=True):
            setattr(self, name, value)

    def end(self, half: int) -> None:
        """Close the blocks that are open, and let the peaks age to a half of the window."""
        self._age(half)
        self._close(self.previous)
        self._close(self.current)

    def move(self, shift: float, tau: float, half_window: float) -> None:
        """Move all times by `shift` seconds."""
        if self.at:
            self.at += shift
            self.block = int((self.block * BLOCK * tau + shift) // (BLOCK * tau))
            self.half = int(self.at // half_window)

    def dump(self) -> tuple[float, ...]:
        """Return the state as numbers."""
        return tuple([getattr(self, name) for name in self.__slots__])

    def _age(self, half: int) -> None:
        if half <= self.half:
            return
        weight = 0.5 ** min(half - self.half, 60)
        self.blocks, self.total, self.squares = self.blocks * weight, self.total * weight, self.squares * weight
        self.top, self.top_before, self.half = aged(self.top, self.top_before, self.half, half)

    def _move(self, block: int) -> None:
        self._close(self.previous)
        if block == self.block + 1:
            self.previous = self.current
        else:
            self._close(self.current)
            self.previous = 0.0
        self.current, self.block = 0.0, block

    def _close(self, peak: float) -> None:
        if peak > 0:
            self.blocks += 1.0
            self.total += peak
            self.squares += peak * peak
            self.top = max(self.top, peak)
