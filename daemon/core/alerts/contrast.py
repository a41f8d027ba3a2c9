"""The contrast of a session with one normal pattern, count by count.

The pattern to compare with is the most similar of the nearest patterns that have several sessions. Where anomalies
recur, the most similar pattern of all is often the same anomaly a minute ago, and a contrast with that shows nothing. A
line that nearly all sessions have counts as missing even if that pattern does not have it either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from daemon.core.alerts.attribution import Weights
from daemon.core.types import Judgement, LabelVerdict, Neighbour

ESTABLISHED = 5
"""The number of sessions in the window that a pattern needs to stand for normal traffic."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One line's count here and in the normal pattern."""

    masked: str
    count: int
    expected: int
    share: float | None
    contribution: float

    @property
    def ratio(self) -> float:
        """The ratio of the larger count to the smaller, at least 1."""
        return max(self.count, self.expected) / max(min(self.count, self.expected), 1)


@dataclass(frozen=True, slots=True)
class Contrast:
    """The differences, most telling first; `usual` is the number of lines that both have equally often."""

    reference: Neighbour | None = None
    only_here: Sequence[Difference] = ()
    missing_here: Sequence[Difference] = ()
    more: Sequence[Difference] = ()
    fewer: Sequence[Difference] = ()
    usual: int = 0

    @property
    def telling(self) -> list[Difference]:
        """Missing lines that contribute to the case, not only to this comparison."""
        return [difference for difference in self.missing_here if difference.contribution > 0]


def comparable(judgement: Judgement, own: str) -> list[Neighbour]:
    """Return the normal patterns to compare a session of pattern `own` with, the most similar one first.

    Its own pattern may be in the baseline, but shows no difference, so it is used only if there is no other.
    """
    allowed = [near for near in judgement.nearest if near.label != LabelVerdict.ANOMALOUS]
    normal = [near for near in allowed if near.pattern != own] or allowed
    established = [
        near for near in normal if near.label == LabelVerdict.NORMAL or near.weight * judgement.seen >= ESTABLISHED
    ]
    return sorted(established or normal, key=lambda near: -near.similarity)


def contrast(lines: Iterable[tuple[str, int]], normal: Neighbour | None, weights: Weights) -> Contrast:
    """Return the differences between a session, by its lines with their counts, and a normal pattern."""
    here = dict(lines)
    there = dict(normal.lines) if normal else {}
    differences = [
        _difference(line, here.get(line, 0), there.get(line, 0), weights) for line in here.keys() | there.keys()
    ]
    absent = [line for line, weighed in weights.missing.items() if weighed.contribution > 0 and line not in there]
    both = [difference for difference in differences if difference.count and difference.expected]
    return Contrast(
        reference=normal,
        only_here=_ranked(difference for difference in differences if not difference.expected),
        missing_here=_ranked(
            [
                *(difference for difference in differences if not difference.count),
                *(_difference(line, 0, 1, weights) for line in absent),
            ]
        ),
        more=_ranked(difference for difference in both if difference.count > difference.expected),
        fewer=_ranked(difference for difference in both if difference.count < difference.expected),
        usual=sum(difference.count == difference.expected for difference in both),
    )


def _difference(masked: str, count: int, expected: int, weights: Weights) -> Difference:
    weighed = weights.of(masked, missing=not count)
    return Difference(masked, count, expected, weighed.share, weighed.contribution)


def _ranked(differences: Iterable[Difference]) -> list[Difference]:
    return sorted(differences, key=lambda difference: (-difference.contribution, -difference.ratio, difference.masked))
