"""The command line in a shell: what Tab completes in bash, zsh and fish, and colours on terminals and in pipes."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from daemon.cli import main
from tests.discovery.systems import SYSTEMS, tell

PATIENCE = 60.0
COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*3[0-9]")


def typed(command: list[str], environment: dict[str, str], keys: bytes, until: str) -> str:
    """Return what a program shows on a terminal of its own until it ends or shows `until`."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, {**os.environ, "TERM": "xterm", "COLUMNS": "100", **environment})
    os.write(terminal, keys)
    shown = b""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and (not until or until not in shown.decode(errors="replace")):
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            shown += os.read(terminal, 1 << 16)
        except OSError:  # it has ended
            break
    os.close(terminal)
    os.waitpid(pid, 0)
    return shown.decode(errors="replace")


@pytest.fixture
def script(tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Path:
    """The completion script of the shell that the test names."""
    shell = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    assert 0 == main(["completion", shell])
    path = tmp_path / "_strayline"
    path.write_text(capsys.readouterr().out)
    return path


@pytest.mark.parametrize("script", ["fish"], indirect=True)
def test_fish_completes_verbs_and_flags(script: Path) -> None:
    """What is typed so far becomes the verbs, then the flags that begin so."""
    asked = f"source {script}; complete -C 'strayline ba'; complete -C 'strayline try --bud'"
    done = subprocess.run(["fish", "-c", asked], capture_output=True, text=True, check=True)
    assert ["backtest", "baseline", "--budget"] == [line.split("\t")[0] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("script", ["zsh"], indirect=True)
def test_zsh_completes_verbs(script: Path) -> None:
    """Tab ends the word where one verb alone begins so."""
    keys = f"autoload -Uz compinit; fpath=({script.parent} $fpath); compinit -u -D\nstrayline baseline exp\t"
    assert "export" in typed(["zsh", "-f", "-i"], {}, keys.encode(), "baseline export")


@pytest.mark.parametrize(("environment", "coloured"), [({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_respect_no_color(tmp_path: Path, environment: dict[str, str], *, coloured: bool) -> None:
    """A terminal has colours unless NO_COLOR is set to something."""
    log = tmp_path / "shop.log"
    log.write_text("".join(f"{line}\n" for line in tell(SYSTEMS["loguru"])))
    command = [sys.executable, "-m", "daemon.cli", "try", str(log), "--limit", "1", "--out", str(tmp_path / "out")]
    shown = typed(command, environment, b"", "")
    assert "connection refused" in shown
    assert coloured == bool(COLOUR.search(shown))


def test_a_pipe_has_no_colours(tmp_path: Path) -> None:
    """What goes through a pipe is plain text, and nothing else is said when all goes well."""
    log = tmp_path / "shop.log"
    log.write_text("".join(f"{line}\n" for line in tell(SYSTEMS["loguru"])))
    command = [sys.executable, "-m", "daemon.cli", "try", str(log), "--limit", "1", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "connection refused" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
