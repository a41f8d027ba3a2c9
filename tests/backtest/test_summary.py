"""Figures of a report out of columns."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.backtest.summary import a_day, days_of, localisation, rate_of, threshold_rows
from daemon.backtest.tally import PatternCounts, Tally
from daemon.backtest.told import Told, trimmed
from daemon.core.incidents import News
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
from tests.support.cases import verdict as case_of_lines
from tests.support.news import news_of, publish

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
    return Verdict(TopicPartition("t", 0), session, Pattern("pattern", "s", (("line", 1),)), judged)


def tally_of(flags: list[bool], *, every: int) -> Tally:
    tally = Tally()
    for number, flag in enumerate(flags):
        tally.add(verdict(number, anomalous=flag, every=every))
    return tally


def test_only_live_sessions_can_carry_a_clue() -> None:
    """What warmed up or was taught was not judged, so the share leaves it out."""
    tally = Tally()
    for number, phase in enumerate([Phase.TEACH, Phase.WARM_UP, Phase.LIVE, Phase.LIVE]):
        tally.add(verdict(number, anomalous=number == 3, phase=phase))
    assert (4, 2, 0.5) == (tally.sessions, tally.live, rate_of(tally).share)


def test_a_rate_a_day_comes_from_event_time() -> None:
    """30 in two days are 15 a day."""
    assert 15.0 == a_day(30, days_of(tally_of([True] * 30 + [False] * 371, every=2 * DAY // 400)))


def test_without_time_there_is_no_rate_a_day() -> None:
    """Where all sessions end at once, nothing is said about days."""
    assert None is days_of(tally_of([True, False], every=0))
    assert None is a_day(1, None)


def test_minutes_say_nothing_about_a_day() -> None:
    """A recording of minutes gets no rate a day, which would only frighten."""
    assert None is a_day(10, days_of(tally_of([True] * 10, every=60_000_000)))


def test_thresholds_count_sessions_up_to_a_p_value() -> None:
    """p is a rank: the table says how many sessions are at least as strange, whatever was told."""
    tally = Tally()
    for number, p in enumerate([0.0004, 0.004, 0.04, 0.4]):
        tally.add(verdict(number, p=p))
    assert {0.0005: 1, 0.005: 2, 0.05: 3} == {
        row.p_value: row.sessions for row in threshold_rows(tally) if row.p_value in (0.0005, 0.005, 0.05)
    }


def test_localisation_counts_first_places_and_reciprocals() -> None:
    """A line that was never pointed at counts as nothing."""
    figures = localisation([1, 2, None, 1])
    assert figures is not None
    assert (4, 0.5, 2.5 / 4) == (figures.alerts, figures.hit_at_1, figures.mean_reciprocal_rank)
    assert localisation([]) is None


def test_of_an_incident_the_latest_message_is_kept() -> None:
    """However much is said of it, an incident is told once, and keeps when that was and what the labels call it."""
    opened, told = news_of(closed=False), Told()
    ended = News("resolved", news_of().incident, 2, opened.at + 900)
    for news, label in ((opened, True), (ended, None)):
        told.add(news, publish(news), label)
    [kept] = told.alerts()
    assert (1, "resolved", True, opened.at) == (
        told.told,
        kept["incident"]["event"],
        kept["labelled"],
        kept["told_at"],
    )


def test_incidents_beyond_the_bound_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood does not grow the report."""
    monkeypatch.setattr("daemon.backtest.told.MAX_INCIDENTS", 1)
    told = Told()
    for line in ("ERROR one", "ERROR other"):
        news = news_of(case_of_lines({line: 1}))
        told.add(news, publish(news), None)
    assert (2, 1) == (told.told, len(told))


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
    document = trimmed({"text": "x" * 1000, "list": list(range(100)), "inner": [{"n": None, "f": 0.5}]})
    assert (400, 30, [{"n": None, "f": 0.5}]) == (len(document["text"]), len(document["list"]), document["inner"])
