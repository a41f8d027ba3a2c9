"""What a detector's scopes hold, in figures: for metrics, `top` and `baseline inspect`."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.core.baseline import Label, Lines
from daemon.core.detection.scope import Scope, ScopeFacts
from daemon.core.types import Phase


@dataclass(frozen=True, slots=True)
class ScopeStatistics:
    """The figures of one scope.

    `sessions` are those in the window, `anomalous` is the share of the last `judged` sessions that carried a clue.
    """

    scope: str
    phase: Phase
    patterns: int
    lines: int
    sessions: int
    labels: int
    judged: int
    anomalous: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class PatternStatistics:
    """One pattern of a scope: its share of the window's sessions (0 to 1), times in microseconds, and its label."""

    pattern: str
    weight: float
    first: int
    last: int
    label: Label | None
    lines: Lines


def scope_statistics(name: str, facts: ScopeFacts, warm_up: int) -> ScopeStatistics:
    """Return the figures of the scope `name`, which is live after `warm_up` sessions."""
    return ScopeStatistics(
        scope=name,
        phase=Phase.LIVE if facts.seen >= warm_up else Phase.WARM_UP,
        patterns=facts.patterns,
        lines=facts.lines,
        sessions=facts.sessions,
        labels=facts.labels,
        judged=facts.judged,
        anomalous=facts.with_clue / facts.judged if facts.judged else 0.0,
        memory_bytes=facts.memory_bytes,
    )


def pattern_statistics(scope: Scope) -> list[PatternStatistics]:
    """Return all that is known of the patterns of a scope, those with the most sessions in the window first."""
    baseline, window = scope.baseline, scope.baseline.window
    total = max(window.total, 1.0)
    patterns = [
        PatternStatistics(
            pattern=name,
            weight=window.sessions(row) / total,
            first=window.first(row),
            last=window.last(row),
            label=baseline.labels.get(row),
            lines=baseline.lines_of(row),
        )
        for name, row in baseline.rows()
    ]
    return sorted(patterns, key=lambda one: (-one.weight, -one.last, one.pattern))
