"""The strangest sessions: a ranking where nothing was told, by what the whole run learned."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from daemon.backtest import BacktestOptions, Result
from daemon.backtest.strangest import MAX_LINES, MOST, Strangest
from daemon.core.types import Verdict
from daemon.terminal.ranking import print_ranking
from tests.support.backtests import backtest, record, sessions, write
from tests.support.cases import verdict


def scored(pattern: str, score: float, lines: int) -> Verdict:
    """Return a verdict with so many lines in its session."""
    it = verdict({f"line {number}": 1 for number in range(lines)}, pattern=pattern)
    return it._replace(judgement=replace(it.judgement, score=score))


def shown(result: Result, limit: int = 5) -> str:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    print_ranking(result.report, result.strangest, console, limit)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_a_failure_of_the_first_line_is_ranked(tmp_path: Path) -> None:
    """What fails in the first session is not news later; it leads the ranking, which says that it is one."""
    log = write(tmp_path / "a.jsonl", sessions(300, (0, 40, 260)))
    result = await backtest(BacktestOptions([log]), warm_up=100)
    first = result.strangest[0]

    assert 0 == result.report.told
    assert "ERROR deadlock" in first["session"][0]["text"]
    assert first["pattern"] not in {near["pattern"] for near in first["nearest"]}
    told = shown(result)
    assert "No incident is told: behind the first 100 sessions, which only taught" in " ".join(told.split())
    assert "a ranking, which a good day has too" in told
    assert told.index("  1  ") < told.index("ERROR deadlock")


async def test_a_file_too_short_to_warm_up_is_ranked(tmp_path: Path) -> None:
    """All sessions only taught, and the odd one is still shown first; its kind is shown once."""
    result = await backtest(BacktestOptions([write(tmp_path / "a.jsonl", sessions(100, (7, 31)))]))

    assert 100 == result.report.warm_up
    failing = [shown["key"] for shown in result.strangest if any("ERROR" in line["text"] for line in shown["session"])]
    assert ["request-7"] == failing
    assert "request-7" == result.strangest[0]["key"]
    told = shown(result)
    assert "all 100 sessions were needed to learn what is usual" in " ".join(told.split())
    assert "ERROR deadlock" in told.partition("  2  ")[0]


async def test_a_run_that_tells_an_incident_prints_no_ranking(tmp_path: Path) -> None:
    """Incidents come first; the page alone has the ranking too."""
    log = write(tmp_path / "a.jsonl", sessions(400, (300,)))
    result = await backtest(BacktestOptions([log], out=tmp_path / "out"))

    assert result.report.told
    assert "" == shown(result)
    assert "The strangest sessions" in (tmp_path / "out" / "report.html").read_text()


async def test_taught_sessions_are_not_ranked(tmp_path: Path) -> None:
    """What is confirmed normal is not strange; what fails besides is."""
    taught = write(tmp_path / "taught.jsonl", sessions(50, (3,)))
    log = write(tmp_path / "a.jsonl", [*sessions(50, first=50), record(9_000, "odd", "FATAL no disk is left")])
    result = await backtest(BacktestOptions([log], teach=[taught]))

    assert "odd" == result.strangest[0]["key"]
    assert set() == {shown["key"] for shown in result.strangest} & {f"request-{number}" for number in range(50)}


def test_candidates_are_bounded() -> None:
    """Beyond the most patterns, or the most lines, the least strange are dropped; one huge session is passed over."""
    strangest = Strangest()
    for number in range(MOST + 50):
        strangest.add(scored(f"p{number}", float(number), 1))
    strangest.add(scored("huge", 1e9, MAX_LINES // 10 + 1))
    assert {f"p{number}" for number in range(50, MOST + 50)} == set(strangest._kept)

    for number in range(20):
        strangest.add(scored(f"q{number}", 1e6 + number, MAX_LINES // 10))
    assert sum(len(kept.session.lines) for kept in strangest._kept.values()) <= MAX_LINES


async def test_an_empty_run_ranks_nothing(tmp_path: Path) -> None:
    """No session, no ranking."""
    result = await backtest(BacktestOptions([write(tmp_path / "a.jsonl", [])]))

    assert [] == list(result.strangest)
    assert "" == shown(result)
