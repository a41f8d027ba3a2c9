"""The case against a session in one line of at most 200 characters, the most telling fact first.

A fact quotes a log line. The quote is cut, never the words about it: it gets the longest of a few lengths at which the
whole sentence fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.core.alerts.contrast import Contrast, Difference
from daemon.core.baseline import failure_score
from daemon.core.messages import Why
from daemon.core.text import cosine, excerpt, gist, many, percent, shorten
from daemon.core.types import Judgement, LabelVerdict, SessionLine

SUMMARY_LENGTH = 200
MANY_TIMES = 3.0
_QUOTES = (170, 150, 130, 110, 95, 80, 70, 60, 50, 40, 30)


@dataclass(frozen=True, slots=True)
class ExplainedLine:
    """One distinct line of the session and what is odd about it.

    `expected` is its count in the normal pattern of the contrast, None without one. `share` is the share of sessions
    that have it, None if that was not looked up. `novelty` (0 to 1) is None beyond the first 64 unknown lines.
    """

    line: SessionLine
    why: Why
    contribution: float
    expected: int | None
    share: float | None
    novelty: float | None
    nearest_normal: str | None


def summarise(judgement: Judgement, lines: Sequence[ExplainedLine], differing: Contrast) -> str:
    """Return the case in one line of at most 200 characters."""
    sentences = (_sentence(judgement, lines, differing, length) for length in _QUOTES)
    fitting = next((summary for summary in sentences if len(summary) <= SUMMARY_LENGTH), None)
    return fitting or shorten(_sentence(judgement, lines, differing, _QUOTES[-1]), SUMMARY_LENGTH)


def reading(line: str) -> str:
    """Return in words how a line reads. A line with a level below error is not called a failure."""
    score = failure_score(line)
    if score >= 1:
        return "reads like a failure"
    return "is a warning" if score >= 0.5 else "speaks of a failure"


def _sentence(judgement: Judgement, lines: Sequence[ExplainedLine], differing: Contrast, length: int) -> str:
    line, missing = _line_fact(lines, differing, judgement.seen, length), _missing_fact(differing, length)
    facts = [fact for fact in (line, missing) if fact]
    if differing.telling and lines and differing.telling[0].contribution > lines[0].contribution:
        facts.reverse()
    if judgement.label == LabelVerdict.ANOMALOUS:
        facts.insert(0, "marked anomalous by feedback")
    return "; ".join(facts or [_mixture_fact(judgement, differing, length)])


def _line_fact(lines: Sequence[ExplainedLine], differing: Contrast, seen: int, length: int) -> str:
    if not lines or lines[0].contribution <= 0:
        return ""
    top = lines[0]
    quoted = _quoted(top.line.example, length)
    share = f"in {percent(top.share)} of sessions" if top.share else ""
    match top.why:
        case "new":
            others = sum(line.why == "new" for line in lines[1:])
            more = f" (and {many(others, 'more new line')})" if others else ""
            # A failure stands at the beginning of a line; in other lines the new part tells more.
            known = "" if failure_score(top.line.masked) >= 1 else top.nearest_normal or ""
            quoted = _quoted(top.line.example, length, known)
            return f"{quoted} never seen before in {many(seen, 'session')}{more}"
        case "count":
            return _count_fact(differing, length, top.line.masked) or f"{quoted} {top.line.count:,} times"
        case "severe":
            return f"{quoted} {reading(top.line.masked)}{f' ({share})' if share else ''}"
        case _:
            return f"{quoted} only {share}" if share else f"{quoted} is rare"


def _count_fact(differing: Contrast, length: int, masked: str | None = None) -> str:
    """Return a sentence about one line's count; without `masked`, about the count that differs most, if by enough."""
    counts = [*differing.more, *differing.fewer]
    for difference in sorted(counts, key=lambda difference: difference.ratio, reverse=True):
        if difference.masked == masked or (masked is None and difference.ratio >= MANY_TIMES):
            usual = f"{difference.expected:,} {'is' if difference.expected == 1 else 'are'} usual"
            return f"{_quoted(difference.text, length)} {many(difference.count, 'time')} where {usual}"
    return ""


def _missing_fact(differing: Contrast, length: int) -> str:
    if not differing.telling:
        return ""
    first, *others = differing.telling
    share = f" ({_having(first)} it)" if first.share else ""
    more = f" and {many(len(others), 'more usual line')}" if others else ""
    return f"{_quoted(first.masked, length)}{share}{more} {'are' if others else 'is'} missing"


def _having(difference: Difference) -> str:
    share = difference.share or 0.0
    return "all sessions have" if share >= 1 else f"{percent(share)} of sessions have"


def _mixture_fact(judgement: Judgement, differing: Contrast, length: int) -> str:
    normal = differing.reference
    if normal is None:
        return f"nothing to compare with yet: {many(judgement.seen, 'session')} seen"
    count = _count_fact(differing, length)
    if count:
        return count
    alike = f"the nearest normal pattern ({percent(normal.weight)} of traffic, {cosine(normal.similarity)} alike)"
    odd = [*differing.only_here, *differing.missing_here]
    if not odd:
        return f"known lines in an unusual mixture; {alike} has the same lines"
    quoted = _quoted(odd[0].text, length)
    differs = f"lacks {quoted}" if odd[0].count else f"has {quoted} as well"
    more = f", {len(odd)} lines differ" if len(odd) > 1 else ""
    return f"known lines in an unusual mixture; {alike} {differs}{more}"


def _quoted(line: str, length: int, known: str = "") -> str:
    return f'"{excerpt(gist(line), known, length)}"'
