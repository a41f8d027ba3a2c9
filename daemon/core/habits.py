"""What was found of a frequent pattern serves again for a while: most sessions are one more of the same.

An assessment is a function of the scope's masses and of the ring of recent sessions, and one session moves either by
little. What was found is used again as long as nothing that it rests on has moved by more than about a tenth: the
pattern's mass, the scope's total and the ring; labels, the set of common lines and the patterns' slots not at all. A
pattern of small mass is always assessed anew, and so is one whose p-value is anywhere near the budget: what is used
again never decides an alert.

Everything here follows from the sequence of sessions, so the same sequence gives the same verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.core.assessing import Assessment
from daemon.core.baseline import Baseline
from daemon.core.calibration import ENOUGH, Ring
from daemon.core.sketches import Sketch

FREQUENT = 16.0
"""Sessions of the window that a pattern needs for its assessment to be kept."""
MOVED = 0.1
"""Share by which masses may move."""
RENEWED = 1 / 4
"""Share of the ring that may be new."""
CLEAR, TIMES = 0.1, 10.0
"""Least p-value of what is kept, and how many times the budget it is at least."""
MOST = 2048


@dataclass(frozen=True, slots=True)
class Habit:
    """What was found of a pattern (see `Assessment`), its label then, and what that rested on."""

    values: NDArray[np.float32]
    score: float
    p_value: float
    similarity: float | None
    sketch: Sketch
    label: str | None
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
        self, pattern: str, baseline: Baseline, ring: Ring | None, end: int, found: Assessment, label: str | None
    ) -> None:
        """Keep what was found of `pattern` when it is frequent and clearly normal."""
        if ring is None or len(ring) < ENOUGH or label == "anomalous" or found.p_value < CLEAR:
            return
        mass = baseline.mass_of(pattern)
        if mass < FREQUENT:
            return
        if len(self._kept) >= MOST:
            del self._kept[next(iter(self._kept))]
        self._kept[pattern] = Habit(
            values=found.values,
            score=found.score,
            p_value=found.p_value,
            similarity=found.similarity,
            sketch=found.sketch.copy(),
            label=label,
            slot=baseline.entries[pattern].slot,
            mass=mass,
            total=baseline.total,
            changes=baseline.changes,
            bucket=end // baseline.bucket_us,
            until=ring.count + int(RENEWED * len(ring)),
        )
