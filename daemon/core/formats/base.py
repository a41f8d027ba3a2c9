"""What readers and the finisher share: the field paths, and the text columns that pass from one to the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from daemon.core.formats.at_once import Amount
from daemon.core.formats.packed import PackedError, schema_header, unpacked
from daemon.core.formats.registered import SchemaSource
from daemon.core.positions import MAX_LINES_PER_RECORD
from daemon.core.types import Batch, Reject

RECORD_PREFIX = "record."
"""A path with this prefix names a part of the record (its key, timestamp, topic, a header), not of its value."""
WHOLE = "*"
"""The path of a message that is the whole object without its time and level."""
ALTERNATIVE = "|"
"""Separates the paths that may hold a field; the first one present counts."""

_NULS = "\x00" * 5
"""A registry's value does not begin with so many: its header is a zero and a 4-byte number that is not zero."""
_PLAIN = r"^[^\s\x00\x{feff}]"
"""How a value begins that is taken as it is."""

COLUMNS_SCHEMA: Mapping[str, pl.DataType] = {
    "row": pl.Int64(),
    "index": pl.Int64(),
    "message": pl.String(),
    "time": pl.String(),
    "scope": pl.String(),
    "key": pl.String(),
    "level": pl.String(),
}


@dataclass(frozen=True, slots=True)
class FieldPaths:
    """Where a line's parts are in a JSON value: ``a.b.c``, or ``a.b.c|d`` for alternatives.

    Or in its record: ``record.key``, ``record.timestamp``, ``record.topic``, ``record.headers.NAME``; also as the first
    or the last of alternatives. `version` may be empty: then no line has one.
    """

    message: str = "message"
    time: str = "time"
    scope: str = "scope"
    key: str = "key"
    level: str = "level"
    version: str = ""

    def items(self) -> tuple[tuple[str, str], ...]:
        """Return (column, path) pairs of the fields that have a path."""
        pairs = (
            ("message", self.message),
            ("time", self.time),
            ("scope", self.scope),
            ("key", self.key),
            ("level", self.level),
            ("version", self.version),
        )
        return pairs if self.version else pairs[:-1]

    def columns(self) -> Mapping[str, pl.DataType]:
        """Return the schema of a reader's table that has a column for each field that has a path."""
        return {**COLUMNS_SCHEMA, "version": pl.String()} if self.version else COLUMNS_SCHEMA


@dataclass(frozen=True, slots=True)
class FormatSettings:
    """How to read records: a format's name, paths of the fields, and patterns on the message that win over them.

    `level_scale` names the scale of levels that are numbers (see `levels`). `max_lead` is how many microseconds a line
    may be ahead of its record and still move stream time. A line with a time that cannot be read gets its record's.
    With `reject_unreadable_times`, a record of only such lines is rejected, and always one of more than `max_lines`.
    """

    format: str = "json"
    fields: FieldPaths = field(default_factory=FieldPaths)
    extract: tuple[str, ...] = ()
    time_format: str | None = None
    """How times are written, where that is not one of the usual ways; see `time_format`."""
    schemas: Mapping[str, str] = field(default_factory=dict)
    """Avro schemas as JSON texts, Protobuf descriptor sets in base64, by their id in the registry, or ``any``."""
    registry: SchemaSource | None = None
    """Returns the schema of an id that `schemas` does not name."""
    level_scale: str = "auto"
    max_lead: int = 300_000_000
    max_lines: int = MAX_LINES_PER_RECORD
    reject_unreadable_times: bool = False
    written: int | None = None
    """When the newest of the files was last written, in microseconds, where the records are lines of files."""
    sources: bool = False
    """Whether lines name their writer, so that they can be joined: they also have the columns of `SOURCE_SCHEMA`."""


@dataclass(frozen=True, slots=True)
class ReaderOutput:
    """What a reader returns: a table of `COLUMNS_SCHEMA` in reading order, and the records it could not read.

    A reader that reads times itself adds `micros`; a line has it or `time`. One that numbers shapes adds `alike`: lines
    with one number, if it is not negative or null, have messages that differ only in digits.

    `row` is the record's place in its batch, `index` the line's place in its record (0 where it is alone). Every column
    but `row`, `index` and `message` may be null: then the record's own parts or the defaults are used. A format that
    knows them adds `stream`, which of a writer's streams a line was written to, `partial`, whether it ends in the
    middle of a line, and `said`, its text if it is the rest of another. One that looks it up adds `version`.
    """

    table: pl.DataFrame
    rejects: Sequence[Reject] = ()
    independent: bool = False
    """Whether the lines of a record are independent of each other, as the log records of an envelope are."""
    unread: int = 0
    """How many records at the end of the batch were not read, see `at_once`. Rejects of these do not count."""


