"""The components of the score: distance, rarity and failure.

How new a session is says little until it is compared with sessions of its kind, some of which always bring new lines;
so the two components of novelty are ranked among similar sessions. How badly a session reads is absolute, and ranked
among all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from daemon.core.baseline import Baseline, Ids
from daemon.core.calibration import TIE, Recent, distance_to_measure
from daemon.core.detection.component import Component, Measure
from daemon.core.detection.rarity import Rarity, novelty_nats
from daemon.core.detection.scope import ScopeView
from daemon.core.types import Evidence, Vector

FIRST_NEAR, MOST_NEAR = 32, 128
"""Neighbours that are looked up at first, and at most where the search is not exact: where 128 patterns have less than
the mass, they stand for it."""
FAILURE_WEIGHT = 3.0


class Distance:
    """The distance of the session's embedding to the mass of recent traffic."""

    name, among_similar = "dtm", True

    def nats(self, rank: float) -> float:
        """Return what a rank adds to the score."""
        return novelty_nats(rank)

    def measure(self, view: ScopeView) -> Measure:
        """Return the distance of the session's embedding."""
        value, similarity = distance(view.baseline, view.known.row, view.vector)
        return Measure(value, similarity=similarity)


class Failure:
    """The failure score of the session's worst line."""

    name, among_similar = "sev", False

    def nats(self, rank: float) -> float:
        """Return what a rank adds to the score."""
        return failure_nats(rank)

    def measure(self, view: ScopeView) -> Measure:
        """Return the greatest failure score of the session's lines."""
        scores = view.known.failures.tolist()

        def evidence(recent: Recent) -> list[Evidence]:
            shares = _shares(view.baseline, view.known.numbers)
            rows = zip(view.pattern.lines, scores, shares, strict=True)
            return [Evidence(line, "severe", self._nats(score, recent), s) for (line, _), score, s in rows if score > 0]

        return Measure(max(scores, default=0.0), evidence)

    def _nats(self, score: float, recent: Recent) -> float:
        worst = recent.part(self.name)
        above = recent.counts @ (worst > score + TIE)
        reached = recent.counts @ (worst >= score - TIE)
        return failure_nats((0.5 * float(above + reached) + 0.5) / (recent.sessions + 1.0))


COMPONENTS: tuple[Component, ...] = (Distance(), Rarity(), Failure())
"""In the order of the stored rings."""
NAMES = tuple(component.name for component in COMPONENTS)


def combine(similar: Iterable[float], overall: Iterable[float]) -> float:
    """Return the score from the components' ranks (components,) among similar sessions and among all."""
    score = 0.0
    for component, among_similar, among_all in zip(COMPONENTS, similar, overall, strict=True):
        score += component.nats(among_similar if component.among_similar else among_all)
    return score


def distance(baseline: Baseline, row: int, vector: Vector) -> tuple[float, float | None]:
    """Return the distance to the nearest `mass` of the window, and the cosine to the nearest pattern that counts."""
    wanted = baseline.share * baseline.window.total
    own = baseline.mass_at(row)
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
