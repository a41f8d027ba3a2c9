"""The components of the score: distance, rarity and failure.

How new a session is says little until it is compared with sessions of its kind, some of which always bring new lines;
so the two components of novelty are ranked among similar sessions. How badly a session reads is absolute, and ranked
among all.
"""

from __future__ import annotations

import math

import numpy as np

from daemon.core.baseline import ABSENT, Baseline, Ids, Lines, failure_score
from daemon.core.calibration import TIE, Floats, Recent, distance_to_measure
from daemon.core.detection.component import Component, Measure
from daemon.core.detection.rarity import Rarity, novelty_nats
from daemon.core.detection.scope import ScopeView
from daemon.core.types import Evidence, Vector

FIRST_NEAR, MOST_NEAR = 32, 128
"""Neighbours that are looked up at first, and at most where the search is not exact: where 128 patterns have less than
the mass, they stand for it."""
CONFIRMED = 0.125
"""Taken off the failure score of a line in a pattern confirmed normal: it ranks below its equals, above milder ones."""
FAILURE_WEIGHT = 3.0


class Distance:
    """The distance of the session's embedding to the mass of recent traffic."""

    name, among_similar = "dtm", True

    def nats(self, rank: float) -> float:
        """Return what a rank adds to the score."""
        return novelty_nats(rank)

    def measure(self, view: ScopeView) -> Measure:
        """Return the distance of the session's embedding."""
        value, similarity = distance(view.baseline, view.row, view.vector)
        return Measure(value, similarity=similarity)


class Failure:
    """The failure score of the session's worst line."""

    name, among_similar = "sev", False

    def nats(self, rank: float) -> float:
        """Return what a rank adds to the score."""
        return failure_nats(rank)

    def measure(self, view: ScopeView) -> Measure:
        """Return the greatest failure score of the session's lines."""
        scores = failure_scores(view.baseline, view.pattern.lines, view.numbers)

        def evidence(recent: Recent) -> list[Evidence]:
            shares = _shares(view.baseline, view.numbers)
            rows = zip(view.pattern.lines, scores.tolist(), shares, strict=True)
            return [Evidence(line, "severe", self._nats(score, recent), s) for (line, _), score, s in rows if score > 0]

        return Measure(float(scores.max(initial=0.0)), evidence)

    def _nats(self, score: float, recent: Recent) -> float:
        worst = recent.part(self.name)
        above = recent.counts @ (worst > score + TIE)
        reached = recent.counts @ (worst >= score - TIE)
        return failure_nats((0.5 * float(above + reached) + 0.5) / (len(recent) + 1.0))


COMPONENTS: tuple[Component, ...] = (Distance(), Rarity(), Failure())
"""In the order of the stored rings."""
NAMES = tuple(component.name for component in COMPONENTS)


def combine(similar: Floats, overall: Floats) -> float:
    """Return the score from the components' ranks (components,) among similar sessions and among all."""
    score = 0.0
    for component, among_similar, among_all in zip(COMPONENTS, similar.tolist(), overall.tolist(), strict=True):
        score += component.nats(among_similar if component.among_similar else among_all)
    return score


def distance(baseline: Baseline, row: int, vector: Vector) -> tuple[float, float | None]:
    """Return the distance to the nearest `mass` of the window, and the cosine to the nearest pattern that counts."""
    wanted = baseline.share * baseline.window.total
    own = baseline.patterns.mass.item(row) if row != ABSENT else 0.0
    if own > 0 and own >= wanted:
        return 0.0, 1.0
    each = baseline.counted / max(len(baseline), 1)
    most = len(baseline) if baseline.neighbours.vectors.exact else MOST_NEAR
    count = int(min(most, max(FIRST_NEAR, 1.5 * wanted / max(each, 1e-9))))
    while True:
        rows, distances = baseline.near(vector, count, row)
        weights = baseline.patterns.mass[rows]
        if count >= most or weights.sum() >= wanted or count >= len(baseline):
            break
        count = min(4 * count, most)
    if not len(rows):
        return 0.0, None
    return distance_to_measure(distances, weights, wanted), 1.0 - float(distances[0])


def failure_scores(baseline: Baseline, lines: Lines, numbers: Ids) -> Floats:
    """Return the failure score of each line; one that is in a pattern confirmed normal ranks below its equals.

    It is not taken for harmless: what is normal in one pattern is a failure in another.
    """
    table = baseline.lines
    places = np.flatnonzero(numbers >= 0)
    known = numbers[places]
    scores = np.empty(len(numbers))
    scores[places] = np.maximum(table.failures(known) - CONFIRMED * (table.confirmed[known] > 0), 0.0)
    for place in np.flatnonzero(numbers < 0).tolist():
        scores[place] = failure_score(lines[place][0])
    return scores


def failure_nats(rank: float) -> float:
    """Return what a rank of failure adds to the score.

    People mean failures when they say anomalies. A failure score that less than half of the sessions reach weighs
    FAILURE_WEIGHT ranks, against two of novelty, which is measured twice. One that half of them reach weighs one.
    """
    return -math.log(rank) - (FAILURE_WEIGHT - 1.0) * math.log(min(1.0, 2.0 * rank))


def _shares(baseline: Baseline, numbers: Ids) -> list[float]:
    """Return the share of the counted mass that has each line, 0 for an unknown one."""
    total = max(baseline.counted, 1.0)
    return [float(baseline.lines.mass[number] / total) if number >= 0 else 0.0 for number in numbers.tolist()]
