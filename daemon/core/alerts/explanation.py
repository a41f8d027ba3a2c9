"""Why a session is anomalous, in facts a person can check: its odd lines, what differs from normal, one sentence.

The detector hands over evidence: for each line of the session, and for lines that sessions like it have and it lacks,
how odd it is in nats and in what share of sessions it stands. From there on

* **contribution** is a line's share of all the evidence (`weighing`);
* **novelty** is how far a line is from any known one, in words (`relatives`): "this reads like nothing we know" against
  "a known line with one new word";
* **contrast** compares counts with a normal pattern (`contrasts`).

Lines are ranked by contribution. Of lines that weigh nearly the same the one that was written first leads: where one
failure brings others about, it is the cause. Of lines that weigh nothing what repeats most comes first, then what is
most novel. Only flagged sessions are explained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.core.alerts.attribution import Weighed, Weights, weigh
from daemon.core.alerts.contrast import Contrast, comparable, contrast
from daemon.core.alerts.line_similarity import Relatives
from daemon.core.alerts.repeat_counts import repeats
from daemon.core.alerts.summary import ExplainedLine, summarise
from daemon.core.messages import Severity
from daemon.core.types import Judgement, Neighbour, SessionLine, Verdict

__all__ = ["ExplainedLine", "Explanation", "explain", "severity"]

CRITICAL_P = 0.001
WARNING_P = 0.01
MAX_COMPARED = 64
NEARLY = 0.95
"""Lines that contribute at least this part of what the strongest among them does weigh nearly the same."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The case against a session: ranked lines, contrast, one sentence of at most 200 characters, and how grave."""

    lines: Sequence[ExplainedLine]
    contrast: Contrast
    summary: str
    severity: Severity


def explain(verdict: Verdict) -> Explanation:
    """Return the explanation of an anomalous verdict. Cost: linear in its lines and those of its nearest patterns."""
    normal = comparable(verdict.judgement, verdict.pattern.id)
    compared = normal[0] if normal else None
    weights = weigh([*verdict.judgement.evidence, *repeats(verdict.session, compared, normal)])
    lines = _rank(verdict, weights, compared)
    differing = contrast(verdict.session, compared, weights)
    return Explanation(
        lines=lines,
        contrast=differing,
        summary=summarise(verdict.judgement, lines, differing),
        severity=severity(verdict.judgement),
    )


def severity(judgement: Judgement) -> Severity:
    """Return how grave: by p-value, and critical where feedback has confirmed the pattern as anomalous."""
    p = judgement.p_value
    if judgement.label == "anomalous" or (p is not None and p <= CRITICAL_P):
        return "critical"
    return "warning" if p is not None and p <= WARNING_P else "info"


def _rank(verdict: Verdict, weights: Weights, compared: Neighbour | None) -> list[ExplainedLine]:
    usual = dict(compared.lines) if compared else None
    relatives = Relatives(line for near in verdict.judgement.nearest for line, _ in near.lines)
    left = MAX_COMPARED
    explained = []
    for line in sorted(verdict.session.lines, key=lambda it: (-weights.of(it.masked), it.first)):
        weighed = weights.present.get(line.masked)
        novelty: float | None = None
        nearest: str | None = None
        if line.masked in relatives or (weighed and weighed.share > 0):
            novelty, nearest = 0.0, line.masked
        elif left:
            left -= 1
            novelty, nearest = relatives.novelty(line.masked)
        expected = None if usual is None else usual.get(line.masked, 0)
        explained.append(_explained(line, expected, weighed, novelty, nearest))
    return _in_order(explained)


def _in_order(lines: Sequence[ExplainedLine]) -> list[ExplainedLine]:
    left = sorted(lines, key=lambda it: (-it.contribution, -it.line.count, -(it.novelty or 0.0), it.line.first))
    ranked: list[ExplainedLine] = []
    while left and left[0].contribution > 0:
        least = NEARLY * left[0].contribution
        alike = next((at for at, it in enumerate(left) if it.contribution < least), len(left))
        ranked += sorted(left[:alike], key=lambda it: it.line.first)
        left = left[alike:]
    return ranked + left


def _explained(
    line: SessionLine, expected: int | None, weighed: Weighed | None, novelty: float | None, nearest: str | None
) -> ExplainedLine:
    if weighed is None:
        return ExplainedLine(line, "usual", 0.0, expected, None, novelty, nearest)
    return ExplainedLine(line, weighed.why, weighed.contribution, expected, weighed.share, novelty, nearest)
