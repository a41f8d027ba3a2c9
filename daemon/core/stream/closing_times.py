"""When sessions closed that wait for their verdicts. Sessions are judged in the order in which they close."""

from __future__ import annotations

from collections import deque


class ClosingTimes:
    """The times at which sessions closed, in seconds by any one clock, until they are judged."""

    def __init__(self) -> None:
        self._waiting = 0
        self._closed: deque[tuple[int, float]] = deque()

    def note(self, waiting: int, at: float) -> None:
        """Note that `waiting` sessions are closed and not judged; those that were not so before closed `at`."""
        if waiting > self._waiting:
            self._closed.append((waiting - self._waiting, at))
            self._waiting = waiting

    def take(self, count: int) -> list[float]:
        """Return when each of the first `count` sessions closed, which are judged now."""
        taken: list[float] = []
        self._waiting -= count
        while count:
            some, at = self._closed.popleft()
            if some > count:
                self._closed.appendleft((some - count, at))
            taken += [at] * min(some, count)
            count -= min(some, count)
        return taken
