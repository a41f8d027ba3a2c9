"""What was found of a frequent pattern serves again for a while: most sessions are one more of the same.

An assessment is a function of the scope's masses and of the ring of recent sessions, and one session moves either by
little. What was found is used again as long as nothing that it rests on has moved far: the pattern's mass and the
scope's total by a fifth, the ring by the less the smaller the p-value is; labels, the set of common lines and the
patterns' slots not at all. A pattern of small mass is always assessed anew, and so is one whose p-value is anywhere
near the budget: what is used again never decides an alert.

Everything here follows from the sequence of sessions, so the same sequence gives the same verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass

from daemon.core.baseline import Baseline
from daemon.core.calibration import ENOUGH, Ring
from daemon.core.types import Judgement

FREQUENT = 16.0
"""Sessions of the window that a pattern needs for its assessment to be kept."""
MOVED = 0.2
"""Share by which masses may move."""
RENEWED = 4.0
"""Share of the ring that may be new, as a multiple of the p-value: small ones move more."""
CLEAR, TIMES = 0.05, 5.0
"""Least p-value of what is kept, and how many times the budget it is at least."""
MOST = 2048


@dataclass(frozen=True, slots=True)
class Habit:
    """How a session of a pattern was judged, what the ring noted of it, and what that rested on."""

    judgement: Judgement
    finding: bytes
    p_value: float
    slot: int
    mass: float
    total: float
    changes: int
    bucket: int
    until: int


class Habits:
    """The habits of one scope and input partition, by pattern."""

    def __init__(self) -> None:
        self._kept: dict[str, Habit] = {}

    def find(self, pattern: str, baseline: Baseline, ring: Ring | None, end: int, share: float) -> Habit | None:
        """Return what was found of `pattern` when it still holds for a session that ended at `end`.

        `share` is that of sessions that may be alerts now.
        """
        habit = self._kept.get(pattern)
        if habit is None or ring is None:
            return None
        if (
            ring.count < habit.until
            and baseline.changes == habit.changes
            and end // baseline.bucket_us == habit.bucket
            and abs(baseline.total - habit.total) <= MOVED * habit.total
            and abs(baseline.mass.item(habit.slot) - habit.mass) <= MOVED * habit.mass
            and TIMES * share <= habit.p_value
        ):
            return habit
        del self._kept[pattern]
        return None

    def keep(
        self, pattern: str, baseline: Baseline, ring: Ring | None, end: int, judgement: Judgement, finding: bytes
    ) -> None:
        """Keep how a live session of `pattern` was judged when it is frequent and clearly normal."""
        p_value = judgement.p_value
        if ring is None or len(ring) < ENOUGH or p_value is None or p_value < CLEAR:
            return
        mass = baseline.mass_of(pattern)
        if mass < FREQUENT:
            return
        if len(self._kept) >= MOST:
            del self._kept[next(iter(self._kept))]
        self._kept[pattern] = Habit(
            judgement=judgement,
            finding=finding,
            p_value=p_value,
            slot=baseline.entries[pattern].slot,
            mass=mass,
            total=baseline.total,
            changes=baseline.changes,
            bucket=end // baseline.bucket_us,
            until=ring.count + int(min(1.0, RENEWED * p_value) * len(ring)),
        )
