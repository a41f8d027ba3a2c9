"""The strangest sessions of a run: a ranking, which exists even when the history is too short for incidents.

While the run goes on, one session of each pattern is kept, up to `MOST` of them, those that scored highest. At the end
each is compared with all that the run has learned, so that a session of the first minute is judged as fairly as one of
the last. Of sessions with the same leading line, one is shown.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from daemon.backtest.told import trimmed
from daemon.core.alerts import Provenance, case_of
from daemon.core.detection import NAMES, Detector, combine
from daemon.core.types import LabelVerdict, Phase, Verdict

MOST = 1_000
MAX_LINES = 200_000
"""Lines of kept sessions in all; a session that alone has more than a tenth is not kept."""
SHOWN = 10

Ranked = Mapping[str, Any]
"""The case of a session as an alert has it, with `scope`, and `alike`: how many sessions have its pattern."""


class Strangest:
    """Keeps candidates while a run goes on, and ranks them at its end."""

    def __init__(self) -> None:
        self._kept: dict[str, Verdict] = {}
        self._heap: list[tuple[float, str]] = []
        self._sessions: Counter[str] = Counter()
        self._lines = 0

    def add(self, verdict: Verdict) -> None:
        """Add a verdict, unless its session was taught or labelled normal."""
        judged, pattern = verdict.judgement, verdict.pattern.id
        if judged.phase is Phase.TEACH or judged.label is LabelVerdict.NORMAL:
            return
        if pattern in self._kept:
            self._sessions[pattern] += 1
        elif len(verdict.session.lines) <= MAX_LINES // 10:
            self._keep(pattern, verdict)

    def _keep(self, pattern: str, verdict: Verdict) -> None:
        heapq.heappush(self._heap, (verdict.judgement.score, pattern))
        self._kept[pattern] = verdict
        self._sessions[pattern] = 1
        self._lines += len(verdict.session.lines)
        while len(self._heap) > MOST or self._lines > MAX_LINES:
            _, dropped = heapq.heappop(self._heap)
            self._lines -= len(self._kept.pop(dropped).session.lines)
            del self._sessions[dropped]

    def ranking(self, detector: Detector, about: Provenance) -> list[Ranked]:
        """Return the strangest sessions, at most `SHOWN`, the strangest first."""
        reviewed = []
        for verdict in self._kept.values():
            judgement = detector.review(verdict.pattern, verdict.source)
            if judgement is not None and judgement.label is not LabelVerdict.NORMAL:
                reviewed.append(verdict._replace(judgement=judgement))
        scores = _scores(reviewed, [self._sessions[verdict.pattern.id] for verdict in reviewed])
        order = sorted(
            zip(scores, reviewed, strict=True), key=lambda pair: (-pair[0], pair[1].session.start, pair[1].id)
        )
        ranked: dict[tuple[str, str], Ranked] = {}
        for _, verdict in order:
            case = case_of(verdict, about)
            leading = case.causes[0] if case.causes else verdict.pattern.id
            alike = self._sessions[verdict.pattern.id]
            ranked.setdefault((case.scope, leading), {**trimmed(case.document), "scope": case.scope, "alike": alike})
            if len(ranked) == SHOWN:
                break
        return list(ranked.values())


def _scores(verdicts: Sequence[Verdict], sessions: Sequence[int]) -> list[float]:
    """Return the scores of verdicts by their ranks among each other; `sessions` is how often each pattern came.

    The detector's own ranks compare with early sessions, when little was learned; in a short run most are early.
    """
    if not verdicts:
        return []
    counts = np.array(sessions, np.float64)
    parts = np.array([[verdict.judgement.parts[name] for name in NAMES] for verdict in verdicts])
    ranks = [(counts * (values[None, :] >= values[:, None])).sum(axis=1) / counts.sum() for values in parts.T]
    return [combine(row, row) for row in np.column_stack(ranks)]
