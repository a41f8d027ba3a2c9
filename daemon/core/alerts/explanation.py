"""Why a session is anomalous, in facts that a person can check: odd lines and differences from normal.

The detector supplies evidence about each line of the session, and about lines that similar sessions have and this one
does not: how odd it is in nats, and the share of sessions that have it. Three values are derived from it:

* **contribution** is a line's share of all the evidence (`attribution`).
* **novelty** is the distance of a line from the nearest known line, in words (`line_similarity`). It separates a line
  of an unknown kind from a known line with one new word.
* **contrast** compares counts with a normal pattern (`contrast`).

Lines are ranked by contribution. Among lines with nearly the same contribution, the one written first leads: where one
failure causes others, it is the cause. Lines that contribute nothing are ranked by count, then by novelty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.core.alerts.attribution import Weights, weigh
from daemon.core.alerts.contrast import Contrast, comparable, contrast
from daemon.core.alerts.judged_lines import JudgedLines
from daemon.core.alerts.line_similarity import LineIndex
from daemon.core.alerts.repeat_counts import repeats
from daemon.core.messages import Why
from daemon.core.types import Neighbour

MAX_COMPARED = 64
NEARLY = 0.95
"""Lines with at least this share of the strongest contribution among them count as nearly the same."""


@dataclass(frozen=True, slots=True)
class ExplainedLine:
    """One distinct line of the session and what is odd about it.

    `number` is its place among the session's lines, 0 for the first. `expected` is its count in the normal pattern of
    the contrast, None without one. `share` is the share of sessions that have it, None if that was not looked up.
    `novelty` (0 to 1) is None beyond the first 64 unknown lines.
    """

    number: int
    masked: str
    count: int
    why: Why
    contribution: float
    expected: int | None
    share: float | None
    novelty: float | None
    nearest_normal: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The case against a session: ranked lines and contrast."""

    lines: Sequence[ExplainedLine]
    contrast: Contrast


def explain(session: JudgedLines) -> Explanation:
    """Return the explanation of an anomalous session, in time linear in its lines and those of its nearest patterns."""
    normal = comparable(session.judgement, session.pattern)
    compared = normal[0] if normal else None
    weights = weigh([*session.judgement.evidence, *repeats(session.lines, compared, normal)])
    return Explanation(_rank(session, weights, compared), contrast(session.lines, compared, weights))


def _rank(session: JudgedLines, weights: Weights, compared: Neighbour | None) -> list[ExplainedLine]:
    usual = dict(compared.lines) if compared else None
    known = LineIndex(line for near in session.judgement.nearest for line, _ in near.lines)
    left = MAX_COMPARED
    explained = []
    for number, (masked, count) in sorted(enumerate(session.lines), key=lambda at: -weights.of(at[1][0]).contribution):
        weighed = weights.of(masked)
        novelty: float | None = None
        nearest: str | None = None
        if masked in known or weighed.share:
            novelty, nearest = 0.0, masked
        elif left:
            left -= 1
            novelty, nearest = known.novelty(masked)
        expected = None if usual is None else usual.get(masked, 0)
        explained.append(
            ExplainedLine(
                number, masked, count, weighed.why, weighed.contribution, expected, weighed.share, novelty, nearest
            )
        )
    return _in_order(explained)


def _in_order(lines: Sequence[ExplainedLine]) -> list[ExplainedLine]:
    left = sorted(
        lines,
        key=lambda explained: (
            -explained.contribution,
            -explained.count,
            -(explained.novelty or 0.0),
            explained.number,
        ),
    )
    ranked: list[ExplainedLine] = []
    while left and left[0].contribution > 0:
        least = NEARLY * left[0].contribution
        alike = next((at for at, explained in enumerate(left) if explained.contribution < least), len(left))
        ranked += sorted(left[:alike], key=lambda explained: explained.number)
        left = left[alike:]
    return ranked + left
