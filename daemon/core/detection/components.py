"""The score's parts, computed for one session against one scope's baseline; each explains itself line by line.

`Lines` of a session are numbered by the baseline's line table; a line that no pattern of the window holds has number
-1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daemon.core.baseline import NONE, Baseline, Ids, Lines, failure_score
from daemon.core.calibration import (
    Floats,
    absence_nats,
    conditional_nats,
    distance_to_measure,
    presence_nats,
)
from daemon.core.types import Pattern, Vector

MOST_RARE = 64
"""Rare lines of one session that are looked up among sessions like it: the rarest ones."""
FIRST_NEAR, MOST_NEAR = 32, 128
"""Neighbours that are looked up at first, and at most where the search is not exact: where 128 patterns hold less than
the mass, they stand for it."""
SPOKEN_FOR = 0.125
"""By how much a line reads better that stands in a pattern confirmed normal: below its equals, above what is milder."""


def numbers_of(baseline: Baseline, pattern: Pattern) -> Ids:
    """Return the number of each line of `pattern`, not to be changed; -1 for one that is not in the window."""
    entry = baseline.entries.get(pattern.id)
    if entry is not None and entry.slot >= 0:
        return entry.numbers
    return np.array([baseline.lines.find(line) for line, _ in pattern.lines], np.int64)


def distance(baseline: Baseline, pattern: str, vector: Vector) -> tuple[float, float | None]:
    """Return the distance to the nearest `mass` of the window, and the cosine to the nearest pattern that counts."""
    wanted = baseline.share * baseline.total
    own = baseline.mass_of(pattern)
    if own > 0 and own >= wanted:
        return 0.0, 1.0
    each = baseline.counted / max(len(baseline.vectors), 1)
    most = len(baseline.vectors) if baseline.vectors.exact else MOST_NEAR
    count = int(min(most, max(FIRST_NEAR, 1.5 * wanted / max(each, 1e-9))))
    while True:
        slots, distances = baseline.near(vector, count, pattern)
        weights = baseline.mass[slots]
        if count >= most or weights.sum() >= wanted or count >= len(baseline.vectors):
            break
        count = min(4 * count, most)
    if not len(slots):
        return 0.0, None
    return distance_to_measure(distances, weights, wanted), 1.0 - float(distances[0])


def present(baseline: Baseline, lines: Lines, numbers: Ids) -> Floats:
    """Return how unlikely each line is, in nats: a common one among all, a rare one among sessions like this one.

    No line is less likely than its family is.
    """
    table = baseline.lines
    total = baseline.counted
    known = numbers >= 0
    having = np.where(known, table.mass[numbers], 0.0)
    nats = presence_nats(having, total)
    rare = np.flatnonzero(~known | ~table.common[numbers])
    if not len(rare):
        return nats
    familiar = _family_nats(baseline, lines, numbers, rare)
    every = rare
    if len(rare) > MOST_RARE:
        rare = rare[np.argsort(having[rare], kind="stable")[:MOST_RARE]]
    backbone = table.backbone(numbers[known])
    together = np.zeros(len(rare))
    met = np.flatnonzero(known[rare])
    if len(met):
        slots = [table.slots(number) for number in numbers[rare[met]].tolist()]
        every_slot = np.concatenate(slots)
        alike = np.where(baseline.backbones[every_slot] == backbone, baseline.mass[every_slot], 0.0)
        together[met] = np.add.reduceat(alike, np.cumsum([0, *map(len, slots[:-1])]))
    shares = (having[rare] + 0.5) / (total + 1.0)
    nats[rare] = conditional_nats(together, shares, baseline.alike(backbone), baseline.share * total)
    nats[every] = np.minimum(nats[every], familiar)
    return nats


def _family_nats(baseline: Baseline, lines: Lines, numbers: Ids, places: NDArray[np.intp]) -> Floats:
    """Return how unlikely the families of the lines at `places` are, in nats; infinity where there is none."""
    table = baseline.lines
    found = table.family[numbers[places]]
    for at in np.flatnonzero(numbers[places] < 0).tolist():
        found[at] = table.families.find(lines[places[at]][0])
    mass = np.where(found == NONE, 0.0, table.families.mass[found])
    return np.where(mass > 0, presence_nats(mass, baseline.counted), np.inf)


def missing(baseline: Baseline, numbers: Ids) -> tuple[Ids, Floats]:
    """Return the common lines that a session lacks and how unlikely each lack is, in nats."""
    table = baseline.lines
    absent = table.common_but(numbers)
    return absent, absence_nats(table.mass[absent], baseline.counted)


def severities(baseline: Baseline, lines: Lines, numbers: Ids) -> Floats:
    """Return how badly each line reads; one that stands in a pattern confirmed normal comes after its equals.

    It is not taken for harmless: what is normal in one pattern is a failure in another.
    """
    table = baseline.lines
    found = np.maximum(table.failure[numbers] - SPOKEN_FOR * (table.confirmed[numbers] > 0), 0.0)
    for place in np.flatnonzero(numbers < 0).tolist():
        found[place] = failure_score(lines[place][0])
    return found
