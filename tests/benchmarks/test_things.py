"""Figures by labelled thing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import things

LOG = "job=a start\njob=b start\nno job\njob=a failed\njob=b end\njob=c start\n"
PATTERN = r"job=(?P<thing>\w)"


def verdict(score: float, positions: list[str], phase: str = "live") -> str:
    return json.dumps({"score": score, "phase": phase, "source": {"positions": positions}}) + "\n"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A log, its labels, and two backtests of it: by job, and in windows of three lines of which one is not judged."""
    (tmp_path / "log").write_text(LOG)
    (tmp_path / "labels.csv").write_text("line,label\n4,1\n")
    by_job = verdict(0.5, ["0", "3"]) + verdict(0.9, ["1", "4"]) + verdict(0.1, ["5"])
    by_window = verdict(0.2, ["0-2"]) + verdict(0.7, ["3"]) + verdict(0.9, ["5"], "warm_up")
    for name, verdicts in (("job", by_job), ("window", by_window)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "verdicts.jsonl").write_text(verdicts)
    return tmp_path


def test_a_thing_has_its_highest_score(made: Path) -> None:
    """A thing's score is that of its strangest session, and sessions that only taught have none."""
    named = things.things_of(made / "log", PATTERN)

    assert {"a": 0.5, "b": 0.9, "c": 0.1} == things.scores(made / "job", named)
    assert {"a": 0.7, "b": 0.2} == things.scores(made / "window", named)


def test_backtests_are_compared_on_what_all_judged(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Figures are over the things that every backtest judged."""
    folders = [str(made / "job"), str(made / "window")]

    assert 0 == things.main([str(made / "log"), str(made / "labels.csv"), PATTERN, *folders])
    head, by_job, by_window = capsys.readouterr().out.splitlines()
    assert "2 things, 1 anomalous" == head
    assert by_job.endswith("average precision 0.500, best F1 0.667")
    assert by_window.endswith("average precision 1.000, best F1 1.000")
