"""The tutorial's commands, run as they are written, in one shell after another."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from demo.broker import Cluster
from tests.deploy.tools import tool

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs/tutorial.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DAEMON = "strayline run"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def _blocks() -> list[str]:
    return BLOCK.findall(TUTORIAL.read_text())


@pytest.fixture
def broker(kafka: Cluster) -> Iterator[Cluster]:
    """A broker of its own: the tutorial uses the default names of topics."""
    del kafka  # says why where there is none
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that looks like the checkout, in which the commands may write."""
    for name in ("demo", "helm", "deploy", ".venv"):
        if (ROOT / name).exists():
            (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def _start(command: str, folder: Path, printed: int | IO[str] = subprocess.PIPE) -> subprocess.Popen[str]:
    """Start a block of commands in a process group of its own."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment["PYTHONPATH"] = str(ROOT)
    return subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        stdout=printed,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _run(command: str, folder: Path) -> str:
    """Run a block of commands to its end; return what it printed."""
    process = _start(command, folder)
    try:
        printed, _ = process.communicate(timeout=300)
    finally:
        _end(process, signal.SIGKILL)
    assert 0 == process.returncode, f"{command}\n{printed}"
    return printed


def _end(process: subprocess.Popen[str], how: signal.Signals) -> None:
    if process.poll() is None:
        os.killpg(process.pid, how)
        process.communicate(timeout=60)


def test_every_command_works(broker: Cluster, checkout: Path) -> None:
    """All commands succeed in their order, and the planted session is the alert that `tail` shows."""
    blocks = [block for block in _blocks() if not block.startswith("helm")]
    printed: dict[str, str] = {}
    daemon: subprocess.Popen[str] | None = None
    try:
        for block in blocks:
            command = block.replace("localhost:9092", broker.bootstrap_servers)
            command = command.replace("sessions: {", "http: {port: 0}\nsessions: {")  # the usual port may be taken
            if block.startswith(DAEMON):
                with (checkout / "daemon.log").open("w") as log:  # a file: nobody reads a pipe while the daemon runs
                    daemon = _start(command, checkout, log)
                continue
            if "topics delete" in block and daemon is not None:
                _end(daemon, signal.SIGINT)
            printed[block] = _run(command, checkout)
    finally:
        if daemon is not None:
            _end(daemon, signal.SIGKILL)
            print((checkout / "daemon.log").read_text())  # a test that fails shows what the daemon said
    (alert,) = [text for block, text in printed.items() if "strayline tail" in block]
    assert "session upload-1 is still open" in alert, alert  # its headline is either line, by how they arrive
    (report,) = [text for block, text in printed.items() if "--labels" in block]
    assert "precision" in report


def test_the_chart_is_rendered(checkout: Path) -> None:
    """The command for Kubernetes renders: it is run as `helm template`."""
    tool("helm")
    (block,) = [block for block in _blocks() if block.startswith("helm")]
    assert "StatefulSet" in _run(block.replace("helm install", "helm template"), checkout)


def test_the_commands_use_programs_that_exist() -> None:
    """Each command starts with a program of the project, or one that every shell has."""
    known = {"strayline", "python", "helm", "export", "cat", "rm"}
    lines = [
        line
        for block in _blocks()
        for line in re.sub(r"<<'END'.*?^END$", "", block, flags=re.DOTALL | re.MULTILINE).split("\n")
    ]
    assert set() == {line.split()[0] for line in lines if line.strip()} - known
    assert shutil.which("bash")
