"""How often odd things happen in a scope: the time blocks that contain one, by level.

A block is counted once, however much is odd in it: an outbreak is one odd thing. The current block is left out, so an
outbreak does not mute itself. Where blocks begin is chance, and with few blocks it would decide what is told; so the
mean over all places where they may begin is counted. What is counted can be taken back: a new cause that turns out to
be vocabulary is not a one-off (Good, 1953: the expected rate of new kinds is the number of kinds seen once, divided by
the time).
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

    def blocks(self, time: float, length: float, level: int) -> float:
        """Return how many blocks of `length` seconds before that of `time` have something of `level` or above.

        A block that has something ends within `length` after it. So the mean is the length of the union of these
        intervals, as far as `time`, in blocks. What is odd in the minute of `time` is of this moment.
        """
        current = int(time // MINUTE)
        odd = sorted(minute for minute, levels in self.minutes.items() if minute < current and max(levels) >= level)
        covered = end = 0.0
        for minute in odd:
            begin, end = max(minute * MINUTE, end), max(minute * MINUTE + length, end)
            covered += max(min(end, time) - begin, 0.0)
        return covered / length
