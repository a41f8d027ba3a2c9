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

from daemon.core.contrasts import Contrast, comparable, contrast
from daemon.core.documents import Severity, Why
from daemon.core.records import Judgement, Neighbour, SessionLine, Verdict
from daemon.core.relatives import Relatives
from daemon.core.repeats import repeats
from daemon.core.weighing import Weighed, Weights, weigh
from daemon.core.wording import excerpt, gist, many, percent, shorten

CRITICAL_P = 0.001
WARNING_P = 0.01
SUMMARY_LENGTH = 200
MAX_COMPARED = 64
MANY_TIMES = 3.0
NEARLY = 0.8
"""Lines that contribute at least this part of what the strongest among them does weigh nearly the same."""
_QUOTE_LENGTH = 90


@dataclass(frozen=True, slots=True)
class ExplainedLine:
    """One distinct line of the session and what is odd about it.

    `expected` is its count in the normal pattern compared with, None where there is none. `share` of sessions that have
    it is None where nobody looked, `novelty` (0 to 1) beyond the first 64 unknown lines.
    """

    line: SessionLine
    why: Why
    contribution: float
    expected: int | None
    share: float | None
    novelty: float | None
    nearest_normal: str | None


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


def summarise(judgement: Judgement, lines: Sequence[ExplainedLine], differing: Contrast) -> str:
    """Return the case in one line of at most 200 characters, the most telling fact first."""
    facts = [fact for fact in (_line_fact(lines, differing, judgement.seen), _missing_fact(differing)) if fact]
    if differing.telling and lines and differing.telling[0].contribution > lines[0].contribution:
        facts.reverse()
    if judgement.label == "anomalous":
        facts.insert(0, "marked anomalous by feedback")
    return shorten("; ".join(facts or [_mixture_fact(judgement, differing)]), SUMMARY_LENGTH)


def _line_fact(lines: Sequence[ExplainedLine], differing: Contrast, seen: int) -> str:
    if not lines or lines[0].contribution <= 0:
        return ""
    top = lines[0]
    quoted = _quoted(top.line.example)
    share = f"in {percent(top.share)} of sessions" if top.share else ""
    match top.why:
        case "new":
            others = sum(it.why == "new" for it in lines[1:])
            more = f" (and {many(others, 'more new line')})" if others else ""
            quoted = _quoted(top.line.example, top.nearest_normal or "")
            return f"{quoted} never seen before in {many(seen, 'session')}{more}"
        case "count":
            return _count_fact(differing, top.line.masked) or f"{quoted} {top.line.count:,} times"
        case "severe":
            return f"{quoted} reads like a failure{f' ({share})' if share else ''}"
        case _:
            return f"{quoted} {share or 'is rare'}"


def _count_fact(differing: Contrast, masked: str | None = None) -> str:
    """Return what is to say of one line's count, or of the count that differs most where it differs much."""
    counts = [*differing.more, *differing.fewer]
    for it in sorted(counts, key=lambda it: it.ratio, reverse=True):
        if it.masked == masked or (masked is None and it.ratio >= MANY_TIMES):
            return f"{_quoted(it.text)} {it.count:,} times where {it.expected:,} are usual"
    return ""


def _missing_fact(differing: Contrast) -> str:
    if not differing.telling:
        return ""
    first, *others = differing.telling
    share = f" ({percent(first.share)} of sessions have it)" if first.share else ""
    more = f" and {many(len(others), 'more usual line')}" if others else ""
    return f"{_quoted(first.masked)}{share}{more} {'are' if others else 'is'} missing"


def _mixture_fact(judgement: Judgement, differing: Contrast) -> str:
    normal = differing.reference
    if normal is None:
        return f"nothing to compare with yet: {many(judgement.seen, 'session')} seen"
    return _count_fact(differing) or (
        f"known lines in an unusual mixture: the nearest normal pattern ({percent(normal.weight)} of traffic) "
        f"is {normal.similarity:.2f} alike"
    )


def _quoted(line: str, known: str = "") -> str:
    return f'"{excerpt(gist(line), known, _QUOTE_LENGTH)}"'
