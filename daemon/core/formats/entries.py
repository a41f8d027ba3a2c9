"""Records that hold many lines in an envelope: each value is unwrapped into entries, and each entry is one line.

An entry is a dictionary; the path of a field is looked up in it as one key, else as nested objects. A line that is
alone in its record has index 0; else entries are numbered from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import orjson
import polars as pl

from daemon.core.formats.at_once import MAX_MESSAGE, TOO_MANY_PARTS, TOO_MANY_PARTS_DETAIL, Amount, too_many_parts
from daemon.core.formats.base import ALTERNATIVE, WHOLE, FieldPaths, ReaderOutput, of_record
from daemon.core.formats.exceptions import exception_text
from daemon.core.formats.lookup import as_text, find, first_filled, first_text, plain_text, whole_text
from daemon.core.formats.packed import PackedError, unpacked
from daemon.core.positions import MAX_LINES_PER_RECORD
from daemon.core.types import Batch, Reject

Entry = Mapping[str, Any]
Headers = Sequence[tuple[str, bytes]]
Parts = list[str | None]
"""The text columns of one line."""
Column = list[str | None]
"""One part of each line of a value."""
Quick = Callable[[bytes, int], Sequence[Column] | None]
"""Returns the columns of a value, in the order of parts; None where it must be unwrapped into entries.

It may end behind the given number of lines.
"""
Unwrap = Callable[[bytes, Headers], Iterable[Entry]]
"""Returns a value's entries. Raises EntriesError when it is not of the format."""


class EntriesError(ValueError):
    """A value that cannot be unwrapped: a reason, as `Reject` has it, and a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class EntriesReader:
    """Unwraps every value and looks the fields up in its entries."""

    def __init__(
        self,
        unwrap: Unwrap,
        fields: FieldPaths,
        bare: str | None = None,
        quick: Callable[[Sequence[Sequence[str]], Callable[[Entry], Parts]], Quick | None] | None = None,
        *,
        max_lines: int = MAX_LINES_PER_RECORD,
    ) -> None:
        """Make a reader. Where the message's paths hold no text, the message is the value at `bare`, as JSON.

        `quick` returns, for the paths of the parts and for what reads an entry, what reads values in fewer steps.
        """
        self._unwrap = unwrap
        self._max_lines = max_lines
        self._bare = bare
        paths = {name: path.split(ALTERNATIVE) for name, path in fields.items()}
        self._whole = WHOLE in paths["message"]
        self._apart = {*paths["time"], *paths["level"]}
        self._columns = fields.columns()
        self._paths = [[path for path in paths[name] if of_record(path) is None] for name in [*self._columns][2:]]
        self._quick = quick(self._paths, self._parts) if quick is not None else None

    def __call__(self, batch: Batch) -> ReaderOutput:
        """Read the values of a batch; see `Reader`."""
        rows: list[int] = []
        indices: list[int] = []
        columns: list[Column] = [[] for _ in self._paths]
        rejects, amount, unread = [], Amount(), len(batch)
        for row, value in enumerate(batch.values):
            if amount.enough:
                break
            unread -= 1
            headers = batch.headers[row] if batch.headers else ()
            try:
                whole = _whole(value)
                amount.add(growth=len(whole) - len(value or b""))
                numbers, parts = self._lines(whole, headers)
            except EntriesError as error:
                rejects.append(Reject(row, batch.offsets[row], error.reason, str(error)))
                continue
            amount.add(lines=len(numbers))
            rows += [row] * len(numbers)
            indices += [0] if len(numbers) == 1 else numbers
            for column, texts in zip(columns, parts, strict=True):
                column.extend(texts)
        numbers_and_texts: Iterable[Sequence[int] | Column] = (rows, indices, *columns)
        table = [
            pl.Series(name, column, dtype=type_)
            for (name, type_), column in zip(self._columns.items(), numbers_and_texts, strict=True)
        ]
        return ReaderOutput(pl.DataFrame(table), rejects, independent=True, unread=unread)

    def _lines(self, value: bytes, headers: Headers) -> tuple[Sequence[int], Sequence[Column]]:
        """Return the numbers of a value's lines, from 1, and their parts. Raises EntriesError where it has none."""
        columns = self._quick(value, self._max_lines + 1) if self._quick is not None else None
        if columns is None:
            lines = map(self._parts, islice(self._unwrap(value, headers), self._max_lines + 1))
            columns = list(map(list, zip(*lines, strict=True))) or [[]]
        count = len(columns[0])
        if count > self._max_lines:
            raise EntriesError("too_many_lines", f"the value holds more than {self._max_lines:,} lines")
        kept = [at for at, text in enumerate(columns[0], 1) if text and text.strip()]
        if not kept:
            raise EntriesError("empty", "the value holds no log line")
        if len(kept) < count:
            columns = [[column[at - 1] for at in kept] for column in columns]
        return kept, columns

    def _parts(self, entry: Entry) -> Parts:
        parts = [first_text(entry, paths) for paths in self._paths]
        if parts[0] == "" and self._bare is None:
            parts[0] = first_filled(plain_text(find(entry, path)) for path in self._paths[0])
        if parts[0] is None and self._bare is not None:
            bare = find(entry, self._bare)
            parts[0] = as_text(bare) if bare else None
        if parts[0] is None and self._whole:
            parts[0] = whole_text(entry, self._apart)
        if (trace := exception_text(entry)) and trace not in (parts[0] or ""):
            parts[0] = f"{parts[0]}\n{trace}" if parts[0] else trace
        return parts


def _whole(value: bytes | None) -> bytes:
    """Return a value unpacked. Raises EntriesError where it is empty or damaged."""
    if not value or value.isspace():
        raise EntriesError("empty", "the value is null" if value is None else "the value is empty or blank")
    try:
        return unpacked(value)
    except PackedError as error:
        raise EntriesError("bad_compression", str(error)) from error


def check_message(message: bytes) -> None:
    """Raise EntriesError for a message of a schema, or what contains some, that could take very much memory."""
    if len(message) > MAX_MESSAGE:
        raise EntriesError(TOO_MANY_PARTS, f"a message is larger than {MAX_MESSAGE >> 20} MiB")


def json_value(text: str | bytes) -> Any:
    """Return a decoded JSON value. Raises orjson.JSONDecodeError, and EntriesError where it would take very much."""
    if too_many_parts(text):
        raise EntriesError(TOO_MANY_PARTS, TOO_MANY_PARTS_DETAIL)
    return orjson.loads(text)


def objects_in(value: bytes) -> list[dict[str, Any]]:
    """Return the JSON objects of a value: one, an array of them, or one per line. Raises EntriesError."""
    try:
        text = value.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EntriesError("not_utf8", f"the value is not UTF-8 at byte {error.start}") from error
    try:
        parsed = json_value(text)
    except orjson.JSONDecodeError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            parsed = [orjson.loads(line) for line in lines] if len(lines) > 1 else None
        except orjson.JSONDecodeError:
            parsed = None
        if parsed is None:
            raise EntriesError("not_json", f"the value is not JSON at character {error.pos}") from error
    objects = parsed if isinstance(parsed, list) else [parsed]
    if not all(isinstance(item, dict) for item in objects):
        raise EntriesError("not_an_object", "the value is JSON, but not an object, nor an array of objects")
    return objects
