"""Which clues a judged session carries: why it may matter. The incidents stage decides whether anybody is told.

A session that carries a clue is called anomalous. It is explained, and given to the incidents stage whole. The p-value
is the rank of the score and nothing else; the decision does not change it.
"""

from __future__ import annotations

from daemon.core.detection.scope import ScopeView
from daemon.core.types import LabelVerdict, SessionClue

USUAL = 0.01
"""Least share of the window of a usual pattern, whose sessions carry no clue."""
RARE = 0.01
"""Share of the window up to which a line that reads like a warning or failure is a clue."""
STRANGE = 0.01
"""P-value up to which a session is a strange mixture of known lines."""


def decide(view: ScopeView, p_value: float) -> tuple[SessionClue, ...]:
    """Return the clues of a live session: none on what is confirmed normal."""
    label = view.known.label
    if label is not None:
        return (SessionClue.LABEL,) if label is LabelVerdict.ANOMALOUS else ()
    if _is_usual(view):
        return ()
    new, bad = view.known.has_new, _has_bad(view)
    carried = (
        (SessionClue.NEW, new),
        (SessionClue.FAILURE, bad),
        (SessionClue.MIXTURE, p_value <= STRANGE and not new and not bad),
    )
    return tuple(clue for clue, is_carried in carried if is_carried)


def _is_usual(view: ScopeView) -> bool:
    mass = view.baseline.mass_at(view.known.row)
    return mass > 0 and mass >= USUAL * view.baseline.counted


def _has_bad(view: ScopeView) -> bool:
    """Return whether the session has a rare line that reads like a failure."""
    mass, most = view.baseline.lines.mass, RARE * view.baseline.counted
    return any(number < 0 or mass.item(number) <= most for number in view.known.failing)
