"""Two small policies that are given the time: when to commit, and when a quiet partition counts as idle.

A transaction takes a few milliseconds of CPU and up to a second of waiting. So progress alone is committed seldom,
outputs that somebody waits for are committed soon, and a partition without changes is never committed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to commit.

    An output waits at most `commit_interval` seconds. Progress without outputs is committed after `checkpoint_interval`
    seconds or `checkpoint_lines` lines, whichever comes first.
    """

    commit_interval: float
    checkpoint_interval: float
    checkpoint_lines: int = 500_000


class CommitClock:
    """Says when a partition's next transaction is due. Times are seconds of any one monotonic clock."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._progress_since: float | None = None
        self._outputs_since: float | None = None
        self._lines = 0

    def progress(self, now: float, lines: int, outputs: int) -> None:
        """Note that `lines` were read and that `outputs` are ready to be published."""
        self._lines += lines
        if self._progress_since is None:
            self._progress_since = now
        if outputs and self._outputs_since is None:
            self._outputs_since = now

    def committed(self) -> None:
        """Note that everything so far is in a transaction."""
        self._progress_since = self._outputs_since = None
        self._lines = 0

    def due(self) -> float | None:
        """Return when the next commit is due, None while there is nothing to commit."""
        if self._progress_since is None:
            return None
        if self._lines >= self._pace.checkpoint_lines:
            return self._progress_since
        due = self._progress_since + self._pace.checkpoint_interval
        return due if self._outputs_since is None else min(due, self._outputs_since + self._pace.commit_interval)


class IdleClock:
    """Says when a partition has been quiet for `idle` seconds, so that it is worth checking whether it is caught up."""

    def __init__(self, idle: float, now: float) -> None:
        self._idle = idle
        self._since = self._arrived = now

    def arrived(self, now: float) -> None:
        """Count from `now` on: data arrived."""
        self._since = self._arrived = now

    def restart(self, now: float) -> None:
        """Count from `now` on: the check was made."""
        self._since = now

    def seconds(self, now: float) -> float:
        """Return how long ago data arrived."""
        return now - self._arrived

    def due(self) -> float:
        """Return when to check."""
        return self._since + self._idle
