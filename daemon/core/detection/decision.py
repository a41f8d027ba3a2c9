"""Which clues a judged session carries: why it may matter. The incidents stage decides whether anybody is told.

A session that carries a clue is called anomalous. It is explained, and given to the incidents stage whole. The p-value
is the rank of the score and nothing else; the decision does not change it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from daemon.core.baseline import NONE, failure_score
from daemon.core.detection.scope import ScopeView
from daemon.core.types import Judgement, LabelVerdict, Phase, SessionClue

USUAL = 0.01
"""Least share of the window of a usual pattern, whose sessions carry no clue."""
RARE = 0.01
"""Share of the window up to which a line that reads like a warning or failure is a clue."""
STRANGE = 0.01
"""P-value up to which a session is a strange mixture of known lines."""


def decide(judgement: Judgement, view: ScopeView) -> Judgement:
    """Return the judgement with its clues: none while the scope warms up, and none on what is confirmed normal."""
    if judgement.phase is not Phase.LIVE or judgement.label is LabelVerdict.NORMAL:
        return judgement
    clues = _clues(judgement, view)
    return replace(judgement, anomalous=True, clues=clues) if clues else judgement


def _clues(judgement: Judgement, view: ScopeView) -> tuple[SessionClue, ...]:
    if judgement.label is LabelVerdict.ANOMALOUS:
        return (SessionClue.LABEL,)
    if _is_usual(view):
        return ()
    new, bad = _lines(view)
    strange = judgement.p_value is not None and judgement.p_value <= STRANGE
    carried = (
        (SessionClue.NEW, new),
        (SessionClue.FAILURE, bad),
        (SessionClue.MIXTURE, strange and not new and not bad),
    )
    return tuple(clue for clue, is_carried in carried if is_carried)


def _is_usual(view: ScopeView) -> bool:
    baseline = view.baseline
    mass = baseline.mass_of(view.pattern.id)
    return mass > 0 and mass >= USUAL * baseline.counted


def _lines(view: ScopeView) -> tuple[bool, bool]:
    """Return whether the session has a line of unknown wording, and a rare one that reads like a failure."""
    table = view.baseline.lines
    known = view.numbers >= 0
    unknown = [view.pattern.lines[place][0] for place in np.flatnonzero(~known).tolist()]
    numbers = view.numbers[known]
    rare = table.mass[numbers] <= RARE * view.baseline.counted
    bad = bool((rare & (table.failures(numbers) > 0)).any()) or any(failure_score(line) > 0 for line in unknown)
    return any(table.families.find(line) == NONE for line in unknown), bad
