"""`strayline try`: from a file to the first findings, with the light engine."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import orjson
import pytest

from daemon.adapters.files import Rewound, read_head
from daemon.cli import main
from daemon.config import load_config
from tests.discovery.samples import TRACE, sample, story, traced


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, in which the report is written."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, lines: list[str], encoding: str = "utf-8") -> str:
    path.write_bytes("".join(line + "\n" for line in lines).encode(encoding))
    return str(path)


def test_a_log_file_gives_findings(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A failure that is new is told, the report is named, and the file that is written does it again."""
    calm = [line for line in sample("python") if "refused" not in line]
    lines = calm + [line.replace("18:", "19:", 1) for line in sample("python")]
    log = write(here / "shop.log", lines)

    assert 0 == main(["try", log, "--write", "strayline.yaml", "--budget", "0.05"])
    told = capsys.readouterr().out
    assert f"read      Python's logging (format raw), by {len(lines):,} lines" in told
    assert "session   by a hexadecimal identifier" in told
    assert "connection refused" in told
    assert f"report    {Path('strayline-try') / 'report.html'}" in told
    assert (here / "strayline-try" / "report.html").exists()
    verdicts = (here / "strayline-try" / "verdicts.jsonl").read_text().splitlines()
    assert len(lines) == sum(json.loads(line)["lines"] for line in verdicts)

    config = load_config(here / "strayline.yaml")
    assert ("raw", "lite") == (config.input.format, config.engine.type)
    assert 0 == main(["backtest", log, "--config", "strayline.yaml", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (len(lines), {}) == (report["input"]["lines"], report["input"]["rejected"])


def test_a_file_too_short_to_warm_up_shows_its_strangest_sessions(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing can be told, so a ranking is shown, and called one."""
    log = write(here / "short.log", sample("python")[:120])

    assert 0 == main(["try", log, "--warm-up", "1000"])
    told = capsys.readouterr().out
    assert "were needed to learn what is usual" in " ".join(told.split())
    assert "The strangest sessions: a ranking, which a good day has too." in told
    assert "connection refused" in told.partition("  1  ")[2].partition("  2  ")[0]


def test_standard_input_is_read_once(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was looked at is judged too, packed or not."""
    packed = gzip.compress("\n".join(sample("logfmt")).encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(packed))))

    assert 0 == main(["try", "-"])
    told = capsys.readouterr().out
    assert "read      logfmt" in told
    assert "600 lines, 120 sessions" in told


def test_other_encodings_and_stack_traces(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file in UTF-16 with stack traces is read whole; a trace is one line with its line, as in the configuration."""
    log = write(here / "windows.log", traced(), "utf-16")

    assert 0 == main(["try", log, "--limit", "0", "--write", "chosen.yaml"])
    told = capsys.readouterr().out
    assert "utf-16), by 618 lines, lines without a time join the line before" in told
    assert "618 lines, 120 sessions" in told
    assert load_config(here / "chosen.yaml").input.multiline.enabled
    verdicts = map(orjson.loads, (here / "strayline-try" / "verdicts.jsonl").read_bytes().splitlines())
    assert 618 - 6 * len(TRACE) == sum(verdict["lines"] for verdict in verdicts)


def test_looking_runs_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--look says what was chosen and writes it, and that is all."""
    log = write(here / "shop.log", sample("syslog"))

    assert 0 == main(["try", log, "--look", "--write", "chosen.yaml", "--gap", "7s", "--warm-up", "33"])
    assert "the host's process (web1/1000), until 7 s" in capsys.readouterr().out
    assert not (here / "strayline-try").exists()
    config = load_config(here / "chosen.yaml")
    assert (7_000_000, 33) == (config.sessions.gap, config.detector.warm_up)


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["missing.log"], 66, "missing.log: No such file"),
        (["empty.log"], 65, "empty.log: there is no line to read"),
        (["some.log", "--format", "jsn"], 78, "--format jsn: there are"),
        (["some.log", "--gap", "soon", "--time-format", "x"], 78, "--gap: 'soon'"),
        (["some.log", "--key", "(?P<key>["], 78, "--key"),
        (["some.log", "--encoding", "klingon"], 78, "--encoding klingon"),
    ],
)
def test_what_is_wrong_is_said(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, problem: str
) -> None:
    """Each mistake has its exit code and names its place."""
    write(here / "empty.log", ["", " "])
    write(here / "some.log", sample("log4j"))

    assert code == main(["try", *arguments])
    assert problem in capsys.readouterr().err


def test_a_backtest_of_another_format_points_to_try(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """When a configuration rejects nearly every line, the way out is named."""
    log = write(here / "shop.log", sample("log4j"))
    write(here / "config.yaml", ["engine: {type: lite}"])

    assert 65 == main(["backtest", log])
    assert f"strayline try {log}" in capsys.readouterr().err


def test_a_stream_is_read_twice() -> None:
    """What was read before rewinding comes again, and then the rest."""
    body = "\n".join(line.text for line in story()).encode()
    rewound = Rewound(io.BufferedReader(io.BytesIO(body)))
    head = read_head("-", 100, io.BufferedReader(rewound))
    rewound.rewind()

    assert body.startswith(head)
    assert body == io.BufferedReader(rewound).read()
