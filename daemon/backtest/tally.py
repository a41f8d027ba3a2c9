"""What a backtest remembers of each session: numbers in columns, never its lines, so that memory stays small.

A live session costs about 40 bytes, and 16 more for every score kept beside ours. Patterns are counted by name up to
`MAX_PATTERNS`.
"""

from __future__ import annotations

import heapq
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from daemon.backtest.evaluation import Bools, Floats
from daemon.core.positions import Positions
from daemon.core.types import Phase, Verdict

MAX_PATTERNS = 50_000
_TEXT = 400
UNLABELLED = -1


@dataclass(slots=True)
class PatternCount:
    """How often a pattern came, and how often with a clue; `lines` are its first lines, to recognise it."""

    scope: str
    lines: tuple[tuple[str, int], ...]
    distinct: int
    sessions: int = 0
    flagged: int = 0


@dataclass(slots=True)
class PatternCounts:
    """Counts by pattern; once there are too many, new ones only make `others` grow."""

    known: dict[str, PatternCount] = field(default_factory=dict)
    others: int = 0

    def add(self, verdict: Verdict) -> None:
        """Count a session."""
        pattern = verdict.pattern
        count = self.known.get(pattern.id)
        if count is None:
            if len(self.known) >= MAX_PATTERNS:
                self.others += 1
                return
            lines = tuple((line[:_TEXT], times) for line, times in pattern.lines[:3])
            count = self.known[pattern.id] = PatternCount(pattern.scope, lines, len(pattern.lines))
        count.sessions += 1
        count.flagged += verdict.judgement.anomalous

    def top(self, limit: int) -> list[tuple[str, PatternCount]]:
        """Return the most frequent ones."""
        return heapq.nlargest(limit, self.known.items(), key=lambda item: item[1].sessions)


class Tally:
    """Columns over live sessions in the order judged, and counts over all."""

    def __init__(self, others: Sequence[str] = ()) -> None:
        self.names = tuple(others)
        """The scores kept beside ours."""
        self.phases: Counter[Phase] = Counter()
        self.scopes: dict[str, int] = {}
        self.scope_sessions: Counter[str] = Counter()
        self.patterns = PatternCounts()
        self.warm_up_anomalies = 0
        self.start: int | None = None
        self.end: int | None = None
        self._scope, self._flagged, self._label = array("i"), array("b"), array("b")
        self._start, self._end = array("q"), array("q")
        self._score, self._p = array("d"), array("d")
        self._scores = [array("d") for _ in self.names]
        self._ps = [array("d") for _ in self.names]

    def add(self, verdict: Verdict, label: bool | None = None, others: Sequence[tuple[float, float]] = ()) -> None:
        """Add a verdict; `others` are (score, p-value) by `names`, needed for live sessions only."""
        session, judged = verdict.session, verdict.judgement
        self.phases[judged.phase] += 1
        self.scope_sessions[session.scope] += 1
        self.patterns.add(verdict)
        self.start = session.start if self.start is None else min(self.start, session.start)
        self.end = session.end if self.end is None else max(self.end, session.end)
        if judged.phase is not Phase.LIVE:
            self.warm_up_anomalies += bool(label) and judged.phase is Phase.WARM_UP
            return
        self._scope.append(self.scopes.setdefault(session.scope, len(self.scopes)))
        self._start.append(session.start)
        self._end.append(session.end)
        self._score.append(judged.score)
        self._p.append(1.0 if judged.p_value is None else judged.p_value)
        self._flagged.append(judged.anomalous)
        self._label.append(UNLABELLED if label is None else label)
        for (score, p), scores, ps in zip(others, self._scores, self._ps, strict=True):
            scores.append(score)
            ps.append(p)

    @property
    def sessions(self) -> int:
        """How many sessions have been judged or learned."""
        return self.phases.total()

    @property
    def live(self) -> int:
        """How many sessions could have carried a clue."""
        return len(self._score)

    @property
    def scope(self) -> Positions:
        """Number of the session's scope in `scopes`."""
        return np.asarray(self._scope, dtype=np.int64)

    @property
    def starts(self) -> Positions:
        """Least event time of each, microseconds."""
        return np.asarray(self._start, dtype=np.int64)

    @property
    def ends(self) -> Positions:
        """Greatest event time of each, microseconds."""
        return np.asarray(self._end, dtype=np.int64)

    @property
    def scores(self) -> Floats:
        """Our score."""
        return np.asarray(self._score, dtype=np.float64)

    @property
    def p_values(self) -> Floats:
        """Our p-value."""
        return np.asarray(self._p, dtype=np.float64)

    @property
    def flagged(self) -> Bools:
        """Whether the session carried a clue."""
        return np.asarray(self._flagged, dtype=np.bool_)

    @property
    def labelled(self) -> Bools:
        """Whether the session has a label."""
        return np.not_equal(np.asarray(self._label, dtype=np.int64), UNLABELLED)

    @property
    def anomalous(self) -> Bools:
        """Whether the labels call it anomalous."""
        return np.equal(np.asarray(self._label, dtype=np.int64), 1)

    def other(self, place: int) -> tuple[Floats, Floats]:
        """Return scores and p-values of the score named at `place`."""
        return np.asarray(self._scores[place], dtype=np.float64), np.asarray(self._ps[place], dtype=np.float64)
