"""The folder a backtest writes: documents as they come, one a line, and the report at the end.

Documents are written under their final names from the start: a run that is cut short, also by a full disk, leaves
whole documents of what it has judged, and no report.
"""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from daemon.adapters.files import Place, whole_file, write_lines
from daemon.backtest.options import Result
from daemon.backtest.page import page
from daemon.core.detection import EXPORT_FILE, Export, write_export
from daemon.core.incidents import History, write_history
from daemon.core.messages import encode, verdict_document
from daemon.core.observations import OBSERVATIONS_FILE, Observations, observations_line
from daemon.core.types import Reject, Verdict
from daemon.errors import OutputError

VERDICTS, ALERTS, DEAD_LETTERS = "verdicts.jsonl", "alerts.jsonl", "dead-letters.jsonl"
REPORT, PAGE = "report.json", "report.html"
BLOCK = 1 << 16


class Output:
    """The folder as a context manager; without one, everything is dropped."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}

    def __enter__(self) -> Self:
        if self._folder is not None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                for name in (VERDICTS, ALERTS, DEAD_LETTERS, OBSERVATIONS_FILE):
                    self._files[name] = (self._folder / name).open("wb")
                for name in (REPORT, PAGE, EXPORT_FILE):  # of an earlier run
                    (self._folder / name).unlink(missing_ok=True)
            except OSError as error:
                self._close()
                raise self._unwritten(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        failure = self._close()
        if failure is not None and error is None:
            raise self._unwritten(failure) from failure

    def _close(self) -> OSError | None:
        """Close all files; return what failed. What a full disk left of a last document is cut off."""
        failure = None
        for file in self._files.values():
            try:
                file.close()
            except OSError as error:
                failure = error
            with Path(file.name).open("r+b") as written:
                _end_with_a_document(written)
        return failure

    def _unwritten(self, error: OSError) -> OutputError:
        return OutputError(f"{self._folder}: cannot be written to: {error.strerror or error}")

    def verdict(self, verdict: Verdict) -> None:
        """Write a verdict."""
        if self._files:
            self._write(VERDICTS, encode(verdict_document(verdict)))

    def alert(self, document: bytes) -> None:
        """Write an alert, or the message of a resolved incident, as it would be published."""
        self._write(ALERTS, document)

    def taught(self, history: History) -> None:
        """Write what was taught, before what is observed."""
        for line in write_history(history):
            self._write(OBSERVATIONS_FILE, line)

    def observations(self, observations: Observations) -> None:
        """Write what was observed, for a replay of what is told."""
        if self._files and observations.clock is not None:
            self._write(OBSERVATIONS_FILE, observations_line(observations))

    def reject(self, reject: Reject, place: Place) -> None:
        """Write which record could not be read and why; its content, which may hold secrets, is not copied."""
        what = {"file": place.file, "line": place.line, "offset": reject.offset}
        self._write(DEAD_LETTERS, encode({**what, "reason": reject.reason, "detail": reject.detail}))

    def finish(self, result: Result) -> None:
        """Write the report, for programs and for people."""
        if self._folder is not None:
            write_lines(self._folder / REPORT, [result.report.encode()])
            with whole_file(self._folder / PAGE) as file:
                file.write(page(result).encode())

    def baseline(self, baseline: Export, history: History) -> None:
        """Write the baseline and the incidents' history at the end, for `strayline baseline import`."""
        if self._folder is not None:
            write_lines(self._folder / EXPORT_FILE, chain(write_export(baseline), write_history(history)))

    def _write(self, name: str, document: bytes) -> None:
        if file := self._files.get(name):
            try:
                file.write(document + b"\n")
            except OSError as error:
                raise self._unwritten(error) from error


def _end_with_a_document(file: BinaryIO) -> None:
    """Cut off what follows the last line feed."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - BLOCK)
        file.seek(start)
        last = file.read(end - start).rfind(b"\n")
        if last >= 0:
            end = start + last + 1
            break
        end = start
    file.truncate(end)
