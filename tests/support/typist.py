"""Runs commands of `strayline` one after the other in one process of its own: Python and its libraries start once.

    with Typist() as typist:
        printed = typist.run("tail", "--limit", "1", "--config", "config.yaml")

What a command prints is what reaches its standard output and error, as on a terminal.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from daemon.cli import main


class Typist:
    """A process that runs commands. Its lines are so wide that none is broken in two."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.typist"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "20000"},
        )

    def run(self, *words: str) -> bytes:
        """Return what a command prints. Raises AssertionError when it fails."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(words)}\n")
        self._process.stdin.flush()
        code, path = json.loads(self._process.stdout.readline())
        printed = Path(path).read_bytes()
        Path(path).unlink()
        assert 0 == code, printed.decode()
        return printed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._process.kill()
        self._process.communicate()


def _run(words: list[str]) -> tuple[int, str]:
    """Run a command with both of its outputs in a file."""
    saved = os.dup(1), os.dup(2)
    file, path = tempfile.mkstemp()
    os.dup2(file, 1)
    os.dup2(file, 2)
    try:
        code = main(words)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, place in enumerate(saved, 1):
            os.dup2(place, number)
            os.close(place)
        os.close(file)
    return code, path


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(f"{json.dumps(_run(json.loads(line)))}\n")
        sys.stdout.flush()
