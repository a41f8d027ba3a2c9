"""Why a session is anomalous, in facts a person can check: its odd lines, what differs from normal, one sentence.

The detector hands over evidence: for each line of the session, and for lines that sessions like it have and it lacks,
how odd it is in nats and in what share of sessions it stands. From there on

* **contribution** is a line's share of all the evidence. Pieces below 2 nats count for nothing: what one session in
  seven has, or lacks, is usual. So contributions add up to 1, or are all 0 where only the mixture of lines is odd;
* **novelty** is 0 for a line seen before; else 1 minus the greatest word overlap (Dice) with a line of the nearest
  normal patterns: "this reads like nothing we know" against "a known line with one new word";
* **contrast** compares counts with the nearest normal pattern.

Everything is ranked by contribution; of equal ones what repeats most comes first, then what is most novel. Only flagged
sessions are explained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from daemon.core.documents import Severity, Why
from daemon.core.records import Evidence, Judgement, Neighbour, SessionLine, Verdict
from daemon.core.relatives import Relatives
from daemon.core.wording import clean, many, percent, shorten

USUAL_NATS = 2.0
CRITICAL_P = 0.001
WARNING_P = 0.01
SUMMARY_LENGTH = 200
MAX_COMPARED = 64
_QUOTE_LENGTH = 90
_WHY: Mapping[str, Why] = {"new": "new", "severe": "severe", "count": "count"}


@dataclass(frozen=True, slots=True)
class ExplainedLine:
    """One distinct line of the session and what is odd about it."""

    line: SessionLine
    why: Why
    contribution: float
    share: float | None
    novelty: float | None
    nearest_normal: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One line's count here and in the nearest normal pattern. `text` is an example, or masked where there is none."""

    masked: str
    text: str
    count: int
    expected: int
    share: float | None
    contribution: float


@dataclass(frozen=True, slots=True)
class Contrast:
    """The session against its nearest normal pattern; most telling difference first. `usual` counts equal lines."""

    only_here: Sequence[Difference] = ()
    missing_here: Sequence[Difference] = ()
    more: Sequence[Difference] = ()
    fewer: Sequence[Difference] = ()
    usual: int = 0


