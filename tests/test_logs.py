"""The daemon's own log: its level and its format may change while it runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import orjson
import pytest
import structlog

from daemon.logs import configure_logging


@pytest.fixture(autouse=True)
def root_as_before() -> Iterator[None]:
    """Undo what a test configures of the standard library's log."""
    root, own = logging.getLogger(), logging.getLogger("daemon")
    before = (root.handlers[:], root.level, own.level)
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    own.setLevel(before[2])


def test_a_level_that_changes_holds_for_loggers_that_have_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """A reload lowers it or raises it, whatever a module has logged before."""
    log = structlog.get_logger("daemon.test")
    for level in ("info", "debug", "warning", "info"):
        configure_logging(level, "json")
        log.debug("fine", at=level)
        log.info("plain", at=level)
        log.warning("odd", at=level)
    events = [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]

    assert [
        ("info", ["plain", "odd"]),
        ("debug", ["fine", "plain", "odd"]),
        ("warning", ["odd"]),
        ("info", ["plain", "odd"]),
    ] == _by_level(events)


def _by_level(events: list[dict[str, str]]) -> list[tuple[str, list[str]]]:
    grouped: list[tuple[str, list[str]]] = []
    for event in events:
        if not grouped or grouped[-1][0] != event["at"]:
            grouped.append((event["at"], []))
        grouped[-1][1].append(event["event"])
    return grouped


def test_a_format_that_changes_holds_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """From JSON to text for people."""
    log = structlog.get_logger("daemon.test")
    configure_logging("info", "json")
    log.info("one")
    configure_logging("info", "console")
    log.info("two")
    first, second = capsys.readouterr().err.splitlines()

    assert "one" == orjson.loads(first)["event"]
    assert "two" in second
    assert not second.startswith("{")
