"""When to commit, and when quiet means that nothing more will come: two small policies fed with the time.

A transaction costs a few milliseconds of CPU and up to a second of waiting, so progress alone is committed seldom and
anything that somebody waits for is committed soon; what has not changed is never committed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds an output waits at most, seconds of mere progress between commits, lines of progress between commits."""

    commit_interval: float
    checkpoint_interval: float
    checkpoint_lines: int = 500_000


class CommitClock:
    """Tells when a partition's next transaction is due. Times are seconds of any one monotonic clock."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._moved: float | None = None
        self._waiting: float | None = None
        self._lines = 0

    def progress(self, now: float, lines: int, outputs: int) -> None:
        """Something was read; `outputs` are ready to be published."""
        self._lines += lines
        if self._moved is None:
            self._moved = now
        if outputs and self._waiting is None:
            self._waiting = now

    def committed(self) -> None:
        """Everything so far is in a transaction."""
        self._moved = self._waiting = None
        self._lines = 0

    def due(self) -> float | None:
        """Return when the next commit is due, None while there is nothing to commit."""
        if self._moved is None:
            return None
        if self._lines >= self._pace.checkpoint_lines:
            return self._moved
        due = self._moved + self._pace.checkpoint_interval
        return due if self._waiting is None else min(due, self._waiting + self._pace.commit_interval)


class IdleClock:
    """Tells when a partition has been quiet for long enough to ask whether it is caught up."""

    def __init__(self, idle: float, now: float) -> None:
        self._idle = idle
        self._since = now

    def arrived(self, now: float) -> None:
        """Data came, or the question was asked: the wait begins anew."""
        self._since = now

    def due(self) -> float:
        """Return when to ask."""
        return self._since + self._idle
