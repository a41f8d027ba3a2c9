"""A backtest from files to files, on the fake engine."""

from __future__ import annotations

import gzip
import io
import json
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from daemon.backtest import BacktestOptions, Progress, check_inputs, run_backtest
from daemon.backtest.trivial import NAMES
from daemon.core.incidents import TOLD
from daemon.errors import DataError, EngineError, InputError, OutputError
from daemon.terminal.backtest import print_report
from daemon.terminal.progress import progress
from tests.support.backtests import BEGIN, SECOND, backtest, record, sessions, setup_with, write
from tests.support.fakes import FakeEngine

ODD = (300, 450, 451, 700)
FAULTS = ("ERROR the connection to the store was refused", "FATAL no space is left on the device for uploads")


def documents(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_bytes().splitlines()]


def offsets(verdicts: Sequence[dict[str, Any]]) -> Counter[int]:
    """Return how often each offset stands in the verdicts' positions."""
    found: Counter[int] = Counter()
    for verdict in verdicts:
        for span in verdict["source"]["positions"]:
            first, _, last = span.partition("-")
            found.update(range(int(first), int(last or first) + 1))
    return found


@pytest.fixture
def log(tmp_path: Path) -> str:
    """800 sessions, four of them odd."""
    return write(tmp_path / "shop.jsonl", sessions(800, ODD))


@pytest.fixture
def labels(tmp_path: Path) -> str:
    """What is true of `log`."""
    return write(tmp_path / "labels.csv", ["key,label", *(f"request-{n},{int(n in ODD)}" for n in range(800))])


async def test_every_line_is_in_one_verdict_or_one_dead_letter(tmp_path: Path) -> None:
    """Each line of the input is accounted for exactly once, bad ones with their file and line."""
    lines = sessions(300)
    lines[100:100] = ["not json", "", '{"no": "message"}']
    path = write(tmp_path / "a.jsonl", lines)
    await backtest(BacktestOptions([path], out=tmp_path / "out"))
    dead = documents(tmp_path / "out", "dead-letters.jsonl")
    accounted = offsets(documents(tmp_path / "out", "verdicts.jsonl")) + Counter(entry["offset"] for entry in dead)
    assert Counter(range(len(lines))) == accounted
    assert [(path, 101, "not_json"), (path, 102, "empty"), (path, 103, "missing_field")] == [
        (entry["file"], entry["line"], entry["reason"]) for entry in dead
    ]


async def test_a_fault_is_told_once_and_shows_its_session(tmp_path: Path, log: str) -> None:
    """Four sessions fail in one way: one incident shows the first of them, and those after its end are no news."""
    result = await backtest(BacktestOptions([log], out=tmp_path / "out"))
    flagged = {
        entry["id"]: entry["key"] for entry in documents(tmp_path / "out", "verdicts.jsonl") if entry["anomalous"]
    }
    alerts = documents(tmp_path / "out", "alerts.jsonl")
    told = [entry for entry in alerts if entry["incident"]["event"] in TOLD]
    assert {f"request-{n}" for n in ODD} <= set(flagged.values())
    assert [f"request-{ODD[0]}"] == [entry["key"] for entry in told]
    assert {f"request-{ODD[0]}"} == {flagged[entry["verdict"]] for entry in alerts if entry["verdict"]}
    assert (1, 1) == (result.report.told, result.report.incidents[0].sessions)


async def test_the_budget_is_a_ceiling(tmp_path: Path) -> None:
    """With one incident a day the first of two faults is told, and the other one is counted as held back."""
    lines = [*sessions(600), *(record(6001 + 600 * n, f"k{n}", text) for n, text in enumerate(FAULTS))]
    result = await backtest(BacktestOptions([write(tmp_path / "a.jsonl", lines)], out=tmp_path / "out"), per_day=1.0)
    assert (1, 1) == (result.report.told, result.report.held_back)
    assert [FAULTS[0]] == [cause["text"] for entry in result.alerts for cause in entry["incident"]["causes"]]


async def test_how_the_input_is_cut_into_files_changes_nothing(tmp_path: Path) -> None:
    """One file, several packed ones and standard input give the same verdicts and alerts, byte for byte."""
    lines = sessions(400, [300])
    whole = write(tmp_path / "whole", lines)
    data = "".join(f"{line}\n" for line in lines).encode()
    parts = []
    for number, start in enumerate(range(0, len(lines), 501)):
        part = tmp_path / f"part{number}.gz"
        part.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines[start : start + 501]).encode()))
        parts.append(str(part))
    engine = FakeEngine()
    await engine.start()
    for name, files in (("one", [whole]), ("many", parts), ("stdin", ["-"])):
        options = BacktestOptions(files, out=tmp_path / name, topic="logs", stdin=io.BufferedReader(io.BytesIO(data)))
        await run_backtest(options, setup_with(engine), engine)
    for document in ("verdicts.jsonl", "alerts.jsonl"):
        one, many, stdin_ = ((tmp_path / name / document).read_bytes() for name in ("one", "many", "stdin"))
        assert one
        assert one == many
        assert one == stdin_


