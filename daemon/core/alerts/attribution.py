"""Evidence by line: each line's share of the whole case.

Pieces below 2 nats do not count: what one session in seven has, or lacks, is usual. So the shares add up to 1, or all
are 0 where every line is usual and only their mixture is odd. Evidence that a line reads like a failure counts double,
as in the score: all lines that were never seen have the same few nats, and many of them are harmless. A line that was
never seen is called new even if it also reads like a failure, because a person can check that it is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from daemon.core.messages import Why
from daemon.core.types import Evidence

USUAL_NATS = 2.0
SEVERE_WEIGHT = 2.0
_WHY: Mapping[str, Why] = {"new": "new", "severe": "severe", "count": "count"}


@dataclass(frozen=True, slots=True)
class LineWeight:
    """The evidence about one line: its share of the case (0 to 1), the reason, the share of sessions that have it.

    `share` is None where it was not looked up.
    """

    contribution: float
    why: Why
    share: float | None


NO_EVIDENCE = LineWeight(0.0, "usual", None)


@dataclass(frozen=True, slots=True)
class Weights:
    """All lines with evidence: those in the session, and those missing from it."""

    present: Mapping[str, LineWeight] = field(default_factory=dict)
    missing: Mapping[str, LineWeight] = field(default_factory=dict)

    def of(self, line: str, *, missing: bool = False) -> LineWeight:
        """Return the evidence about a line."""
        return (self.missing if missing else self.present).get(line, NO_EVIDENCE)


def weigh(evidence: Iterable[Evidence]) -> Weights:
    """Return the weights of all evidence. Several pieces about one line are added."""
    grouped: dict[tuple[bool, str], list[Evidence]] = {}
    for piece in evidence:
        grouped.setdefault((piece.kind == "missing", piece.line), []).append(piece)
    total = sum(_counted(piece) for pieces in grouped.values() for piece in pieces)
    sides: tuple[dict[str, LineWeight], dict[str, LineWeight]] = ({}, {})
    for (is_missing, line), pieces in grouped.items():
        contribution = sum(map(_counted, pieces)) / total if total else 0.0
        sides[is_missing][line] = LineWeight(contribution, _why(pieces), min(piece.share for piece in pieces))
    return Weights(present=sides[False], missing=sides[True])


def _counted(piece: Evidence) -> float:
    if piece.nats < USUAL_NATS:
        return 0.0
    return SEVERE_WEIGHT * piece.nats if piece.kind == "severe" else piece.nats


def _why(pieces: Sequence[Evidence]) -> Why:
    if any(piece.kind == "new" and _counted(piece) for piece in pieces):
        return "new"
    strongest = max(pieces, key=lambda piece: piece.nats)
    return _WHY.get(strongest.kind, "rare") if _counted(strongest) else "usual"
