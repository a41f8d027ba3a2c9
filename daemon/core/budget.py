"""Anomalous or not, within what the operator can afford.

The budget is a share of sessions; a number a day becomes a share through the scope's recent rate.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """What can be afforded: a `share` of sessions (0 to 1), or a number `per_day`; exactly one is given."""

    share: float | None = 0.01
    per_day: float | None = None

    def __post_init__(self) -> None:
        if (self.share is None) == (self.per_day is None):
            raise ValueError("a budget is a share or a number a day")

    def share_at(self, sessions_a_day: float) -> float:
        """Return the affordable share of sessions at this rate of traffic."""
        if self.share is not None:
            return self.share
        assert self.per_day is not None
        return min(1.0, self.per_day / max(sessions_a_day, 1e-9))
