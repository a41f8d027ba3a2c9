"""The folder a backtest writes: documents as they come, one a line, and the report when it is over.

Files are written under their final names from the start; a run that is cut short leaves what it had judged.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from daemon.adapters.files import Place, write_lines
from daemon.backtest.options import Result
from daemon.backtest.page import page
from daemon.core import exports
from daemon.core.codec import encode, verdict_document
from daemon.core.detector import Detector
from daemon.core.records import Reject, Verdict
from daemon.errors import InputError

VERDICTS, ALERTS, DEAD_LETTERS = "verdicts.jsonl", "alerts.jsonl", "dead-letters.jsonl"
REPORT, PAGE = "report.json", "report.html"


class Output:
    """The folder as a context manager; without one, everything is dropped."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._open = ExitStack()
        self._files: dict[str, BinaryIO] = {}

    def __enter__(self) -> Self:
        if self._folder is not None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                for name in (VERDICTS, ALERTS, DEAD_LETTERS):
                    self._files[name] = self._open.enter_context((self._folder / name).open("wb"))
            except OSError as error:
                self._open.close()
                raise InputError(f"{self._folder}: cannot be written to: {error.strerror or error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def verdict(self, verdict: Verdict) -> None:
        """Write a verdict."""
        if self._files:
            self._write(VERDICTS, encode(verdict_document(verdict)))

    def alert(self, document: bytes) -> None:
        """Write an alert, or word of a resolved incident, as it would have been published."""
        self._write(ALERTS, document)

    def reject(self, reject: Reject, place: Place) -> None:
        """Write which record could not be read and why; its content stays where it is, secrets and all."""
        what = {"file": place.file, "line": place.line, "offset": reject.offset}
        self._write(DEAD_LETTERS, encode({**what, "reason": reject.reason, "detail": reject.detail}))

    def finish(self, result: Result) -> None:
        """Write the report, for programs and for people."""
        if self._folder is not None:
            (self._folder / REPORT).write_bytes(result.report.encode() + b"\n")
            (self._folder / PAGE).write_text(page(result), encoding="utf-8")

    def baseline(self, detector: Detector, model: str, dimensions: int) -> None:
        """Write what is normal at the end, for `strayline baseline import`."""
        if self._folder is not None:
            write_lines(self._folder / exports.FILE, exports.write(exports.take(detector, model, dimensions)))

    def _write(self, name: str, document: bytes) -> None:
        if file := self._files.get(name):
            file.write(document + b"\n")
