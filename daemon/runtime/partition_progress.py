"""Whether a partition moves on: for how long it has waited for data, committed nothing, or read no later line.

All times are seconds of the monotonic clock, and the caller gives them.
"""

from __future__ import annotations

from collections.abc import Iterator

from daemon.runtime.stalls import Delay, StallCause

LINES_STOPPED = 30.0


class EventTime:
    """Whether the event time of a partition moves on while its lines are read."""

    def __init__(self) -> None:
        self._watermark: int | None = None
        self._since = self._last = 0.0

    def note(self, now: float, watermark: int | None, lines: int) -> None:
        """Note that `lines` were read, and how far event time is."""
        if watermark != self._watermark:
            self._watermark = watermark
            self._since = self._last = now
        elif lines:
            self._last = now

    def stands(self, now: float) -> float:
        """Return for how many seconds lines have been read without a later one; 0 when none are read any more."""
        return self._last - self._since if now - self._last < LINES_STOPPED else 0.0


class PartitionProgress:
    """When a partition last got data and when it last moved, since `now`."""

    def __init__(self, now: float) -> None:
        self.event_time = EventTime()
        self.error: str | None = None
        """Why it does not move on, where that is known."""
        self._fed_at = self._moved_at = now

    def fed(self, now: float) -> None:
        """Note that it got data, or that it need not wait for any."""
        self._fed_at = now

    def moved(self, now: float) -> None:
        """Note that it moved on, or that there was nothing to do."""
        self._moved_at, self.error = now, None

    def committed(self, at: float) -> None:
        """Note when it last committed."""
        if at > self._moved_at:
            self.moved(at)

    def starved(self, now: float) -> float:
        """Return for how many seconds it has waited for data."""
        return now - self._fed_at

    def delays(self, now: float, part: str, why: str) -> Iterator[Delay]:
        """Yield for how long nothing was committed although there was something to do, and how long event time stood.

        `why` is the reason where no error is known.
        """
        yield Delay(StallCause.PARTITION, now - self._moved_at, self.error or why, part)
        if stands := self.event_time.stands(now):
            reason = "lines are read and none is later than those before: sessions do not end"
            yield Delay(StallCause.EVENT_TIME, stands, reason, part)
