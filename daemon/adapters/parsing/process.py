"""A parser in a process of its own: a file that hangs it is refused, one that crashes it ends that process alone.

The process is started with the first file and serves until a file takes too long or crashes it; then the next file gets
a new process. It may use `FileLimits.memory` bytes.
"""

from __future__ import annotations

import multiprocessing
import resource
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from daemon.adapters.parsing.reading import FileLimits, read_bytes, read_file
from daemon.core.documents import ReadFile


class ParserProcess:
    """Reads files one after another; a context manager that ends the process.

    Another thread may close it at any time: the file that is read then is refused.
    """

    def __init__(self, limits: FileLimits | None = None) -> None:
        self._limits = limits or FileLimits()
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._changing = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, path: Path) -> ReadFile:
        """Read one file within the limits. Never raises because of what is in it."""
        return self._ask(str(path), None)

    def read_bytes(self, name: str, data: bytes) -> ReadFile:
        """Read a file's content within the limits, like `read`. Implements `ports.DocumentReader`."""
        return self._ask(name, data)

    def _ask(self, name: str, data: bytes | None) -> ReadFile:
        try:
            pipe = self._started()
            pipe.send((name, data))
            if pipe.poll(self._limits.seconds):
                answer: ReadFile = pipe.recv()
                return answer
            reason = f"takes longer than {self._limits.seconds:g} s to read"
        except (EOFError, OSError):
            reason = "ends its parser"
        self.close()
        return ReadFile(name, "refused", reason=reason)

    def close(self) -> None:
        """End the process; another `read` starts a new one."""
        with self._changing:
            if self._process is not None:
                self._process.kill()
                self._process.join()
                self._process.close()
            if self._pipe is not None:
                self._pipe.close()
            self._pipe = self._process = None

    def _started(self) -> Connection:
        with self._changing:
            if self._pipe is not None:
                return self._pipe
            context = multiprocessing.get_context("spawn")
            pipe, inner = context.Pipe()
            process = context.Process(target=_serve, args=(inner, self._limits), daemon=True)
            process.start()
            inner.close()
            self._pipe, self._process = pipe, process
        if pipe.poll(_START_S):
            pipe.recv()  # ready: the first file's time does not include the start
        return pipe


_START_S = 60.0


def _serve(pipe: Connection, limits: FileLimits) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    pipe.send(True)
    while True:
        try:
            name, data = pipe.recv()
        except EOFError:
            return
        pipe.send(read_file(Path(name), limits) if data is None else read_bytes(name, data, limits))
