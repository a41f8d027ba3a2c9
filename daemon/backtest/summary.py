"""From a tally to the figures of a report, when the run is over: pure functions, one for each part of the document."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from daemon.backtest.evaluation import Bools, Floats, block_rates, curve, decide, quality, realised
from daemon.backtest.report import (
    OURS,
    AlertRow,
    BudgetRow,
    LabelRow,
    Localisation,
    PatternRow,
    QualityRow,
    RangeRow,
    RealisedRate,
    ScopeRow,
    Suggestion,
)
from daemon.backtest.tally import Alert, Tally
from daemon.core.messages import rfc3339

BUDGETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
READABLE_A_DAY = 20
"""How many alerts a day a person still reads: what a budget is suggested by when there are no labels."""
BLOCK = 1000
LEAST_SPAN = 3_600_000_000
"""Less event time than this says nothing about a day."""
DAY = 86_400_000_000


def alert_row(alert: Alert) -> AlertRow:
    """Return an alert document in short."""
    return AlertRow(
        id=alert["id"],
        start=alert["start"],
        end=alert["end"],
        scope=alert["scope"],
        key=alert["key"],
        p_value=alert["p_value"],
        score=alert["score"],
        severity=alert["severity"],
        summary=alert["summary"],
        incident=alert["incident"]["id"],
        positions=alert["source"]["positions"],
        labelled=alert["labelled"],
    )


def localisation(ranks: Sequence[int | None]) -> Localisation | None:
    """Return how often the first line pointed at was the right one; None without a line to go by."""
    if not ranks:
        return None
    first = sum(rank == 1 for rank in ranks) / len(ranks)
    return Localisation(len(ranks), first, sum(1 / rank for rank in ranks if rank) / len(ranks))


def days_of(tally: Tally) -> float | None:
    """Return how many days of event time the live sessions span; None when their times say nothing."""
    ends = tally.ends
    span = int(ends.max() - ends.min()) if ends.size else 0
    return span / DAY if span > 0 else None


def rate_of(tally: Tally, share: float | None, per_day: float | None) -> RealisedRate:
    """Return the realised rate beside a budget given as a share or as alerts a day."""
    flagged, days = tally.flagged, days_of(tally)
    alerts = int(flagged.sum())
    if share is None and per_day is not None and days:
        share = min(1.0, per_day * days / tally.live)
    realised_share = alerts / tally.live if tally.live else 0.0
    return RealisedRate(tally.live, alerts, realised_share, share, a_day(alerts, days), block_rates(flagged, BLOCK))


def a_day(alerts: int, days: float | None) -> float | None:
    """Return the rate a day; None when the run is too short to tell."""
    return alerts / days if days and days * DAY >= LEAST_SPAN else None


def quality_rows(tally: Tally, budget: float | None) -> list[QualityRow]:
    """Return ours and every other score's figures on the labelled live sessions, ours first."""
    known = tally.labelled
    truth = tally.anomalous[known]
    if not truth.any():
        return []
    rows = [_quality_row(OURS, truth, tally.scores[known], tally.flagged[known])]
    for place, name in enumerate(tally.names):
        scores, p_values = tally.other(place)
        rows.append(_quality_row(name, truth, scores[known], p_values[known] <= (budget or 0.0)))
    return rows


def _quality_row(name: str, truth: Bools, scores: Floats, flagged: Bools) -> QualityRow:
    it = quality(truth, scores, flagged)
    decision = it.decision
    return QualityRow(
        name, it.average_precision, it.best_f1, decision.precision, decision.recall, decision.f1, int(flagged.sum())
    )


def scope_rows(tally: Tally) -> list[ScopeRow]:
    """Return a row for every scope, the busiest first."""
    rows = []
    number, flagged, known = tally.scope, tally.flagged, tally.labelled
    for scope, sessions in tally.scope_sessions.most_common():
        mine = number == tally.scopes.get(scope, -1)
        live, alerts = int(mine.sum()), int(flagged[mine].sum())
        told = mine & known
        truth = tally.anomalous[told]
        labelled = bool(truth.any())
        rows.append(
            ScopeRow(
                scope,
                sessions,
                live,
                alerts,
                alerts / live if live else 0.0,
                curve(truth, tally.scores[told]).average_precision if labelled else None,
                decide(truth, flagged[told]).f1 if labelled else None,
            )
        )
    return rows


def budget_rows(tally: Tally) -> list[BudgetRow]:
    """Return what each of `BUDGETS` would have cost, judged by the p-values of this run."""
    p_values, days, known = tally.p_values, days_of(tally), tally.labelled
    truth = tally.anomalous[known]
    rows = []
    for budget in BUDGETS:
        flagged = p_values <= budget
        alerts = int(flagged.sum())
        found = decide(truth, flagged[known]) if truth.any() else None
        rows.append(
            BudgetRow(
                budget,
                alerts,
                a_day(alerts, days),
                found.precision if found else None,
                found.recall if found else None,
                found.f1 if found else None,
            )
        )
    return rows


def suggest(rows: Sequence[BudgetRow]) -> Suggestion | None:
    """Return the budget with the best F1 where there are labels, else the largest whose alerts a person still reads."""
    best = max(rows, key=lambda row: row.f1 or 0.0)
    if best.f1:
        return Suggestion(best.budget, f"the best F1 on these labels, {best.f1:.3f}")
    firing = sorted((row for row in rows if row.per_day is not None and row.alerts), key=lambda row: row.budget)
    if not firing:
        return None
    affordable = [row for row in firing if (row.per_day or 0.0) <= READABLE_A_DAY]
    if not affordable:
        return Suggestion(firing[0].budget, f"the least that fires at all, {firing[0].per_day:.1f} alerts a day here")
    most = affordable[-1]
    return Suggestion(
        most.budget, f"the largest that costs at most {READABLE_A_DAY} alerts a day here ({most.per_day:.1f})"
    )


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
    """Return how many live sessions the labels speak of."""
    anomalous, known = int(tally.anomalous.sum()), int(tally.labelled.sum())
    return LabelRow(anomalous, known - anomalous, tally.live - known, tally.warm_up_anomalies, unmet)


def calibration(tally: Tally, points: int = 61) -> list[tuple[float, float]]:
    """Return (budget, realised share) from 0.001 to 1, evenly in the logarithm."""
    budgets = np.logspace(-3, 0, points)
    return [(float(b), float(r)) for b, r in zip(budgets, realised(tally.p_values, budgets), strict=True)]


def pattern_rows(tally: Tally, limit: int = 20) -> list[PatternRow]:
    """Return the most frequent patterns."""
    return [
        PatternRow(id_, count.scope, count.sessions, count.alerts, count.distinct, count.lines)
        for id_, count in tally.patterns.top(limit)
    ]
