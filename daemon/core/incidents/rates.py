"""How often odd things happen in a scope: the time blocks that hold one, by gravity.

A block is counted once, however much is odd in it: an outbreak is one odd thing. The current block is left out, so an
outbreak does not mute itself. What is counted can be taken back: a new cause that turns out to be vocabulary was no
one-off (Good, 1953: the expected rate of new kinds is the number of kinds seen once, divided by the time).
"""

from __future__ import annotations

from bisect import bisect_right

MINUTE = 60.0
LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 2.0, 2.25, 3.0)
"""Failure scores that are told apart."""


def level_of(score: float) -> int:
    """Return the number of the level that a failure score reaches."""
    return bisect_right(LEVELS, score) - 1


class Rate:
    """Minutes that hold something odd, each with how many odd things of which level keep it. Times in seconds."""

    def __init__(self) -> None:
        self.minutes: dict[int, dict[int, int]] = {}

    def add(self, time: float, level: int) -> None:
        """Note that something odd happened."""
        held = self.minutes.setdefault(int(time // MINUTE), {})
        held[level] = held.get(level, 0) + 1

    def take_back(self, time: float, level: int) -> None:
        """Note that what happened then was not odd after all."""
        minute = int(time // MINUTE)
        held = self.minutes.get(minute, {})
        left = held.get(level, 0) - 1
        if left > 0:
            held[level] = left
        elif left == 0:
            del held[level]
            if not held:
                del self.minutes[minute]

    def join(self, other: Rate) -> None:
        """Add what another rate has counted."""
        for minute, levels in other.minutes.items():
            held = self.minutes.setdefault(minute, {})
            for level, count in levels.items():
                held[level] = held.get(level, 0) + count

    def move(self, minutes: int) -> None:
        """Move everything in time."""
        self.minutes = {minute + minutes: held for minute, held in self.minutes.items()}

    def forget(self, before: float) -> None:
        """Drop what lies before a time."""
        if self.minutes and min(self.minutes) < before // MINUTE:
            self.minutes = {minute: held for minute, held in self.minutes.items() if minute >= before // MINUTE}

    def blocks(self, time: float, length: float, level: int) -> int:
        """Return how many blocks of `length` seconds hold something of `level` or above; that of `time` is left out."""
        current = int(time // length)
        found = {int(minute * MINUTE // length) for minute, held in self.minutes.items() if max(held) >= level}
        return len(found - {current})
