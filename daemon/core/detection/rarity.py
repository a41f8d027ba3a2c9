"""How unlikely a session's lines are, and the absence of lines that sessions usually have, in nats.

Lines of a session are numbered by the baseline's line table; a line that no pattern of the window holds has number -1.
"""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from daemon.core.baseline import NONE, Baseline, Ids
from daemon.core.calibration import Floats, Recent, absence_nats, conditional_nats, presence_nats
from daemon.core.detection.component import Measure
from daemon.core.detection.known_pattern import KnownPattern
from daemon.core.detection.scope import ScopeView
from daemon.core.types import Evidence

MOST_RARE = 64
"""Rare lines of one session that are looked up among similar sessions: the rarest ones."""
FINEST = 0.005
"""Added to ranks of novelty: differences among the smallest ranks are chance."""


class Rarity:
    """The nats of the session's least likely line, or of the least likely absence of one."""

    name, among_similar = "ctx", True

    def nats(self, rank: float) -> float:
        """Return what a rank adds to the score."""
        return novelty_nats(rank)

    def measure(self, view: ScopeView) -> Measure:
        """Return the greatest rarity of a line, or of a common line's absence."""
        nats = present(view.baseline, view.known)
        lacking = missing(view.baseline, view.known)

        def evidence(recent: Recent) -> list[Evidence]:  # noqa: ARG001 - rarity is a matter of the window alone
            return _evidence(view, nats, lacking)

        return Measure(max(0.0, *nats.tolist(), *lacking.tolist()), evidence)


def novelty_nats(rank: float) -> float:
    """Return what a rank of novelty adds to the score."""
    return float(-np.log(rank + FINEST))


def present(baseline: Baseline, known: KnownPattern) -> Floats:
    """Return how unlikely each line is, in nats: a common one among all, a rare one among similar sessions.

    No line is less likely than its family is.
    """
    total, numbers, rare = baseline.counted, known.numbers, known.rare
    having = baseline.lines.mass[numbers]
    having[known.unknown] = 0.0
    nats = presence_nats(having, total)
    if not len(rare):
        return nats
    bound = _family_nats(baseline, known.families)
    all_rare = rare
    if len(rare) > MOST_RARE:
        rare = rare[np.argsort(having[rare], kind="stable")[:MOST_RARE]]
    together = _together(baseline, numbers[rare], known.backbone)
    shares = (having[rare] + 0.5) / (total + 1.0)
    similar = baseline.similar(known.backbone)
    nats[rare] = conditional_nats(together, shares, similar, baseline.share * baseline.window.total)
    nats[all_rare] = np.minimum(nats[all_rare], bound)
    return nats


def _together(baseline: Baseline, numbers: Ids, backbone: np.uint64) -> Floats:
    """Return the mass of the patterns with this backbone that hold each line; 0 for an unknown line."""
    together = np.zeros(len(numbers))
    known = np.flatnonzero(numbers >= 0)
    if len(known):
        holders = [baseline.lines.holders(number) for number in numbers[known].tolist()]
        rows = np.concatenate(holders)
        table = baseline.patterns
        mass = np.where(table.backbone[rows] == backbone, table.mass[rows], 0.0)
        together[known] = np.add.reduceat(mass, list(accumulate(map(len, holders[:-1]), initial=0)))
    return together


def _family_nats(baseline: Baseline, families: Ids) -> Floats:
    """Return how unlikely `families` are, in nats; infinity where there is none."""
    mass = np.where(families == NONE, 0.0, baseline.lines.families.mass[families])
    return np.where(mass > 0, presence_nats(mass, baseline.counted), np.inf)


def missing(baseline: Baseline, known: KnownPattern) -> Floats:
    """Return how unlikely the absence of each common line is that a session lacks, in nats."""
    return absence_nats(baseline.lines.mass[known.absent], baseline.counted)


def _evidence(view: ScopeView, nats: Floats, lacking: Floats) -> list[Evidence]:
    known, table, total = view.known, view.baseline.lines, max(view.baseline.counted, 1.0)
    pieces: list[Evidence] = []
    for (line, _), number, rarity in zip(view.pattern.lines, known.numbers.tolist(), nats.tolist(), strict=True):
        share = float(table.mass[number] / total) if number >= 0 else 0.0
        pieces.append(Evidence(line, "rare" if share > 0 else "new", rarity, share))
    for number, rarity in zip(known.absent.tolist(), lacking.tolist(), strict=True):
        pieces.append(Evidence(table.text.item(number), "missing", rarity, float(table.mass[number] / total)))
    return pieces
