"""From a tally to the figures of a report, when the run is over: pure functions, one for each part of the document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from daemon.backtest.evaluation import Bools, Floats, block_rates, curve, decide, quality, realised
from daemon.backtest.report import (
    OURS,
    ClueRate,
    IncidentRow,
    LabelRow,
    Localisation,
    PatternRow,
    QualityRow,
    RangeRow,
    ScopeRow,
    ThresholdRow,
)
from daemon.backtest.tally import Tally
from daemon.backtest.told import Alert
from daemon.core.messages import rfc3339

P_VALUES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
BLOCK = 1000
LEAST_SPAN = 3_600_000_000
"""A rate a day needs this much event time, in microseconds."""
DAY = 86_400_000_000


def incident_row(alert: Alert) -> IncidentRow:
    """Return the latest message of an incident in short."""
    incident = alert["incident"]
    return IncidentRow(
        id=incident["id"],
        since=incident["since"],
        told_at=rfc3339(round(alert["told_at"] * 1e6)),
        last_seen=incident["last_seen"],
        services=incident["services"],
        severity=alert["severity"],
        summary=alert["summary"],
        why=alert["why"],
        period_s=alert["period_s"],
        causes=len(incident["causes"]),
        sessions=incident["sessions"],
        messages=incident["messages"],
        labelled=alert["labelled"],
    )


def localisation(ranks: Sequence[int | None]) -> Localisation | None:
    """Return how often the first line of the evidence is a labelled one; None without ranks."""
    if not ranks:
        return None
    first = sum(rank == 1 for rank in ranks) / len(ranks)
    return Localisation(len(ranks), first, sum(1 / rank for rank in ranks if rank) / len(ranks))


def days_of(tally: Tally) -> float | None:
    """Return how many days of event time the live sessions span; None when it is 0."""
    ends = tally.ends
    span = int(ends.max() - ends.min()) if ends.size else 0
    return span / DAY if span > 0 else None


def rate_of(tally: Tally) -> ClueRate:
    """Return how many live sessions carried a clue."""
    flagged = int(tally.flagged.sum())
    share = flagged / tally.live if tally.live else 0.0
    return ClueRate(tally.live, flagged, share, block_rates(tally.flagged, BLOCK))


def a_day(count: int, days: float | None) -> float | None:
    """Return the rate a day; None when the run is too short to tell."""
    return count / days if days and days * DAY >= LEAST_SPAN else None


def quality_rows(tally: Tally, share: float) -> list[QualityRow]:
    """Return ours and every other score's figures on the labelled live sessions, ours first.

    Ours flags the sessions that carry a clue, a `share` of all; the others flag as many by their p-values.
    """
    known = tally.labelled
    truth = tally.anomalous[known]
    if not truth.any():
        return []
    rows = [_quality_row(OURS, truth, tally.scores[known], tally.flagged[known])]
    for place, name in enumerate(tally.names):
        scores, p_values = tally.other(place)
        rows.append(_quality_row(name, truth, scores[known], p_values[known] <= share))
    return rows


def _quality_row(name: str, truth: Bools, scores: Floats, flagged: Bools) -> QualityRow:
    rated = quality(truth, scores, flagged)
    decision = rated.decision
    return QualityRow(
        name,
        rated.average_precision,
        rated.best_f1,
        decision.precision,
        decision.recall,
        decision.f1,
        int(flagged.sum()),
    )


def scope_rows(tally: Tally, told: Mapping[str, int]) -> list[ScopeRow]:
    """Return a row for every scope, the busiest first."""
    rows = []
    number, flagged, known = tally.scope, tally.flagged, tally.labelled
    for scope, sessions in tally.scope_sessions.most_common():
        mine = number == tally.scopes.get(scope, -1)
        live, clues = int(mine.sum()), int(flagged[mine].sum())
        labelled_here = mine & known
        truth = tally.anomalous[labelled_here]
        labelled = bool(truth.any())
        rows.append(
            ScopeRow(
                scope,
                sessions,
                live,
                told.get(scope, 0),
                clues,
                clues / live if live else 0.0,
                curve(truth, tally.scores[labelled_here]).average_precision if labelled else None,
                decide(truth, flagged[labelled_here]).f1 if labelled else None,
            )
        )
    return rows


def threshold_rows(tally: Tally) -> list[ThresholdRow]:
    """Return how many live sessions have a p-value of at most each of `P_VALUES`, and how good that would be."""
    p_values, days, known = tally.p_values, days_of(tally), tally.labelled
    truth = tally.anomalous[known]
    rows = []
    for p_value in P_VALUES:
        flagged = p_values <= p_value
        sessions = int(flagged.sum())
        decision = decide(truth, flagged[known]) if truth.any() else None
        rows.append(
            ThresholdRow(
                p_value,
                sessions,
                a_day(sessions, days),
                decision.precision if decision else None,
                decision.recall if decision else None,
                decision.f1 if decision else None,
            )
        )
    return rows


def range_row(tally: Tally, since: int | None, until: int | None) -> RangeRow | None:
    """Return what happened from `since` up to `until` (microseconds); None when neither was asked for."""
    if since is None and until is None:
        return None
    touched = np.ones(tally.live, dtype=np.bool_)
    if since is not None:
        touched &= tally.ends >= since
    if until is not None:
        touched &= tally.starts < until
    fired = touched & tally.flagged
    numbers = {number: scope for scope, number in tally.scopes.items()}
    counts = {numbers[int(n)]: int(c) for n, c in zip(*np.unique(tally.scope[fired], return_counts=True), strict=True)}
    return RangeRow(
        None if since is None else rfc3339(since),
        None if until is None else rfc3339(until),
        int(touched.sum()),
        int(fired.sum()),
        counts,
    )


def label_row(tally: Tally, unmet: int) -> LabelRow:
    """Return how the labels match the live sessions."""
    anomalous, known = int(tally.anomalous.sum()), int(tally.labelled.sum())
    return LabelRow(anomalous, known - anomalous, tally.live - known, tally.warm_up_anomalies, unmet)


def calibration(tally: Tally, points: int = 61) -> list[tuple[float, float]]:
    """Return (budget, realised share) from 0.001 to 1, evenly in the logarithm."""
    budgets = np.logspace(-3, 0, points)
    return [(float(b), float(r)) for b, r in zip(budgets, realised(tally.p_values, budgets), strict=True)]


def pattern_rows(tally: Tally, limit: int = 20) -> list[PatternRow]:
    """Return the most frequent patterns."""
    return [
        PatternRow(id_, count.scope, count.sessions, count.flagged, count.distinct, count.lines)
        for id_, count in tally.patterns.top(limit)
    ]
