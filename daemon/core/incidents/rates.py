"""How often odd things happen in a scope: the time blocks that contain one, by level.

A block is counted once, however much is odd in it: an outbreak is one odd thing. The current block is left out, so an
outbreak does not mute itself. What is counted can be taken back: a new cause that turns out to be vocabulary is not a
one-off (Good, 1953: the expected rate of new kinds is the number of kinds seen once, divided by the time).
"""

from __future__ import annotations

from bisect import bisect_right

MINUTE = 60.0
LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 2.0, 2.25, 3.0)
"""The least failure score of each level."""


def level_of(score: float) -> int:
    """Return the number of the level that a failure score reaches."""
    return bisect_right(LEVELS, score) - 1


class Rate:
    """Minutes that contain something odd, each with the number of odd things by level. Times in seconds."""

    def __init__(self) -> None:
        self.minutes: dict[int, dict[int, int]] = {}

    def add(self, time: float, level: int) -> None:
        """Note that something odd happened."""
        levels = self.minutes.setdefault(int(time // MINUTE), {})
        levels[level] = levels.get(level, 0) + 1

    def take_back(self, time: float, level: int) -> None:
        """Note that what happened then was not odd after all."""
        minute = int(time // MINUTE)
        levels = self.minutes.get(minute, {})
        left = levels.get(level, 0) - 1
        if left > 0:
            levels[level] = left
        elif left == 0:
            del levels[level]
            if not levels:
                del self.minutes[minute]

    def join(self, other: Rate) -> None:
        """Add what another rate has counted."""
        for minute, others in other.minutes.items():
            levels = self.minutes.setdefault(minute, {})
            for level, count in others.items():
                levels[level] = levels.get(level, 0) + count

    def move(self, minutes: int) -> None:
        """Move everything in time."""
        self.minutes = {minute + minutes: levels for minute, levels in self.minutes.items()}

    def forget(self, before: float) -> None:
        """Drop what lies before a time."""
        if self.minutes and min(self.minutes) < before // MINUTE:
            self.minutes = {minute: levels for minute, levels in self.minutes.items() if minute >= before // MINUTE}

    def blocks(self, time: float, length: float, level: int) -> int:
        """Return how many blocks of `length` seconds have something of `level` or above; that of `time` is left out."""
        current = int(time // length)
        blocks = {int(minute * MINUTE // length) for minute, levels in self.minutes.items() if max(levels) >= level}
        return len(blocks - {current})
