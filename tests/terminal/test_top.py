"""`strayline top`: rows out of an exposition, and tables a person reads."""

from __future__ import annotations

import io

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from rich.console import Console, RenderableType

from daemon.metrics import Metrics
from daemon.terminal.top import PatternView, patterns_table, read_scrape, render, scope_rows


def exposition(sessions: int, told: int, scope: str = "payments", held_back: int = 0) -> str:
    """Return what a daemon that did so much would expose."""
    metrics = Metrics(CollectorRegistry())
    metrics.lines.labels("logs").inc(100 * sessions)
    metrics.sessions_judged.labels("quiet", "warm_up").inc(5)
    metrics.sessions_judged.labels(scope, "normal").inc(sessions - told)
    metrics.sessions_judged.labels(scope, "anomalous").inc(told)
    metrics.incidents_told.labels(scope).set(told)
    metrics.incident_budget.labels(scope).set(20)
    metrics.incidents_open.labels(scope).set(2)
    metrics.incidents_held_back.labels(scope).inc(held_back)
    metrics.baseline_patterns.labels(scope).set(140)
    metrics.partition_state.labels("running").set(3)
    metrics.engine_up.set(1)
    return generate_latest(metrics.registry).decode()


def shown(renderable: RenderableType, width: int = 80) -> str:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(renderable)
    return out.getvalue()


def test_totals_of_every_scope_busiest_first() -> None:
    """One scrape is enough for totals, states, and what was told against the budget."""
    payments, quiet = scope_rows(read_scrape(exposition(1000, 12), 0.0))

    assert ("payments", "live", 1000, 12, 20, 0, 2, 140) == (
        payments.scope,
        payments.phase,
        payments.sessions,
        payments.told,
        payments.budget,
        payments.held_back,
        payments.incidents,
        payments.patterns,
    )
    assert ("quiet", "warming up") == (quiet.scope, quiet.phase)


def test_two_scrapes_make_rates() -> None:
    """Sessions are a second when there is an earlier scrape; what was told is of the last day in any case."""
    before, now = read_scrape(exposition(1000, 12), 10.0), read_scrape(exposition(1500, 13), 20.0)

    assert [(50.0, 13), (0.0, 0)] == [(row.sessions, row.told) for row in scope_rows(now, before)]


def test_restart_between_scrapes_is_no_negative_rate() -> None:
    """Counters that fell back to zero count as nothing."""
    before, now = read_scrape(exposition(1000, 12), 10.0), read_scrape(exposition(500, 1), 20.0)

    assert 0.0 == scope_rows(now, before)[0].sessions


def test_screen_names_the_daemon_and_marks_a_scope_whose_budget_held_incidents_back() -> None:
    """What was held back is marked without colour too."""
    text = shown(render(read_scrape(exposition(1000, 20, held_back=3), 0.0)))

    assert "100,000 lines  0 behind  0 open sessions  partitions: 3 running  0 dead letters" in text
    assert ["payments", "live", "1,000", "20", "20", "3!", "2", "140"] in [line.split() for line in text.splitlines()]


def test_dead_engine_is_said() -> None:
    """An engine that does not answer is the last word of the first line."""
    text = shown(render(read_scrape(exposition(10, 1).replace("engine_up 1.0", "engine_up 0.0"), 0.0)))

    assert "engine down" in text


def test_hostile_scope_names_stay_in_their_cell() -> None:
    """A scope comes from the logs, so it is cleaned, and cut at 28 columns."""
    text = shown(render(read_scrape(exposition(10, 1, scope="\x1b[2J" + "x" * 100), 0.0)), 120)

    assert all(line.isprintable() for line in text.splitlines())
    assert "x" * 27 + "…" in text


def test_patterns_show_their_first_lines() -> None:
    """A long pattern is cut to three lines and says how many more there are."""
    row = PatternView(
        "0123456789abcdef", 0.12, "2026-11-22T12:00:00.000Z", "normal", "1 x a\n2 x b\n3 x c\n4 x d\n5 x e"
    )
    text = shown(patterns_table([row]))

    assert ["01234567", "12%", "2026-11-22T12:00:00.000Z", "normal", "1", "x", "a"] == text.splitlines()[3].split()
    assert "… 2 more" in text
