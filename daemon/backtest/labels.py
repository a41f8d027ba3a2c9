"""Labels for a backtest: a CSV that says which sessions, or which lines, are anomalous.

There are two kinds; the header says which:

* by session: ``key,label`` (the header may be left out), or ``scope,key,label`` when keys repeat between scopes. Every
  session of a labelled key has its label; a session of another key has none and is left out of the figures.
* by line: ``line,label``, or ``file,line,label`` when there are several files. Line numbers begin at 1. A session is
  anomalous when one of its lines is, and normal otherwise: lines that are not listed are normal.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from daemon.core.positions import INDEX_BITS, Positions
from daemon.core.types import Session, SessionLine
from daemon.errors import DataError, InputError

WORDS: Mapping[str, bool] = {
    **dict.fromkeys(("1", "true", "anomaly", "anomalous", "abnormal"), True),
    **dict.fromkeys(("0", "false", "normal", "-"), False),
}

_COLUMNS = frozenset({"scope", "key", "label", "file", "line"})


@dataclass(slots=True)
class LabelFile:
    """What a label file holds. `keys` by (scope or None, session key); `lines` are anomalous (file or None, line)."""

    by_line: bool
    keys: dict[tuple[str | None, str], bool] = field(default_factory=dict)
    lines: set[tuple[str | None, int]] = field(default_factory=set)
    _met: set[tuple[str | None, str]] = field(default_factory=set)
    _met_lines: set[int] = field(default_factory=set)
    _opened: int = 0
    _offsets: Positions = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def follow(self, opened: Mapping[str, int]) -> None:
        """Learn where files begin: the offset of the first line of each one opened so far, in reading order.

        Without a file name, lines are numbered over all files. A file is named by its path as given, or its bare name.
        """
        if not self.lines or len(opened) == self._opened:
            return
        self._opened = len(opened)
        starts: dict[str | None, int] = {None: min(opened.values())}
        for path, start in opened.items():
            starts |= {path: start, Path(path).name: start}
        offsets = [starts[file] + line - 1 for file, line in self.lines if file in starts]
        self._offsets = np.unique(np.asarray(offsets, dtype=np.int64))

    def of(self, session: Session) -> bool | None:
        """Return whether the session is anomalous; None when the labels do not say."""
        if self.by_line:
            offsets = session.positions >> INDEX_BITS
            anomalous = self._any(offsets)
            if anomalous:
                self._met_lines.update(np.intersect1d(offsets, self._offsets).tolist())
            return anomalous
        for name in ((session.scope, session.key), (None, session.key)):
            if name in self.keys:
                self._met.add(name)
                return self.keys[name]
        return None

    def marks(self, line: SessionLine) -> bool:
        """Whether a distinct line of a session is itself labelled anomalous (its first or last occurrence is)."""
        ends = np.asarray([line.first, line.last], dtype=np.int64) >> INDEX_BITS
        return self._any(ends)

    def _any(self, offsets: Positions) -> bool:
        """Whether any of the sorted `offsets` is labelled anomalous."""
        places = np.searchsorted(self._offsets, offsets)
        return bool(np.any(np.searchsorted(self._offsets, offsets, side="right") > places))

    @property
    def unmet(self) -> int:
        """How many labelled keys, or labelled lines, have been in no session so far."""
        return len(self) - len(self._met) - len(self._met_lines)

    def __len__(self) -> int:
        """How many keys, or lines, are labelled."""
        return len(self.lines) if self.by_line else len(self.keys)


def read_labels(path: str) -> LabelFile:
    """Read a label file. Raises InputError when it cannot be opened, DataError with ``file:line`` for a bad row."""
    try:
        with _opened(path) as file:
            return _read(path, ((number, row) for number, row in enumerate(csv.reader(file), 1) if any(row)))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a CSV file: {error}") from error


def _opened(path: str) -> AbstractContextManager[Iterable[str]]:
    if path != "-":
        return Path(path).open(encoding="utf-8-sig", newline="")
    if sys.stdin is None:
        raise InputError("-: standard input is closed")
    return nullcontext(sys.stdin)


def _read(path: str, rows: Iterator[tuple[int, list[str]]]) -> LabelFile:
    first = next(rows, None)
    if first is None:
        raise DataError(f"{path}: no labels in it")
    columns = _columns(path, first[1])
    labels = LabelFile(by_line="line" in columns)
    if _word(first[1][columns["label"]]) is not None and not _is_header(first[1]):
        _add(path, labels, columns, *first)
    for number, row in rows:
        _add(path, labels, columns, number, row)
    if not labels.keys and not labels.by_line:
        raise DataError(f"{path}: no labels in it")
    return labels


def _is_header(row: list[str]) -> bool:
    return "label" in [cell.strip().lower() for cell in row]


def _columns(path: str, first: list[str]) -> dict[str, int]:
    """Return the index of each column: by the header when it has the known names, else key, then label."""
    names = [cell.strip().lower() for cell in first]
    columns = {name: at for at, name in enumerate(names) if name in _COLUMNS}
    if "label" in columns and ("key" in columns or "line" in columns):
        return columns
    if len(first) < 2:
        raise DataError(f"{path}:1: a label file has two columns at least: key,label or line,label")
    return {"key": 0, "label": columns.get("label", 1)}


def _word(cell: str) -> bool | None:
    return WORDS.get(cell.strip().lower())


def _add(path: str, labels: LabelFile, columns: Mapping[str, int], number: int, row: list[str]) -> None:
    if len(row) <= max(columns.values()):
        raise DataError(f"{path}:{number}: {len(row)} columns, {max(columns.values()) + 1} are needed")
    anomalous = _word(row[columns["label"]])
    if anomalous is None:
        raise DataError(f"{path}:{number}: the label is not one of {', '.join(WORDS)}")
    if not labels.by_line:
        scope = row[columns["scope"]] if "scope" in columns else None
        labels.keys[scope, row[columns["key"]]] = anomalous
        return
    line = row[columns["line"]].strip()
    if not line.isdecimal() or int(line) < 1:
        raise DataError(f"{path}:{number}: the line is not a number from 1 on")
    if anomalous:
        labels.lines.add((row[columns["file"]] if "file" in columns else None, int(line)))
