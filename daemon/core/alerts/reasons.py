"""Why a session is a case, as parts of its document: what sessions that are judged alike have in common.

While a fault lasts, sessions of few patterns come by the hundred. The parts are kept for those seen last, so a case
costs little more than its own texts and places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from daemon.core.alerts.contrast import Contrast, Difference
from daemon.core.alerts.explanation import ExplainedLine, Explanation, explain
from daemon.core.alerts.judged_lines import JudgedLines
from daemon.core.messages import (
    ContrastDocument,
    ContrastLine,
    Label,
    LineDocument,
    NeighbourDocument,
    rfc3339,
)
from daemon.core.observations import cause_of
from daemon.core.text import shorten
from daemon.core.types import Neighbour

KEPT = 32
"""Reasons that are kept. Each holds its judgement, and at most as much as one document."""
MAX_CAUSES = 64
"""Most causes of a session that are compared with those of incidents."""
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a case is shown: lines, differences of each kind, characters of a text."""

    lines: int = 200
    differences: int = 50
    text: int = 2000

    def halved(self) -> Limits:
        """Return half of each, at least what still says something."""
        return Limits(max(self.lines // 2, 1), max(self.differences // 2, 1), max(self.text // 2, 80))


@dataclass(frozen=True, slots=True)
class Reasons:
    """`causes` are what to compare with those of incidents. `fields` are those of the document that follow from the
    judgement and the lines; they are shared, so nobody may change them.

    In `session` and in the `contrast`, the text of a line that the session has is the masked line, without limits, and
    it has no places. `numbers` are the places of the lines of `session` among those of the session, 0 for the first.
    """

    causes: Sequence[str]
    numbers: Sequence[int]
    fields: dict[str, Any]


@lru_cache(maxsize=KEPT)
def reasons(judged: JudgedLines, limits: Limits) -> Reasons:
    """Return the reasons why a session that carries a clue is a case, as far as they are shown within `limits`."""
    explanation, judgement = explain(judged), judged.judgement
    shown = explanation.lines[: limits.lines]
    fields = {
        "seen": judgement.seen,
        "label": judgement.label,
        "parts": {name: round(value, _DIGITS) for name, value in judgement.parts.items()},
        "session": [_line_document(line, limits) for line in shown],
        "omitted": len(explanation.lines) - len(shown),
        "nearest": [_neighbour_document(near, limits) for near in judgement.nearest],
        "contrast": _contrast_document(explanation.contrast, limits),
    }
    return Reasons(_causes(explanation, judged), [line.number for line in shown], fields)


def _causes(explanation: Explanation, judged: JudgedLines) -> Sequence[str]:
    """Return the causes of the lines that make the case, of bad lines, and of lines that are missing."""
    causes = [cause_of(line.masked).id for line in explanation.lines if line.contribution > 0]
    causes += [cause.id for line, _ in judged.lines if (cause := cause_of(line)).score > 0]
    causes += [cause_of(line.masked).id for line in explanation.contrast.telling]
    return tuple(dict.fromkeys(causes))[:MAX_CAUSES]


def _share(value: float) -> float:
    return round(min(max(value, 0.0), 1.0), 6)


def _line_document(explained: ExplainedLine, limits: Limits) -> LineDocument:
    return {
        "text": explained.masked,
        "count": explained.count,
        "expected": explained.expected,
        "first": "",
        "last": "",
        "why": explained.why,
        "contribution": _share(explained.contribution),
        "share": None if explained.share is None else _share(explained.share),
        "novelty": None if explained.novelty is None else _share(explained.novelty),
        "nearest_normal": None if explained.nearest_normal is None else shorten(explained.nearest_normal, limits.text),
    }


def _neighbour_document(near: Neighbour, limits: Limits) -> NeighbourDocument:
    return {
        "pattern": near.pattern,
        "similarity": round(near.similarity, 6),
        "weight": _share(near.weight),
        "first_seen": rfc3339(near.first_seen),
        "last_seen": rfc3339(near.last_seen),
        "label": cast("Label | None", near.label),
        "text": _pattern_text(near.lines, limits),
    }


def _pattern_text(lines: Sequence[tuple[str, int]], limits: Limits) -> str:
    shown = [f"{count} x {shorten(line, limits.text)}" for line, count in lines[: limits.lines]]
    return shorten("\n".join([*shown, "…"] if len(lines) > len(shown) else shown), 4 * limits.text)


def _contrast_document(differing: Contrast, limits: Limits) -> ContrastDocument:
    return {
        "pattern": differing.reference.pattern if differing.reference else None,
        "only_here": _differences(differing.only_here, limits),
        "missing_here": [
            {**line, "text": shorten(line["text"], limits.text)}
            for line in _differences(differing.missing_here, limits)
        ],
        "more": _differences(differing.more, limits),
        "fewer": _differences(differing.fewer, limits),
        "usual": differing.usual,
    }


def _differences(differences: Sequence[Difference], limits: Limits) -> list[ContrastLine]:
    return [
        {
            "text": difference.masked,
            "count": difference.count,
            "expected": difference.expected,
            "share": None if difference.share is None else _share(difference.share),
            "contribution": _share(difference.contribution),
        }
        for difference in differences[: limits.differences]
    ]
