"""When a session ends, and at which line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from daemon.core.sessions.batch import Ints
from daemon.core.sessions.open_sessions import Slots
from daemon.core.types import ClosedBy

_REASONS = (ClosedBy.GAP, ClosedBy.AGE, ClosedBy.PIN)


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """When a session ends. Times in microseconds.

    `max_tokens` bounds the sum of the tokens of all lines and `DISTINCT_LINE_TOKENS` a distinct line; a single line may
    exceed it alone. `max_pinned` bounds, in offsets, how far reading may run ahead of a session's first line.
    """

    gap_us: int
    max_age_us: int
    max_lines: int
    max_tokens: int
    max_pinned: int


def first_closing(
    slots: Slots, which: Ints, met: Ints, offset: Ints | None, limits: SessionLimits
) -> list[tuple[int, ClosedBy]]:
    """Return, for each of these sessions, the first line at which stream time or the pin closes it, and which of them.

    `met` and `offset` (None: no lines) ascend, one a line. A session that none closes gets the number of lines.
    """
    at_gap = np.searchsorted(met, slots.met_last[which] + limits.gap_us, side="right")
    at_age = np.searchsorted(met, slots.met_first[which] + limits.max_age_us, side="right")
    at_pin = np.full(len(which), len(met))
    if offset is not None:
        at_pin = np.searchsorted(offset, slots.offsets(which) + limits.max_pinned, side="right")
    lines = np.stack([at_gap, at_age, at_pin])
    reasons = np.argmin(lines, axis=0)  # of equal ones the first counts
    return [(row, _REASONS[why]) for row, why in zip(lines.min(axis=0).tolist(), reasons.tolist(), strict=True)]


def overdue(slots: Slots, met: int, offset: int | None, limits: SessionLimits) -> Ints:
    """Return the slots of the sessions under way that stream time `met`, or reading as far as `offset`, closes."""
    which = slots.opened()
    late = (met - slots.met_last[which] > limits.gap_us) | (met - slots.met_first[which] > limits.max_age_us)
    if offset is not None:
        late |= offset - slots.offsets(which) > limits.max_pinned
    return which[late]
