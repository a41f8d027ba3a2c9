"""A session against one normal pattern, count by count.

The pattern to compare with is the most similar one that traffic really has: of the nearest, one with several sessions
to its name. Where anomalies recur, the most similar pattern of all is often the same anomaly a minute ago, and a
contrast with that says nothing. A line that nearly all
sessions have is missing even where that pattern lacks it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from daemon.core.alerts.attribution import Weights
from daemon.core.types import Judgement, Neighbour, Session, SessionLine

ESTABLISHED = 5
"""Sessions of the window that a pattern needs to stand for normal traffic."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One line's count here and in the normal pattern. `text` is an example, or masked where there is none."""

    masked: str
    text: str
    count: int
    expected: int
    share: float | None
    contribution: float

    @property
    def ratio(self) -> float:
        """How many times the one count is the other, at least 1."""
        return max(self.count, self.expected) / max(min(self.count, self.expected), 1)


@dataclass(frozen=True, slots=True)
class Contrast:
    """What differs, the most telling first; `usual` is the number of lines that both have equally often."""

    reference: Neighbour | None = None
    only_here: Sequence[Difference] = ()
    missing_here: Sequence[Difference] = ()
    more: Sequence[Difference] = ()
    fewer: Sequence[Difference] = ()
    usual: int = 0

    @property
    def telling(self) -> list[Difference]:
        """Missing lines that are part of the case, not only of this comparison."""
        return [it for it in self.missing_here if it.contribution > 0]


def comparable(judgement: Judgement, own: str) -> list[Neighbour]:
    """Return the normal patterns to compare a session of pattern `own` with, the most similar one first.

    Its own pattern, though it may be in the baseline, would show no difference: it is taken only for want of another.
    """
    allowed = [near for near in judgement.nearest if near.label != "anomalous"]
    normal = [near for near in allowed if near.pattern != own] or allowed
    established = [near for near in normal if near.label == "normal" or near.weight * judgement.seen >= ESTABLISHED]
    return sorted(established or normal, key=lambda near: -near.similarity)


def contrast(session: Session, normal: Neighbour | None, weights: Weights) -> Contrast:
    """Return what differs between a session and a normal pattern."""
    here = {line.masked: line for line in session.lines}
    there = dict(normal.lines) if normal else {}
    differences = [
        _difference(line, here.get(line), there.get(line, 0), weights) for line in here.keys() | there.keys()
    ]
    absent = [line for line, weighed in weights.missing.items() if weighed.contribution > 0 and line not in there]
    both = [it for it in differences if it.count and it.expected]
    return Contrast(
        reference=normal,
        only_here=_ranked(it for it in differences if not it.expected),
        missing_here=_ranked(
            [*(it for it in differences if not it.count), *(_difference(line, None, 1, weights) for line in absent)]
        ),
        more=_ranked(it for it in both if it.count > it.expected),
        fewer=_ranked(it for it in both if it.count < it.expected),
        usual=sum(it.count == it.expected for it in both),
    )


def _difference(masked: str, line: SessionLine | None, expected: int, weights: Weights) -> Difference:
    weighed = (weights.present if line else weights.missing).get(masked)
    return Difference(
        masked=masked,
        text=line.example if line else masked,
        count=line.count if line else 0,
        expected=expected,
        share=weighed.share if weighed else None,
        contribution=weighed.contribution if weighed else 0.0,
    )


def _ranked(differences: Iterable[Difference]) -> list[Difference]:
    return sorted(differences, key=lambda it: (-it.contribution, -it.ratio, it.masked))
