"""Cleans up after a cluster, however the process that started it ends.

A child process reads what there is to clean up from a pipe: one `verb argument` a line. When the pipe closes, which a
SIGKILL of the parent cannot prevent, or when the parent's id changes (another child may hold the pipe open), it removes
everything it was told of and ends. Cleaning twice is harmless.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

FOLDER_TIMEOUT = 5.0
Verb = Literal["process", "forget", "folder", "container", "network"]


class Reaper:
    """The parent's end of the pipe."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def tell(self, verb: Verb, what: str | int) -> None:
        """Name a process group, folder, container or network to remove, or a process group to `forget`."""
        assert self._child.stdin is not None
        self._child.stdin.write(f"{verb} {what}\n".encode())
        self._child.stdin.flush()

    def close(self) -> None:
        """Have everything removed now and wait for it. Raises RuntimeError when something is left."""
        if self._child.stdin is not None:
            self._child.stdin.close()
        if self._child.wait():
            raise RuntimeError("a Kafka that was started here could not be removed; see standard error")


def _told(parent: int) -> list[tuple[str, str]]:
    """Read the pipe until it closes or the parent is gone; return what is left to remove."""
    buffer = b""
    while os.getppid() == parent:
        if not select.select([0], [], [], 1.0)[0]:
            continue
        chunk = os.read(0, 65536)
        if not chunk:
            break
        buffer += chunk
    left: list[tuple[str, str]] = []
    for line in buffer.decode().splitlines():
        verb, _, what = line.partition(" ")
        if verb == "forget":
            left.remove(("process", what))
        else:
            left.append((verb, what))
    return left


def _remove(verb: str, what: str) -> None:
    if verb == "process":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int(what), signal.SIGKILL)
    elif verb == "folder":
        deadline = time.monotonic() + FOLDER_TIMEOUT  # a process just killed may still be writing
        while Path(what).exists() and time.monotonic() < deadline:
            shutil.rmtree(what, ignore_errors=True)
    else:
        import docker  # only where there are containers; the child starts at once without it

        client = docker.from_env()
        with contextlib.suppress(docker.errors.NotFound):
            if verb == "container":
                client.containers.get(what).remove(force=True, v=True)
            else:
                client.networks.get(what).remove()


def main() -> None:
    """Wait for the parent's end, then clean up, the last first: what was told of later needs what came before."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for verb, what in reversed(_told(os.getppid())):
        _remove(verb, what)


if __name__ == "__main__":
    main()
