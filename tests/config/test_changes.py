"""What a running daemon can apply of a changed configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from daemon.config import Config, changed_keys, needs_restart
from daemon.config.changes import RELOADABLE

DEPLOY = Path(__file__).resolve().parents[2] / "docs/deploy.md"


def test_equal_configurations_have_no_changes() -> None:
    """A file that was only written again changes nothing."""
    assert [] == changed_keys(Config(), Config.model_validate({"alerts": {"budget": "20/day"}}))


def test_changes_are_named_by_key() -> None:
    """Every key that differs is named with its sections; equal neighbours are not."""
    new = Config.model_validate(
        {"alerts": {"budget": "5/day"}, "input": {"redact": {"ips": True}}, "kafka": {"group_id": "other"}}
    )

    assert ["kafka.group_id", "input.redact.ips", "alerts.budget"] == changed_keys(Config(), new)


@pytest.mark.parametrize(
    "key", ["alerts.budget", "alerts.total", "console.links", "input.redact.emails", "logging.level"]
)
def test_what_can_be_applied(key: str) -> None:
    """The budgets, links, redaction and the log's level change while it runs."""
    assert [] == needs_restart([key])


@pytest.mark.parametrize("key", ["kafka.group_id", "input.format", "engine.model", "alertsx", "input.redactions"])
def test_what_needs_a_restart(key: str) -> None:
    """Everything else names itself, also a key that only begins like one that can be applied."""
    assert [key] == needs_restart(["alerts.budget", key])


def test_the_documentation_names_what_can_be_applied() -> None:
    """The page about reloading names the same sections, and no other."""
    sentence = DEPLOY.read_text().split("applies the sections")[1].split("while the daemon runs")[0]
    assert set(RELOADABLE) == set(re.findall(r"`([\w.]+)`", sentence))
