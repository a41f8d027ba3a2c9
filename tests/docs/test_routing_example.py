"""The routing example of docs/alerts.md makes what its receivers take."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from daemon.core.incidents import TOLD, News
from tests.support.news import news_of, read

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "route_alerts.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("route_alerts", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def alerts() -> list[dict[str, Any]]:
    """Return the message that opens an incident and the one that ends it."""
    opened = news_of()
    return [dict(read(news)) for news in (opened, News("resolved", opened.incident, 2, opened.at + 900))]


def test_alertmanager_gets_one_alert_an_incident(example: ModuleType, alerts: list[dict[str, Any]]) -> None:
    """Firing and resolved have equal labels, which is how Alertmanager knows them for one; the second one ends it."""
    [firing], [resolved] = map(example.to_alertmanager, alerts)

    assert firing["labels"] == resolved["labels"]
    assert ("2026-11-22T13:00:00+00:00", "2026-11-22T12:00:00+00:00") == (firing["endsAt"], resolved["endsAt"])


def test_pagerduty_triggers_and_resolves_one_incident(example: ModuleType, alerts: list[dict[str, Any]]) -> None:
    """Both events have one key, and the severity is one that PagerDuty knows."""
    firing, resolved = map(example.to_pagerduty, alerts)

    assert ("trigger", "resolve") == (firing["event_action"], resolved["event_action"])
    assert firing["dedup_key"] == resolved["dedup_key"]
    assert firing["payload"]["severity"] in ("critical", "warning", "info")


def test_slack_reads_log_lines_as_text(example: ModuleType, alerts: list[dict[str, Any]]) -> None:
    """Angle brackets of placeholders are escaped, and a firing alert brings its label command."""
    firing, resolved = map(example.to_slack, alerts)

    assert "&lt;NUM&gt;" in firing["text"]
    assert f"`strayline label {alerts[0]['id']} normal`" in firing["text"]
    assert "label" not in resolved["text"]


def test_what_is_told_is_routed_and_what_is_added_is_not(example: ModuleType) -> None:
    """One notification when an incident opens, comes back or becomes graver, and one when it is over."""
    assert {*TOLD, "resolved"} == set(example.NEWS)
