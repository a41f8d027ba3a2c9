"""Anomalous or not, within what the operator can afford.

A p-value at or below the affordable share would do if traffic never changed and no two sessions scored alike. It does
and they do, so a credit of alerts is kept per scope and input partition: every live session earns the share, every
alert costs one, and at most half a stretch's worth is kept (a token bucket; Turner, 1986). Without credit there is no
alert, hence **no stretch of 1,000 sessions holds more than one and a half times what is affordable**, whatever the
traffic does. How the credit is spent is a matter of strangeness. The bar on the p-value follows the credit:

* nearly full, it is the share;
* as the credit goes down it falls to half of that: in a burst the last alerts go to what is stranger than the rest;
* at the brim it rises to three times the share, so that a group of equal scores a little larger than the budget is not
  mute for ever (a larger group is: what is a twentieth of the traffic is not an anomaly at one in a hundred).

A share that affords less than ten alerts in 1,000 sessions has a stretch that affords ten.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

STRETCH = 1000
"""Sessions of a stretch, at least."""
STRETCH_ALERTS = 10
"""Alerts that a stretch must be able to afford."""
KEPT = 0.5
"""Credit that is kept, as a part of what a stretch can afford."""
BARS = ((0.0, 0.5), (0.9, 1.0), (1.0, 3.0))
"""The bar as a multiple of the share, by how full the credit is above its last alert; between these, geometrically."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What can be afforded: a `share` of sessions (0 to 1), or a number `per_day`; exactly one is given."""

    share: float | None = 0.01
    per_day: float | None = None

    def __post_init__(self) -> None:
        if (self.share is None) == (self.per_day is None):
            raise ValueError("a budget is a share of sessions or a number a day")

    def share_at(self, sessions_a_day: float) -> float:
        """Return the affordable share of sessions at this rate of traffic."""
        if self.share is not None:
            return self.share
        assert self.per_day is not None
        return min(1.0, self.per_day / max(sessions_a_day, 1e-9))


def stretch(share: float) -> float:
    """Return the number of sessions over which the budget holds."""
    return max(float(STRETCH), STRETCH_ALERTS / max(share, 1e-9))


def full(share: float) -> float:
    """Return the credit, in alerts, that is kept for bursts."""
    return KEPT * share * stretch(share)


def earn(credit: float | None, share: float) -> float:
    """Return the credit with which one more session is judged; a new account (None) starts full."""
    most = full(share)
    return most if credit is None else min(credit + share, most)


def refund(credit: float, share: float) -> float:
    """Return the credit when the latest alert is not charged after all."""
    return min(credit + 1.0, full(share))


def bar(share: float, credit: float) -> float:
    """Return the greatest p-value that is an alert; -1, below any p-value, where no alert can be afforded."""
    if credit < 1.0:
        return -1.0
    level = (credit - 1.0) / (full(share) - 1.0)
    for (low, below), (high, above) in pairwise(BARS):
        if level <= high:
            return float(share * below * (above / below) ** ((level - low) / (high - low)))
    return share * BARS[-1][1]