class Reader(Protocol):
    """What is particular to one format."""

    def __call__(self, batch: Batch) -> ReaderOutput:
        """Read the values of a batch. Pure; raises nothing for what a value holds."""
        ...


def of_record(choice: str) -> str | None:
    """Return the part of the record that a path without alternatives names, None where it names a part of the value."""
    return choice.removeprefix(RECORD_PREFIX) if choice.startswith(RECORD_PREFIX) else None


def value_paths(path: str) -> tuple[str, ...]:
    """Return the alternatives of a path that lead into the value."""
    return tuple(choice for choice in path.split(ALTERNATIVE) if of_record(choice) is None and choice != WHOLE)


def values_as_text(batch: Batch) -> tuple[pl.DataFrame, list[Reject], int]:
    """Return a table (row, text) of the values that are UTF-8 and not blank, and a reject for each that is not.

    Also how many values at the end were not looked at, because those before unpack to enough.

    A byte order mark at the front is dropped. So are the NULs at the beginning of a log file that was truncated while a
    program wrote to it (copytruncate).
    """
    text = decoded(batch.values, None)
    unread = len(batch) - len(text)
    if text.str.contains(_PLAIN).all(ignore_nulls=False):
        return _with_rows(text), [], unread
    if text.str.starts_with(_NULS).any():
        text = text.str.replace(rf"^{_NULS}\x00*", "")
    if text.str.starts_with("\ufeff").any():
        text = text.str.strip_prefix("\ufeff")
    table = _with_rows(text)
    filled = text.str.contains(r"[^\s\x00]").fill_null(value=False)
    if filled.all():
        return table, [], unread
    rejects = []
    for row in (~filled).arg_true().to_list():
        value = batch.values[row]
        if value is None or text[row] is not None:
            detail = "the value is null" if value is None else "the value is empty or blank"
            rejects.append(Reject(row, batch.offsets[row], "empty", detail))
        else:
            rejects.append(Reject(row, batch.offsets[row], *_why_not_text(value)))
    return table.filter(filled), rejects, unread


def too_many_lines(batch: Batch, row: int, most: int) -> Reject:
    """Return the reject of a record that holds more than `most` lines."""
    return Reject(row, batch.offsets[row], "too_many_lines", f"the value holds more than {most:,} lines")


def _with_rows(text: pl.Series) -> pl.DataFrame:
    return pl.DataFrame([pl.int_range(len(text), dtype=pl.Int64, eager=True).alias("row"), text])


def decoded(values: Sequence[bytes | None], errors: str | None) -> pl.Series:
    """Return bytes as text; what is not UTF-8 is null, or decoded with the error handler `errors`.

    Values without such a handler are also unpacked, those at the front that are enough at once.
    """
    try:
        return pl.Series("text", values, dtype=pl.Binary).cast(pl.String)
    except pl.exceptions.PolarsError:  # one bad value fails the whole column
        texts, amount = [], Amount()
        for value in values:
            texts.append(_decode(value, errors))
            if errors is None:
                amount.add(growth=len(texts[-1] or "") - len(value or b""))
                if amount.enough:
                    break
        return pl.Series("text", texts, dtype=pl.String)


def _decode(value: bytes | None, errors: str | None) -> str | None:
    if value is None:
        return None
    try:
        return value.decode(errors=errors or "strict")
    except UnicodeDecodeError:
        pass
    try:
        return unpacked(value).decode()
    except (PackedError, UnicodeDecodeError):
        return None


def _why_not_text(value: bytes) -> tuple[str, str]:
    """Return the reason and the detail of a value that is not text; the detail names the encoding."""
    try:
        text = unpacked(value)
        text.decode()
    except PackedError as error:
        return "bad_compression", str(error)
    except UnicodeDecodeError as error:
        header = schema_header(value)
        about = f", and begins like one of schema {header[0]} of a registry" if header else ""
        return "not_utf8", f"the value is not UTF-8 at byte {error.start}{about}"
    return "not_utf8", "the value is not UTF-8"
