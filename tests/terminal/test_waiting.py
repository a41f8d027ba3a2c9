"""What is said while something takes long."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from daemon.terminal.waiting import waiting


def test_a_terminal_shows_what_is_waited_for_and_keeps_nothing() -> None:
    """While the block runs the words stand there; then the line is erased."""
    out = io.StringIO()
    with waiting("loading the model x", Console(file=out, force_terminal=True, width=60)):
        time.sleep(0.3)
    shown = out.getvalue()
    assert "loading the model x" in shown
    assert shown.endswith("\x1b[2K")


def test_no_colours_where_they_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR leaves out colours, on a terminal too."""
    monkeypatch.setenv("NO_COLOR", "1")
    out = io.StringIO()
    with waiting("loading", Console(file=out, force_terminal=True, width=60)):
        time.sleep(0.2)
    assert "\x1b[3" not in out.getvalue()


def test_a_pipe_gets_one_line_when_it_takes_long() -> None:
    """Elsewhere one line says what is waited for, and none when it is soon over."""
    out, soon = io.StringIO(), io.StringIO()
    with waiting("loading the model x", Console(file=out), after=0.05):
        time.sleep(0.4)
    with waiting("loading the model x", Console(file=soon), after=30):
        pass
    assert ("strayline: loading the model x\n", "") == (out.getvalue(), soon.getvalue())
