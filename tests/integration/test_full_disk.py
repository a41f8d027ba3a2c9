"""Files that cannot be written whole, as on a full disk: an exit code and a sentence, and no half of a file.

`ulimit -f` is the disk: no file of a process gets longer than it allows.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from daemon.adapters.files import write_lines
from tests.support.backtests import sessions, write

LIMIT = 64
"""Blocks of 1,024 bytes."""
BACKTEST = """
import asyncio, sys
from pathlib import Path
from daemon import cli
from daemon.cli import check
from daemon.backtest import BacktestOptions
from tests.support.backtests import backtest
def verb(options):
    asyncio.run(backtest(BacktestOptions([sys.argv[1]], out=Path(sys.argv[2]))))
    return 0
check.check = verb
sys.exit(cli.main(["check"]))
"""
EXPORT = """
import sys
from pathlib import Path
from random import Random
from daemon import cli
from daemon.cli import check
from daemon.adapters.files import write_lines
def verb(options):
    write_lines(Path(sys.argv[1]), (Random(n).randbytes(100).hex().encode() for n in range(2_000)))
    return 0
check.check = verb
sys.exit(cli.main(["check"]))
"""


def limited(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command under the limit."""
    shell = ("bash", "-c", f'ulimit -f {LIMIT}; exec "$@"', "bash")
    return subprocess.run([*shell, *command], capture_output=True, text=True, timeout=120, check=False)


def documents(path: Path) -> Sequence[object]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_backtest_ends_with_whole_documents_and_no_report(tmp_path: Path) -> None:
    """What was judged is there, a former run's report is not, and the folder is named."""
    log, out = write(tmp_path / "shop.jsonl", sessions(400)), tmp_path / "out"
    out.mkdir()
    (out / "report.json").write_text("{}")

    done = limited(sys.executable, "-c", BACKTEST, log, str(out))

    assert 74 == done.returncode
    assert f"strayline: {out}: cannot be written to: File too large\n" == done.stderr
    written = {"verdicts.jsonl", "alerts.jsonl", "dead-letters.jsonl", "observations.jsonl"}
    assert written == {path.name for path in out.iterdir()}
    assert 0 < len(documents(out / "verdicts.jsonl")) < 400
    assert (out / "verdicts.jsonl").read_bytes().endswith(b"\n")


@pytest.mark.parametrize("name", ["baseline.jsonl", "baseline.jsonl.gz", "baseline.jsonl.zst"])
def test_a_file_that_cannot_be_written_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    """An older export stays as it was, and nothing lies beside it."""
    path = tmp_path / name
    path.write_bytes(b"older")

    done = limited(sys.executable, "-c", EXPORT, str(path))

    assert 74 == done.returncode
    assert f"strayline: {path}: cannot be written: File too large\n" == done.stderr
    assert [path] == list(tmp_path.iterdir())
    assert b"older" == path.read_bytes()


@pytest.mark.parametrize("existed", [True, False])
def test_a_model_that_does_not_fit_leaves_the_folder_as_it_was(tmp_path: Path, *, existed: bool) -> None:
    """No part of a model is left, so that the next attempt finds a new folder."""
    model, target = tmp_path / "model", tmp_path / "usb"
    (model / "1_Pooling").mkdir(parents=True)
    (model / "config.json").write_text("{}")
    (model / "1_Pooling" / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"x" * 2048 * LIMIT)
    if existed:
        target.mkdir()

    done = limited(sys.executable, "-m", "daemon.cli", "model", "pull", "--model", str(model), str(target))

    assert 74 == done.returncode
    assert f"strayline: {target}: cannot be written:" in done.stderr
    assert "File too large" in done.stderr
    assert existed == target.exists()
    assert not existed or [] == list(target.iterdir())


def test_what_cannot_be_printed_is_an_error() -> None:
    """What is sent to a full disk is missed by the exit code, not only by whoever reads it."""
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "daemon.cli", "check", "--config", "config.yaml"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (74, "strayline: cannot write: No space left on device\n") == (done.returncode, done.stderr)


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    """What is not a file, such as a device, is never replaced by another file."""
    write_lines(Path("/dev/null"), [b"x"])
    assert not Path("/dev/null.part").exists()
    link, target = tmp_path / "link", tmp_path / "target"
    target.write_bytes(b"older")
    link.symlink_to(target)
    write_lines(link, [b"newer"])
    assert b"newer\n" == target.read_bytes()
    assert link.is_symlink()
