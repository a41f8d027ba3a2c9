"""Anomalous or not, within what the operator can afford.

A p-value at or below the affordable share would do if traffic never changed and no two sessions scored alike. It does
and they do, so an account is kept per scope and input partition: a decayed count of alerts against what could be
afforded over the same stretch (`used`, 1 when on budget). The bar on the p-value is the share times `gain(used)`:

* under budget it rises, up to three times, so that a group of equal scores a little larger than the budget is not mute
  for ever (a larger group stays mute: what is a twentieth of the traffic is not an anomaly at one in a hundred);
* over budget it falls steeply, and what is stranger than all that was seen lately still passes;
* alerts about sessions much like this one count twice once they have used half of the budget, so a flood of one kind
  leaves something for the rest.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

SPAN = 500
"""Sessions over which the account is kept, at least: after a break, this long until it is balanced again."""
SPAN_ALERTS = 5
"""Alerts that the account's span must be able to afford."""
KIN = 0.2
"""Cosine distance within which two alerts are about the same kind of session."""
KIN_FREE = 0.5
"""Share of the budget that one kind of session may use before its alerts count twice."""
_USED = (0.5, 1.0, 1.4, 3.0)
_GAIN = (3.0, 1.0, 0.1, 0.02)


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


def span(share: float) -> float:
    """Return the number of sessions over which the account of this share is kept."""
    return max(float(SPAN), SPAN_ALERTS / max(share, 1e-9))


def spend(spent: float | None, share: float, alert: bool) -> float:
    """Return the account after one more session; a new account (None) starts on budget."""
    horizon = span(share)
    before = share * horizon if spent is None else spent
    return before * (1.0 - 1.0 / horizon) + (1.0 if alert else 0.0)


def gain(used: float) -> float:
    """Return by how much the bar differs from the budget when so much of it was used: falling, 1 at 1."""
    place = min(max(bisect_right(_USED, used), 1), len(_USED) - 1) - 1
    left, right = _USED[place], _USED[place + 1]
    low, high = math.log(_GAIN[place]), math.log(_GAIN[place + 1])
    return math.exp(low + (high - low) * (min(max(used, left), right) - left) / (right - left))


def bar(share: float, spent: float | None, kin: float) -> float:
    """Return the greatest p-value that is an alert, given the account and the recent alerts `kin` to this session."""
    allowed = share * span(share)
    used = 1.0 if spent is None else spent / allowed
    return share * gain(used + max(0.0, kin / allowed - KIN_FREE))
