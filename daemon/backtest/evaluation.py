"""How well scores tell labelled sessions apart, and whether p-values keep the budget: pure functions over columns.

Two views of the same judged sessions, in the order judged:

* *ranking*: a threshold slides over the scores (average precision, the best F1 any threshold gives). It shows how good
  a score is, not what an operator gets: the best threshold is known only afterwards.
* *deciding*: what was flagged at the budget (precision, recall, F1, realised rate). It is what an operator gets.

Sessions with equal scores count together, so that ties do not improve a figure.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Curve:
    """Precision against recall: a point for each distinct score, the greatest first; empty without a positive."""

    precision: Floats
    recall: Floats
    threshold: Floats

    @property
    def average_precision(self) -> float:
        """The sum of precision over the steps of recall (no interpolation); nan without a positive."""
        if not self.recall.size:
            return float("nan")
        return float(np.sum(np.diff(self.recall, prepend=0.0) * self.precision))

    @property
    def best_f1(self) -> float:
        """The F1 of the best threshold, known only afterwards; nan without a positive."""
        if not self.recall.size:
            return float("nan")
        total = self.precision + self.recall
        return float(np.max(2 * self.precision * self.recall / np.where(total > 0, total, 1.0)))


@dataclass(frozen=True, slots=True)
class Decision:
    """What was flagged against what was anomalous, as counts of sessions."""

    hits: int
    false_alarms: int
    misses: int

    @property
    def precision(self) -> float:
        """Share of the flagged that were anomalous; 0 when nothing was flagged."""
        return self.hits / (self.hits + self.false_alarms) if self.hits else 0.0

    @property
    def recall(self) -> float:
        """Share of the anomalous that were flagged; 0 when nothing was anomalous."""
        return self.hits / (self.hits + self.misses) if self.hits else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.hits / (2 * self.hits + self.false_alarms + self.misses) if self.hits else 0.0


@dataclass(frozen=True, slots=True)
class Quality:
    """One score's figures on labelled sessions."""

    average_precision: float
    best_f1: float
    decision: Decision


def curve(anomalous: Bools, scores: Floats) -> Curve:
    """Return the precision-recall curve of `scores` (larger is stranger) for labels of equal length."""
    positives = int(anomalous.sum())
    if not positives:
        return Curve(np.empty(0), np.empty(0), np.empty(0))
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(anomalous[order])
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    hits = hits[ends].astype(np.float64)
    return Curve(hits / (ends + 1), hits / positives, ranked[ends])


def decide(anomalous: Bools, flagged: Bools) -> Decision:
    """Count what `flagged` got right and wrong."""
    hits = int((anomalous & flagged).sum())
    return Decision(hits, int(flagged.sum()) - hits, int(anomalous.sum()) - hits)


def quality(anomalous: Bools, scores: Floats, flagged: Bools) -> Quality:
    """Return both views of one score."""
    points = curve(anomalous, scores)
    return Quality(points.average_precision, points.best_f1, decide(anomalous, flagged))


def realised(p_values: Floats, budgets: Floats) -> Floats:
    """Return the share of sessions with a p-value at or below each budget: a calibrated detector returns `budgets`."""
    if not p_values.size:
        return np.zeros(len(budgets))
    return np.searchsorted(np.sort(p_values), budgets, side="right") / p_values.size


def block_rates(flagged: Bools, size: int = 1000) -> list[float]:
    """Return the share flagged in every block of `size` sessions; a shorter last block needs half the size."""
    ends = list(range(size, flagged.size + 1, size))
    if flagged.size % size >= size / 2:
        ends.append(flagged.size)
    return [float(flagged[(end - 1) // size * size : end].mean()) for end in ends]


class Ranks:
    """Rank of a value among the last `size` before it, as the p-value of a bare score, for comparison."""

    def __init__(self, size: int = 5000) -> None:
        self._size = size
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []

    def p_value(self, value: float) -> float:
        """Return ``(1 + n_ge) / (1 + n)`` over the values remembered, then remember this one."""
        n = len(self._sorted)
        p = (1 + n - bisect_left(self._sorted, value)) / (1 + n)
        self._recent.append(value)
        insort(self._sorted, value)
        if n == self._size:
            del self._sorted[bisect_left(self._sorted, self._recent.popleft())]
        return p
