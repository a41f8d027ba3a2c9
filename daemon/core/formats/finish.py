"""What every format shares after its reader: record paths, `extract`, times, defaults, level and positions."""

from __future__ import annotations

from hashlib import blake2b
from itertools import groupby

import polars as pl

from daemon.core.formats.base import ALTERNATIVE, FormatSettings, ReaderOutput, decoded, of_record
from daemon.core.formats.extract import Extractor
from daemon.core.formats.time_format import read_times
from daemon.core.formats.timestamps import micros_of
from daemon.core.positions import INDEX_BITS
from daemon.core.types import LINES_SCHEMA, Batch, Parsed, Reject

DEFAULT_SCOPE = "default"
EARLIEST = 315_532_800_000_000
"""1980-01-01: a clock that says less has not been set."""
LATEST = 253_402_300_800_000_000
"""Upper bound: the year 10000."""
DAY = 86_400_000_000
MAX_NAME = 256
"""Longer keys and scopes are cut, and a hash of the whole keeps them apart."""
MAX_LEVEL = 24
ESCAPED = "backslashreplace"
"""How keys and headers that are not UTF-8 become text: their bytes are escaped."""


class Finisher:
    """Turns a reader's columns into lines; remembers the last line's time."""

    def __init__(self, settings: FormatSettings) -> None:
        self._extractor = Extractor(settings.extract)
        self._time_format = settings.time_format
        sources = {
            name: [part for part, _ in groupby(map(of_record, path.split(ALTERNATIVE)))]
            for name, path in settings.fields.items()
        }
        self._sources = {name: parts for name, parts in sources.items() if name != "message" and any(parts)}
        """For each field whose path names a part of the record, where to look; None means the reader's column."""
        self._last_time = 0

    def finish(self, batch: Batch, read: ReaderOutput) -> Parsed:
        """Return the lines and all rejects, in the batch's order."""
        rejects = list(read.rejects)
        table = read.table
        for name, parts in self._sources.items():
            rows = table["row"]
            candidates = [table[name] if part is None else record_part(batch, part).gather(rows) for part in parts]
            table = table.with_columns(pl.coalesce(*candidates).alias(name))
        table = self._extractor.apply(table)
        table = _within_records(table)
        table, bad_times = _read_times(batch, table, self._time_format)
        rejects += bad_times
        lines = self._settle(batch, table)
        clamped = int(lines["absurd"].sum())
        lines = _with_text(_with_short_names(lines)).select(list(LINES_SCHEMA))
        return Parsed(lines, sorted(rejects, key=lambda reject: reject.row), clamped)

    def _settle(self, batch: Batch, table: pl.DataFrame) -> pl.DataFrame:
        """Give every line position, time, scope and key, in one pass: the fixed cost of a batch matters too."""
        table = table.hstack(
            [
                pl.Series("offset", batch.offsets, dtype=pl.Int64).gather(table["row"]),
                pl.Series("stamp", batch.timestamps, dtype=pl.Int64).gather(table["row"]),
                decoded(batch.keys, ESCAPED).alias("own").gather(table["row"]),
            ]
        )
        stamp = pl.when(pl.col("stamp") >= 0).then(pl.col("stamp") * 1_000)
        micros = pl.col("micros")
        sane = (micros >= EARLIEST) & (micros < LATEST) & ((micros <= stamp + DAY) | stamp.is_null())
        scope = _filled("scope").fill_null(DEFAULT_SCOPE)
        table = table.with_columns(
            (pl.col("offset") * (1 << INDEX_BITS) + pl.col("index")).alias("position"),
            pl.coalesce(pl.when(sane).then(micros), stamp).forward_fill().fill_null(self._last_time).alias("time"),
            (micros.is_not_null() & ~sane).alias("absurd"),
            scope.alias("scope"),
            pl.coalesce(_filled("key"), _filled("own"), scope).alias("key"),
        )
        if not table.is_empty():
            self._last_time = table["time"][-1]
        return table


