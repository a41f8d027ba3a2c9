"""How strange one session is, and why: component values, their ranks among recent sessions, score and p-value.

Nothing is changed here. An `Assessment` keeps the measures: an alert's evidence is then what its score was made of, and
it is computed for alerts only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from daemon.core.baseline import Baseline, similarity
from daemon.core.calibration import local_ranks, tail_probability
from daemon.core.detection.component import Measure
from daemon.core.detection.components import COMPONENTS, NAMES, combine
from daemon.core.detection.scope import ScopeView
from daemon.core.types import Evidence, Neighbour, Vector

NEAREST = 3


class Assessment(NamedTuple):
    """The component values (components,), the score, and its p-value among recent ones.

    `similarity` is the cosine to the nearest pattern that counts, None when there is none.
    """

    values: NDArray[np.float32]
    score: float
    p_value: float
    similarity: float | None
    measures: tuple[Measure, ...]

    def parts(self) -> dict[str, float]:
        """Return the component values by name."""
        return dict(zip(NAMES, self.values.tolist(), strict=True))


def assess(view: ScopeView) -> Assessment:
    """Return how strange the session of `view` is."""
    recent = view.recent
    measures = tuple(component.measure(view) for component in COMPONENTS)
    values = np.array([measure.value for measure in measures], np.float32)
    score = combine(*local_ranks(values, recent.parts, recent.counts, similarity(recent.bits(view.sketch))))
    return Assessment(
        values=values,
        score=score,
        p_value=tail_probability(score, recent.scores, recent.counts),
        similarity=next((m.similarity for m in measures if m.similarity is not None), None),
        measures=measures,
    )


def evidence(view: ScopeView, assessment: Assessment) -> list[Evidence]:
    """Return what is unusual about each line, largest first: its rarity, absence or failure score, all in nats."""
    pieces = [piece for measure in assessment.measures for piece in measure.evidence(view.recent)]
    return sorted(pieces, key=lambda piece: (-piece.nats, piece.line))


def nearest(baseline: Baseline, vector: Vector) -> list[Neighbour]:
    """Return the nearest patterns that count, nearest first."""
    rows, distances = baseline.near(vector, 4 * NEAREST)
    neighbours: list[Neighbour] = []
    for row, away in zip(rows[:NEAREST].tolist(), distances[:NEAREST].tolist(), strict=True):
        label = baseline.labels.get(row)
        neighbours.append(
            Neighbour(
                pattern=baseline.patterns.name.item(row),
                similarity=1.0 - away,
                weight=float(baseline.patterns.mass[row] / max(baseline.counted, 1.0)),
                first_seen=baseline.window.first(row),
                last_seen=baseline.window.last(row),
                label=label.verdict if label is not None else None,
                lines=baseline.lines_of(row),
            )
        )
    return neighbours