async def test_taught_sessions_are_confirmed_normal_and_not_judged(tmp_path: Path, log: str) -> None:
    """What is taught has verdicts of its own phase, never alerts, and silences its like in the files judged."""
    taught = write(tmp_path / "normal.jsonl", sessions(60, range(50, 60)))
    result = await backtest(BacktestOptions([log], teach=[taught], out=tmp_path / "out"))
    verdicts = documents(tmp_path / "out", "verdicts.jsonl")
    phases = [entry["phase"] for entry in verdicts]
    assert ["teach"] * 60 == phases[:60]
    assert "teach" not in phases[60:]
    assert 60 == result.report.taught
    assert {1} == set(offsets(verdicts).values())
    assert not {f"request-{n}" for n in ODD} & {entry["key"] for entry in verdicts if entry["anomalous"]}


async def test_frozen_it_judges_without_learning(tmp_path: Path, log: str) -> None:
    """With --freeze nothing judged is learned: what is odd stays as odd as the first time."""
    taught = write(tmp_path / "normal.jsonl", sessions(400))
    await backtest(BacktestOptions([log], teach=[taught], freeze=True, out=tmp_path / "out"), warm_up=0)
    judged = [entry for entry in documents(tmp_path / "out", "verdicts.jsonl") if entry["phase"] != "teach"]
    assert {False} == {entry["learned"] for entry in judged}
    similar = {entry["similarity"] for entry in judged if entry["key"] in {"request-300", "request-450"}}
    assert 1 == len(similar)
    assert max(similar) < 0.999


async def test_labels_give_figures_beside_the_trivial_scores(log: str, labels: str) -> None:
    """With labels each score has its figures, ours first, on the same sessions."""
    report = (await backtest(BacktestOptions([log], labels=labels))).report
    assert ["strayline", *NAMES] == [row.name for row in report.quality]
    assert report.labels is not None
    assert (4, 596, 0, 0) == (
        report.labels.anomalous,
        report.labels.normal,
        report.labels.unlabelled,
        report.labels.anomalous_in_warm_up,
    )
    figures = {row.name: row.average_precision for row in report.quality}
    assert 1.0 == figures["strayline"]
    assert figures["length"] < 0.1
    assert report.scopes[0].average_precision == figures["strayline"]


async def test_labels_by_line_tell_whether_it_points_at_the_right_line(tmp_path: Path) -> None:
    """With labels by line, sessions are labelled by their lines and the lines pointed at are compared with them."""
    lines = sessions(800, ODD)
    path = write(tmp_path / "shop.jsonl", lines)
    bad = [number for number, line in enumerate(lines, 1) if "deadlock" in line]
    labels = write(tmp_path / "labels.csv", ["line,label", *(f"{number},1" for number in bad)])
    report = (await backtest(BacktestOptions([path], labels=labels))).report
    assert report.labels is not None
    assert 4 == report.labels.anomalous
    assert report.localisation is not None
    assert (4, 1.0, 1.0) == (
        report.localisation.alerts,
        report.localisation.hit_at_1,
        report.localisation.mean_reciprocal_rank,
    )


async def test_would_it_have_fired(tmp_path: Path, log: str) -> None:
    """A range asked for counts the sessions that touch it and those with a clue; judging is not changed."""
    since, until = ((BEGIN + 10 * n) * SECOND for n in (445, 455))
    report = (await backtest(BacktestOptions([log], since=since, until=until, out=tmp_path / "out"))).report
    inside = {f"request-{n}" for n in range(445, 455)}
    verdicts = documents(tmp_path / "out", "verdicts.jsonl")
    fired = [entry for entry in verdicts if entry["key"] in inside and entry["anomalous"]]
    assert len(fired) >= 2
    assert report.range is not None
    assert (10, len(fired)) == (report.range.sessions, report.range.flagged)
    assert {"shop": len(fired)} == report.range.scopes
    everything = (await backtest(BacktestOptions([log]))).report
    assert everything.rate == report.rate
    assert everything.range is None


async def test_the_report_is_json(tmp_path: Path, log: str, labels: str) -> None:
    """report.json is the report, and what is not a number in it is null."""
    result = await backtest(BacktestOptions([log], labels=labels, out=tmp_path / "out"))
    document = json.loads((tmp_path / "out" / "report.json").read_bytes())
    assert json.loads(result.report.encode()) == document
    assert (result.report.told, 1) == (document["told"], len(document["incidents"]))
    assert (800, 4) == (document["sessions"], document["labels"]["anomalous"])