@dataclass(frozen=True, slots=True)
class Explanation:
    """The case against a session: ranked lines, contrast, one sentence of at most 200 characters, and how grave."""

    lines: Sequence[ExplainedLine]
    contrast: Contrast
    summary: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class _Weighed:
    """The evidence about one line: its share of all nats, what kind the largest piece is, and that piece's share."""

    contribution: float
    kind: Why
    share: float


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the functions below look up of one verdict."""

    present: Mapping[str, _Weighed] = field(default_factory=dict)
    missing: Mapping[str, _Weighed] = field(default_factory=dict)

    def contribution(self, line: str) -> float:
        """Return what a present line contributes."""
        weighed = self.present.get(line)
        return weighed.contribution if weighed else 0.0


def explain(verdict: Verdict) -> Explanation:
    """Return the explanation of an anomalous verdict. Cost: linear in its lines and those of its nearest patterns."""
    facts = _weigh(verdict.judgement.evidence)
    lines = _rank_lines(verdict, facts)
    contrast = _contrast(verdict, facts)
    return Explanation(
        lines=lines,
        contrast=contrast,
        summary=summarise(verdict, lines, contrast),
        severity=severity(verdict.judgement),
    )


def severity(judgement: Judgement) -> Severity:
    """Return how grave: by p-value, and critical where feedback has confirmed the pattern as anomalous."""
    p = judgement.p_value
    if judgement.label == "anomalous" or (p is not None and p <= CRITICAL_P):
        return "critical"
    return "warning" if p is not None and p <= WARNING_P else "info"


def _weigh(evidence: Iterable[Evidence]) -> _Facts:
    grouped: dict[tuple[bool, str], list[Evidence]] = {}
    for piece in evidence:
        grouped.setdefault((piece.kind == "missing", piece.line), []).append(piece)
    total = sum(_counted(piece) for pieces in grouped.values() for piece in pieces)
    sides: tuple[dict[str, _Weighed], dict[str, _Weighed]] = ({}, {})
    for (is_missing, line), pieces in grouped.items():
        first = max(pieces, key=lambda piece: piece.nats)
        nats = sum(map(_counted, pieces))
        sides[is_missing][line] = _Weighed(nats / total if total else 0.0, _WHY.get(first.kind, "rare"), first.share)
    return _Facts(present=sides[False], missing=sides[True])


def _counted(piece: Evidence) -> float:
    return piece.nats if piece.nats >= USUAL_NATS else 0.0


def _rank_lines(verdict: Verdict, facts: _Facts) -> list[ExplainedLine]:
    relatives = Relatives(line for near in verdict.judgement.nearest for line, _ in near.lines)
    budget = MAX_COMPARED
    explained = []
    for line in sorted(verdict.session.lines, key=lambda it: (-facts.contribution(it.masked), it.first)):
        weighed = facts.present.get(line.masked)
        novelty: float | None = None
        nearest: str | None = None
        if line.masked in relatives or (weighed and weighed.share > 0):
            novelty, nearest = 0.0, line.masked
        elif budget:
            budget -= 1
            novelty, nearest = relatives.novelty(line.masked)
        explained.append(_explained(line, weighed, novelty, nearest))
    return sorted(explained, key=lambda it: (-it.contribution, -it.line.count, -(it.novelty or 0.0), it.line.first))


def _explained(
    line: SessionLine, weighed: _Weighed | None, novelty: float | None, nearest: str | None
) -> ExplainedLine:
    if weighed is None or weighed.contribution <= 0:
        return ExplainedLine(line, "usual", 0.0, weighed.share if weighed else None, novelty, nearest)
    return ExplainedLine(line, weighed.kind, weighed.contribution, weighed.share, novelty, nearest)


def _contrast(verdict: Verdict, facts: _Facts) -> Contrast:
    here = {line.masked: line for line in verdict.session.lines}
    nearest = verdict.judgement.nearest[0] if verdict.judgement.nearest else None
    there = dict(nearest.lines) if nearest else {}
    differences = [_difference(line, here.get(line), there.get(line, 0), facts) for line in here.keys() | there.keys()]
    absent = facts.missing.keys() - there.keys()
    missing = [it for it in differences if not it.count] + [_difference(line, None, 1, facts) for line in absent]
    both = [it for it in differences if it.count and it.expected]
    return Contrast(
        only_here=_telling(it for it in differences if not it.expected),
        missing_here=_telling(missing),
        more=_telling(it for it in both if it.count > it.expected),
        fewer=_telling(it for it in both if it.count < it.expected),
        usual=sum(it.count == it.expected for it in both),
    )


def _difference(masked: str, line: SessionLine | None, expected: int, facts: _Facts) -> Difference:
    weighed = facts.present.get(masked) if line else facts.missing.get(masked)
    return Difference(
        masked=masked,
        text=line.example if line else masked,
        count=line.count if line else 0,
        expected=expected,
        share=weighed.share if weighed else None,
        contribution=weighed.contribution if weighed else 0.0,
    )


def _telling(differences: Iterable[Difference]) -> list[Difference]:
    def weight(it: Difference) -> tuple[float, float, str]:
        ratio = max(it.count, it.expected) / max(min(it.count, it.expected), 1)
        return (-it.contribution, -ratio, it.masked)

    return sorted(differences, key=weight)


def summarise(verdict: Verdict, lines: Sequence[ExplainedLine], contrast: Contrast) -> str:
    """Return the case in one line of at most 200 characters, the most telling fact first."""
    judged = verdict.judgement
    facts = [fact for fact in (_line_fact(lines, judged.seen), _missing_fact(contrast)) if fact]
    if contrast.missing_here and lines and contrast.missing_here[0].contribution > lines[0].contribution:
        facts.reverse()
    if judged.label == "anomalous":
        facts.insert(0, "marked anomalous by feedback")
    if not facts:
        facts = [_mixture_fact(judged.nearest[0] if judged.nearest else None, judged.seen)]
    return shorten("; ".join(facts), SUMMARY_LENGTH)


def _line_fact(lines: Sequence[ExplainedLine], seen: int) -> str:
    if not lines or lines[0].contribution <= 0:
        return ""
    top = lines[0]
    others = sum(it.why == "new" for it in lines[1:])
    quoted = _quoted(top.line.example)
    match top.why:
        case "new":
            more = f" (and {many(others, 'more new line')})" if others else ""
            return f"{quoted} never seen before in {many(seen, 'session')}{more}"
        case "count":
            return f"{quoted} {top.line.count:,} times, an unusual number"
        case "severe":
            return f"{quoted} reads like a failure"
        case _:
            return f"{quoted} in {_percent(top.share)} of sessions like this one"


def _missing_fact(contrast: Contrast) -> str:
    telling = [it for it in contrast.missing_here if it.contribution > 0]
    if not telling:
        return ""
    first = telling[0]
    quoted = _quoted(first.masked)
    if len(telling) == 1:
        return f"{quoted} is missing ({_percent(first.share)} of sessions like this one have it)"
    return f"{len(telling)} lines that {_percent(first.share)} of sessions like this one have are missing, as {quoted}"


def _mixture_fact(nearest: Neighbour | None, seen: int) -> str:
    if nearest is None:
        return f"nothing to compare with yet: {many(seen, 'session')} seen"
    return (
        f"known lines in an unusual mixture: the nearest normal pattern ({percent(nearest.weight)} of traffic) "
        f"is {nearest.similarity:.2f} alike"
    )


def _percent(share: float | None) -> str:
    return "few" if share is None else percent(share)


def _quoted(line: str) -> str:
    return f'"{shorten(clean(line), _QUOTE_LENGTH)}"'
