"""How strange one session is, and why: parts against the scope's baseline, and their ranks among recent sessions.

Nothing is changed here. An `Assessment` keeps what was found line by line, so that the evidence for an alert is what
the score was made of, and only alerts pay for putting it into words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.core.baseline import Baseline, Ids, Lines, Sketch, kinship, sketch
from daemon.core.calibration import TIE, Floats, Recent, combine, failure_nats, local_ranks, tail_probability
from daemon.core.detection.components import distance, missing, numbers_of, present, severities
from daemon.core.types import Evidence, Neighbour, Pattern, Vector

NEAREST = 3


@dataclass(frozen=True, slots=True)
class Assessment:
    """The parts (PARTS,), the score and its share among recent ones, and what each line gave.

    `present` and `severe` have one value a line of the pattern, `lacking` one a line of `absent`.
    """

    values: NDArray[np.float32]
    score: float
    p_value: float
    similarity: float | None
    sketch: Sketch
    numbers: Ids
    present: Floats
    severe: Floats
    absent: Ids
    lacking: Floats


def assess(baseline: Baseline, recent: Recent, pattern: Pattern, vector: Vector) -> Assessment:
    """Return how strange a session of `pattern` is; `vector` is its embedding."""
    numbers = numbers_of(baseline, pattern)
    dtm, similarity = distance(baseline, pattern.id, vector)
    nats = present(baseline, pattern.lines, numbers)
    absent, lacking = missing(baseline, numbers)
    severe = severities(baseline, pattern.lines, numbers)
    ctx = max(float(nats.max(initial=0.0)), float(lacking.max(initial=0.0)))
    values = np.array([dtm, ctx, severe.max(initial=0.0)], np.float32)
    mark = baseline.sketch(pattern.id)
    if mark is None:
        mark = sketch(vector)
    score = combine(*local_ranks(values, recent.parts, recent.counts, kinship(recent.bits(mark))))
    return Assessment(
        values=values,
        score=score,
        p_value=tail_probability(score, recent.scores, recent.counts),
        similarity=similarity,
        sketch=mark,
        numbers=numbers,
        present=nats,
        severe=severe,
        absent=absent,
        lacking=lacking,
    )


def evidence(baseline: Baseline, recent: Recent, assessment: Assessment, lines: Lines) -> list[Evidence]:
    """Return what is odd about each line, largest first: its rarity, its lack, and how badly it reads, all in nats."""
    total = max(baseline.counted, 1.0)
    table = baseline.lines
    found: list[Evidence] = []
    for place, (line, _) in enumerate(lines):
        number = int(assessment.numbers[place])
        share = float(table.mass[number] / total) if number >= 0 else 0.0
        found.append(Evidence(line, "rare" if share > 0 else "new", float(assessment.present[place]), share))
        if assessment.severe[place] > 0:
            found.append(Evidence(line, "severe", _failure_nats(float(assessment.severe[place]), recent), share))
    for number, nats in zip(assessment.absent.tolist(), assessment.lacking.tolist(), strict=True):
        found.append(Evidence(table.text(number), "missing", nats, float(table.mass[number] / total)))
    return sorted(found, key=lambda piece: (-piece.nats, piece.line))


def _failure_nats(severity: float, recent: Recent) -> float:
    worst = recent.parts[2]
    above = recent.counts @ (worst > severity + TIE)
    reached = recent.counts @ (worst >= severity - TIE)
    return failure_nats((0.5 * float(above + reached) + 0.5) / (len(recent) + 1.0))


def nearest(baseline: Baseline, vector: Vector) -> list[Neighbour]:
    """Return the nearest patterns that count, nearest first."""
    slots, distances = baseline.near(vector, 4 * NEAREST)
    found: list[Neighbour] = []
    for slot, away in zip(slots[:NEAREST].tolist(), distances[:NEAREST].tolist(), strict=True):
        name = baseline.names[slot]
        entry = baseline.entries[name]
        found.append(
            Neighbour(
                pattern=name,
                similarity=1.0 - away,
                weight=float(baseline.mass[entry.slot] / max(baseline.counted, 1.0)),
                first_seen=entry.first,
                last_seen=entry.last,
                label=entry.label.verdict if entry.label is not None else None,
                lines=entry.lines,
            )
        )
    return found
