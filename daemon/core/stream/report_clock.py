"""A partition's clock as the incidents stage needs it: event time, which goes on while nothing is read."""

from __future__ import annotations

from dataclasses import dataclass

SECOND_US = 1_000_000
CLOCK_EVERY = 30 * SECOND_US
"""Microseconds of stream time after which the incidents stage is sent the partition's stream time."""
LISTENS = 24 * 3600.0
"""Seconds for which an idle partition continues to report its stream time."""


@dataclass(slots=True)
class ReportClock:
    """`idle` is for how many seconds nothing has come; `told` is the stream time that was last reported."""

    idle: float = 0.0
    told: int | None = None

    def now(self, watermark: int | None) -> int | None:
        """Return the stream time in microseconds: that of the latest record, and the time since; None before it."""
        return None if watermark is None else watermark + round(self.idle * SECOND_US)

    def is_due(self, now: int | None) -> bool:
        """Return whether the stream time has to be reported."""
        return now is not None and (self.told is None or now - self.told >= CLOCK_EVERY)

    def listens(self, watermark: int | None) -> bool:
        """Return whether a partition without open sessions still has to be flushed."""
        return watermark is not None and self.idle < LISTENS