def record_part(batch: Batch, path: str) -> pl.Series:
    """Return a text column, one row a record, of what ``record.PATH`` names; null where a record has none."""
    if path == "topic":
        return pl.repeat(batch.source.topic, len(batch), dtype=pl.String, eager=True)
    if path == "timestamp":
        return pl.Series([None if stamp < 0 else str(stamp) for stamp in batch.timestamps], dtype=pl.String)
    if path == "key":
        return decoded(batch.keys, ESCAPED)
    name = path.removeprefix("headers.")
    if name == path or not batch.headers:
        return pl.repeat(None, len(batch), dtype=pl.String, eager=True)
    return decoded([dict(headers).get(name) for headers in batch.headers], ESCAPED)


def _within_records(table: pl.DataFrame) -> pl.DataFrame:
    """Give a line without scope or key those of the line before it in its record, as the lines of a stack trace."""
    if not (table["index"] > 1).any():
        return table
    return table.with_columns(_filled(name).forward_fill().over("row").alias(name) for name in ("scope", "key"))


def _read_times(batch: Batch, table: pl.DataFrame, time_format: str | None) -> tuple[pl.DataFrame, list[Reject]]:
    """Add `micros`, null where a line has no time of its own; reject the records whose time cannot be parsed."""
    texts = table["time"]
    texts = texts.clone().set(texts == "", None)
    micros = micros_of(texts) if time_format is None else _micros_in(texts, time_format, batch, table["row"])
    table = table.with_columns(micros.alias("micros"))
    bad = texts.is_not_null() & micros.is_null()
    if not bad.any():
        return table, []
    first = table.filter(bad).unique("row", keep="first", maintain_order=True)
    rejects = [
        Reject(row, batch.offsets[row], "bad_time", f"time{_place(index)}: neither RFC 3339 nor an epoch number")
        for row, index in first.select("row", "index").iter_rows()
    ]
    return table.filter(~pl.col("row").is_in(first["row"].implode())), rejects


def _micros_in(texts: pl.Series, time_format: str, batch: Batch, rows: pl.Series) -> pl.Series:
    """Return the times that have the configured format, and the usual ones among the rest."""
    own = read_times(texts, time_format, pl.Series(batch.timestamps, dtype=pl.Int64).gather(rows))
    if own.null_count() == texts.null_count():
        return own
    return own.zip_with(own.is_not_null(), micros_of(texts))


def _place(index: int) -> str:
    return f" of line {index}" if index else ""


def _filled(name: str) -> pl.Expr:
    return pl.when(pl.col(name) != "").then(pl.col(name))


def _with_short_names(table: pl.DataFrame) -> pl.DataFrame:
    """Shorten long scopes and keys; different ones stay different."""
    longest = table.select(pl.col("scope", "key").str.len_bytes().max()).row(0, named=True)
    for name in [name for name, size in longest.items() if (size or 0) > MAX_NAME]:
        whole = table[name].filter(table[name].str.len_chars() > MAX_NAME).unique()
        short = pl.Series([_shortened(text) for text in whole], dtype=pl.String)
        table = table.with_columns(pl.col(name).replace(whole, short))
    return table


def _shortened(name: str) -> str:
    return f"{name[:MAX_NAME]}…{blake2b(name.encode(), digest_size=8).hexdigest()}"


def _with_text(table: pl.DataFrame) -> pl.DataFrame:
    """Make the level the message's first word, unless the message begins with it."""
    if table["level"].null_count() == len(table):
        return table.with_columns(pl.col("message").str.strip_chars_end("\r\n").alias("text"))
    level = pl.col("level").str.strip_chars()
    message = pl.col("message").str.strip_chars_end("\r\n")
    head = message.str.strip_chars_start(" \t[(<").str.head(level.str.len_chars())
    wanted = level.str.contains(r"^\S+$") & (level.str.len_chars() <= MAX_LEVEL)
    wanted &= head.str.to_lowercase() != level.str.to_lowercase()
    return table.with_columns(
        pl.when(wanted).then(pl.concat_str(level, pl.lit(" "), message)).otherwise(message).alias("text")
    )
