"""Figures of a report out of columns."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.backtest.report import BudgetRow
from daemon.backtest.summary import localisation, rate_of, suggest
from daemon.backtest.tally import MAX_ALERTS, PatternCounts, Strangest, Tally, trimmed
from daemon.core.text import p_value
from daemon.core.types import (
    ClosedBy,
    Judgement,
    Pattern,
    Phase,
    Session,
    SessionLine,
    TopicPartition,
    Verdict,
)

DAY = 86_400_000_000


def verdict(
    number: int, *, p: float | None = 0.5, anomalous: bool = False, phase: Phase = Phase.LIVE, every: int = 1
) -> Verdict:
    """Return verdict `number`, whose session ends that many times `every` microseconds after the epoch."""
    end = number * every
    line = SessionLine("line", 1, number << 20, number << 20, "line")
    positions = np.array([number << 20], dtype=np.int64)
    session = Session("s", f"k{number}", end, end, 1, 1, ClosedBy.GAP, [line], positions)
    judged = Judgement(score=float(number), similarity=None, p_value=p, anomalous=anomalous, learned=True, phase=phase)
    return Verdict(f"id{number}", TopicPartition("t", 0), session, Pattern("pattern", "s", (("line", 1),)), judged)


def row(budget: float, alerts: int, per_day: float | None, f1: float | None = None) -> BudgetRow:
    return BudgetRow(budget, alerts, per_day, f1, f1, f1)


def tally_of(flags: list[bool], *, every: int) -> Tally:
    tally = Tally()
    for number, flag in enumerate(flags):
        tally.add(verdict(number, anomalous=flag, every=every))
    return tally


def test_only_live_sessions_count_against_the_budget() -> None:
    """What warmed up or was taught could not alert, so the rate leaves it out."""
    tally = Tally()
    for number, phase in enumerate([Phase.TEACH, Phase.WARM_UP, Phase.LIVE, Phase.LIVE]):
        tally.add(verdict(number, anomalous=number == 3, phase=phase))
    assert (4, 2, 0.5) == (tally.sessions, tally.live, rate_of(tally, 0.1, None).realised)


def test_a_budget_a_day_becomes_a_share_of_the_traffic_seen() -> None:
    """20 alerts a day over two days of 401 sessions are 40 of 401."""
    tally = tally_of([True] * 30 + [False] * 371, every=2 * DAY // 400)
    rate = rate_of(tally, None, 20.0)
    assert rate.budget == pytest.approx(40 / 401)
    assert rate.per_day == pytest.approx(15.0)


def test_without_time_there_is_no_rate_a_day() -> None:
    """Where all sessions end at once, nothing is said about days."""
    rate = rate_of(tally_of([True, False], every=0), None, 20.0)
    assert (None, None, 0.5) == (rate.budget, rate.per_day, rate.realised)


def test_minutes_say_nothing_about_a_day() -> None:
    """A recording of minutes gets no rate a day, which would only frighten."""
    rate = rate_of(tally_of([True] * 10, every=60_000_000), 0.1, None)
    assert rate.per_day is None


def test_labels_decide_the_suggestion() -> None:
    """The budget with the best F1 is suggested where labels tell."""
    best = suggest([row(0.001, 2, 1.0, 0.3), row(0.01, 20, 10.0, 0.8), row(0.1, 200, 100.0, 0.4)])
    assert best is not None
    assert 0.01 == best.budget


def test_without_labels_the_number_of_alerts_decides() -> None:
    """The largest budget whose alerts a person still reads, else the least that fires, else none."""
    rows = [row(0.001, 0, 0.0), row(0.01, 20, 10.0), row(0.02, 40, 20.0), row(0.1, 200, 100.0)]
    suggested = [suggest(rows), suggest(rows[3:]), suggest(rows[:1]), suggest([row(0.01, 5, None)])]
    assert [0.02, 0.1, None, None] == [it.budget if it else None for it in suggested]


def test_localisation_counts_first_places_and_reciprocals() -> None:
    """A line that was never pointed at counts as nothing."""
    it = localisation([1, 2, None, 1])
    assert it is not None
    assert (4, 0.5, 2.5 / 4) == (it.alerts, it.hit_at_1, it.mean_reciprocal_rank)
    assert localisation([]) is None


def test_the_strangest_alerts_are_kept() -> None:
    """Of many alerts the least p-values stay, the strangest first, with what the labels call them."""
    kept = Strangest(limit=3)
    for number, p in enumerate([0.01, 0.001, 0.02, 0.0005, 0.03]):
        kept.add(verdict(number, p=p), {"id": number}, number == 3)
    assert [(3, True), (1, False), (0, False)] == [(it["id"], it["labelled"]) for it in kept.alerts()]
    assert MAX_ALERTS >= 100


def test_patterns_beyond_the_bound_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many patterns come, only so many are remembered by name."""
    monkeypatch.setattr("daemon.backtest.tally.MAX_PATTERNS", 0)
    patterns = PatternCounts()
    patterns.add(verdict(1))
    assert (0, 1) == (len(patterns.known), patterns.others)


def test_a_tiny_p_value_is_not_printed_as_nothing() -> None:
    """What is less than four digits show is said to be less, and what is not known is a dash."""
    assert ["p 0.0123", "p < 0.0001", "-"] == [p_value(p) for p in (0.0123, 1e-9, None)]


def test_long_documents_are_trimmed_for_the_page() -> None:
    """Long texts and long lists are cut, the rest stays as it is."""
    it = trimmed({"text": "x" * 1000, "list": list(range(100)), "inner": [{"n": None, "f": 0.5}]})
    assert (400, 30, [{"n": None, "f": 0.5}]) == (len(it["text"]), len(it["list"]), it["inner"])