async def test_the_page_is_one_file_in_which_log_lines_are_only_text(tmp_path: Path) -> None:
    """Markup in lines, keys and scopes is text on the page, and its policy allows no script but its own."""
    evil = "<script>document.title='owned'</script>"
    lines = [*sessions(400, scope=evil), *(record(4001, evil, f'{evil} ERROR "new" <img src=x>', evil) for _ in "ab")]
    path = write(tmp_path / "evil.jsonl", lines)
    result = await backtest(BacktestOptions([path], out=tmp_path / "out"))
    assert [evil] in [row.services for row in result.report.incidents]
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert 1 == len(scripts)
    assert f"'sha256-{b64encode(sha256(scripts[0].encode()).digest()).decode()}'" in html
    assert "<img" not in html
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?\w+:", html)
    assert "&lt;script&gt;document.title=&#x27;owned&#x27;&lt;/script&gt;" in html


async def test_a_run_that_never_left_warm_up_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """When every session was needed to warm up, page and text say it instead of showing empty charts."""
    path = write(tmp_path / "short.jsonl", sessions(20))
    result = await backtest(BacktestOptions([path], out=tmp_path / "out"))
    print_report(result.report, Console(width=100))
    assert "every session was needed to warm up" in capsys.readouterr().out
    assert "all were needed to warm up" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


async def test_an_empty_input_is_a_report_of_nothing(tmp_path: Path) -> None:
    """No line at all is not an error."""
    path = write(tmp_path / "empty.jsonl", [])
    result = await backtest(BacktestOptions([path], out=tmp_path / "out"))
    assert (0, 0, None) == (result.report.sessions, result.report.told, result.report.start)


async def test_the_terminal_gets_no_control_characters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences in keys and lines are made harmless before they are printed."""
    lines = [*sessions(400), record(4001, "\x1b]0;owned\x07", "\x1b[31mERROR never seen")]
    result = await backtest(BacktestOptions([write(tmp_path / "a.jsonl", lines)]))
    print_report(result.report, Console(width=100))
    out = capsys.readouterr().out
    assert '"ERROR never seen"' in out
    assert "\x1b" not in out
    assert "\x07" not in out


async def test_bad_files_and_labels_are_refused_before_any_work(tmp_path: Path, log: str) -> None:
    """A file or a label file that cannot be used is refused before anything is embedded or written."""
    engine = FakeEngine()
    await engine.start()
    labels = write(tmp_path / "labels.csv", ["a,1", "b,perhaps"])
    setup, out = setup_with(engine), tmp_path / "out"
    with pytest.raises(InputError, match=r"none\.jsonl: No such file"):
        await run_backtest(BacktestOptions([log, str(tmp_path / "none.jsonl")], out=out), setup, engine)
    with pytest.raises(DataError, match=r"labels\.csv:2: the label is not one of"):
        await run_backtest(BacktestOptions([log], labels=labels, out=out), setup, engine)
    with pytest.raises(OutputError, match="cannot be written to"):
        await run_backtest(BacktestOptions([log], out=Path(log)), setup, engine)
    assert [] == engine.texts
    assert not out.exists()
    with pytest.raises(InputError, match=r"none\.jsonl: No such file"):
        check_inputs(BacktestOptions([str(tmp_path / "none.jsonl")]))
    with pytest.raises(DataError, match=r"labels\.csv:2: the label is not one of"):
        check_inputs(BacktestOptions([log], labels=labels))
    check_inputs(BacktestOptions([log]))


async def test_a_dead_engine_ends_the_run_and_keeps_what_was_judged(tmp_path: Path) -> None:
    """When the engine dies the error comes through, and the verdicts so far are whole lines on disk."""
    lines = [*sessions(4000), *(record(40_000 + 40 * n, f"k{n}", "word " * n) for n in range(3, 9))]
    path = write(tmp_path / "a.jsonl", lines)
    engine = FakeEngine()
    await engine.start()

    def watch(now: Progress) -> None:
        if now.sessions:
            engine.kill()

    with pytest.raises(EngineError):
        await run_backtest(BacktestOptions([path], out=tmp_path / "out"), setup_with(engine), engine, watch=watch)
    assert len(documents(tmp_path / "out", "verdicts.jsonl")) > 1000


async def test_progress_is_drawn_on_a_terminal_only(log: str) -> None:
    """A terminal sees file, lines and incidents go by; a pipe sees nothing."""
    engine = FakeEngine()
    await engine.start()
    for terminal in (True, False):
        shown = io.StringIO()
        console = Console(file=shown, force_terminal=terminal, width=120)
        with progress(console) as watch:
            await run_backtest(BacktestOptions([log]), setup_with(engine), engine, watch=watch)
        assert terminal == ("shop.jsonl" in shown.getvalue())
        assert terminal == bool(shown.getvalue())
