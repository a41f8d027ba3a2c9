"""Other people's software beside ours on the same lines, as far as that goes without their packages."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.peers import __main__ as command
from benchmarks.peers import one
from benchmarks.peers.field import ENTRIES
from benchmarks.peers.rows import write
from daemon.bench.traffic import LogTraffic, TrafficSettings
from daemon.config.schema import Config

GAP_US = Config().sessions.gap


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.tsv"
    write(path, LogTraffic(TrafficSettings(GAP_US, open_keys=50, patterns=10), 1_790_000_000_000_000).lines(4_000))
    return path


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_is_there(name: str) -> None:
    """Each entry names a class that learns and runs; without its packages it can still be looked at."""
    module, _, made = ENTRIES[name].place.partition(":")
    found = getattr(import_module(f"benchmarks.peers.{module}"), made)

    assert callable(found.learn)
    assert callable(found.run)


@pytest.mark.parametrize(("name", "judges"), [("strayline", True), ("strayline, masks alone", False)])
def test_ours_runs_over_the_rows(rows: Path, name: str, judges: bool) -> None:
    """Ours takes in the lines that count, after those that do not, and judges sessions where that is its work."""
    figures = one.measure(name, rows, 1_000, 3_000, GAP_US)

    assert 3_000 == figures["lines"]
    assert judges == (figures["sessions"] > 100)
    assert figures["cpu"] > 0


def test_one_that_cannot_run_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without its interpreter a contestant is named with the reason, the others are measured, and the status is 1."""
    asked: Sequence[str] = ("--lines", "2000", "--warm", "500", "--rounds", "1", "--python", str(tmp_path / "none"))
    only = ("--only", "strayline, masks alone", "--only", "Drain3")
    monkeypatch.setattr(sys, "argv", ["benchmarks.peers", *asked, *only])

    assert 1 == command.main()
    said = capsys.readouterr()
    assert "Drain3 did not run: [Errno 2]" in said.err
    assert ["| strayline, masks alone |"] == [line[:26] for line in said.out.splitlines()[2:]]


def test_ratios_are_to_ours() -> None:
    """A row's ratio is its lines a CPU-second over ours; what scores no session has no cost of one."""
    ours = {"lines": 100, "cpu": 1.0, "sessions": 10, "learned": 2.0, "mb": 5.0}
    theirs = {"lines": 100, "cpu": 4.0, "sessions": 0, "learned": 0.0, "mb": 1.0}
    found = command.table({"strayline": ours, "Drain3": theirs})

    assert "| strayline | 100 | 1 | 100.00 | 2.0 | 5 | 100 |" in found[2]
    assert "| Drain3 | 25 | 0.25 | - | 0.0 | 1 | 100 |" in found[3]
