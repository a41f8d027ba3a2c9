"""What every format shares after its reader: record paths, `extract`, times, defaults, level and positions."""

from __future__ import annotations

from hashlib import blake2b
from itertools import groupby

import numpy as np
import polars as pl

from daemon.core.formats.base import ALTERNATIVE, FormatSettings, ReaderOutput, decoded, of_record
from daemon.core.formats.extract import Extractor
from daemon.core.formats.levels import Levels, with_plain_messages
from daemon.core.formats.line_times import LATEST, LineTimes
from daemon.core.formats.sources import SOURCE_SCHEMA, with_source, with_writer
from daemon.core.formats.stream_clock import Times
from daemon.core.formats.time_format import read_times
from daemon.core.formats.timestamps import parse_times
from daemon.core.formats.versions import versions_in
from daemon.core.positions import INDEX_BITS
from daemon.core.types import LINES_SCHEMA, Batch, Parsed, Reject, TimeCounts

DEFAULT_SCOPE = "default"
MAX_NAME = 256
"""Longer keys and scopes are cut, and a hash of the whole keeps them apart."""
ESCAPED = "backslashreplace"
"""How keys and headers that are not UTF-8 become text: their bytes are escaped."""


class Finisher:
    """Turns a reader's columns into the lines of one partition."""

    def __init__(self, settings: FormatSettings) -> None:
        self._extractor = Extractor(settings.extract)
        self._time_format = settings.time_format
        sources = {
            name: [part for part, _ in groupby(map(of_record, path.split(ALTERNATIVE)))]
            for name, path in settings.fields.items()
        }
        self._sources = {name: parts for name, parts in sources.items() if name != "message" and any(parts)}
        """For each field whose path names a part of the record, where to look; None means the reader's column."""
        self._levels = Levels(settings.level_scale)
        self._times = LineTimes(settings.max_lead, settings.written)
        self._reject_unreadable = settings.reject_unreadable_times
        self._keep_sources = settings.sources

    def finish(self, batch: Batch, read: ReaderOutput) -> Parsed:
        """Return the lines and all rejects, in the batch's order."""
        table = read.table
        rows = table["row"]
        for name, parts in self._sources.items():
            own = table[name] if name in table.columns else pl.repeat(None, len(table), dtype=pl.String, eager=True)
            candidates = [own if part is None else record_part(batch, part).gather(rows) for part in parts]
            table = table.with_columns(pl.coalesce(*candidates).alias(name))
        table = with_plain_messages(table)
        if self._keep_sources:
            table = with_writer(table, independent=read.independent)
        table = self._extractor.apply(table)
        table = table if read.independent else _within_records(table)
        table = table.with_columns(self._parse_times(batch, table))
        rejects = list(read.rejects)
        if self._reject_unreadable and table["unreadable"].any():
            table, unreadable = _without_unreadable(batch, table)
            rejects += unreadable
        lines, counts = self._settle(batch, table)
        lines = self._levels.apply(_with_short_names(lines))
        versions = versions_in(lines)
        if self._keep_sources:
            lines = with_source(lines).select([*LINES_SCHEMA, *SOURCE_SCHEMA])
        else:
            lines = lines.select([*LINES_SCHEMA, *({"alike"} & set(lines.columns))])
        return Parsed(lines, sorted(rejects, key=lambda reject: reject.row), counts, versions)

    def _parse_times(self, batch: Batch, table: pl.DataFrame) -> pl.DataFrame:
        """Return a table (micros, yearless, unreadable) of the lines' own times."""
        texts = table["time"]
        if "micros" in table.columns and texts.null_count() == len(texts):
            return table.select("micros", yearless=pl.lit(value=False), unreadable=pl.lit(value=False))
        texts = texts.clone().set(texts == "", None)
        times = parse_times(texts)
        if "micros" in table.columns:
            times = times.with_columns(micros=table["micros"].zip_with(table["micros"].is_not_null(), times["micros"]))
        if self._time_format is not None:
            stamps = pl.Series("stamp", _stamps(batch)).gather(table["row"])
            own = read_times(texts, self._time_format, stamps)
            times = times.with_columns(
                micros=own.zip_with(own.is_not_null(), times["micros"]), yearless=times["yearless"] & own.is_null()
            )
        return times.with_columns(unreadable=texts.is_not_null() & times["micros"].is_null())

    def _settle(self, batch: Batch, table: pl.DataFrame) -> tuple[pl.DataFrame, TimeCounts]:
        """Give every line position, time, scope and key. With arrays: a step of polars costs as much as 1,000 lines."""
        rows = table["row"].to_numpy()
        stamps = _stamps(batch)[rows]
        stamps = np.where(stamps < 0, -1, stamps * 1_000)
        times, clock, counts = self._times.settle(table, stamps, int(table["unreadable"].sum()))
        offsets = pl.Series("offset", batch.offsets, dtype=pl.Int64).to_numpy()[rows]
        position = offsets * (1 << INDEX_BITS) + table["index"].to_numpy()
        table = table.with_columns(pl.Series("time", times), pl.Series("clock", clock), pl.Series("position", position))
        if self._keep_sources or not (_are_filled(table["scope"]) and _are_filled(table["key"])):
            stamp = pl.Series("stamp", stamps)
            own = decoded(batch.keys, ESCAPED).alias("own").gather(rows)
            scope = _filled("scope").fill_null(DEFAULT_SCOPE)
            table = table.with_columns(own, stamp.set(stamp < 0, None)).with_columns(
                scope.alias("scope"), pl.coalesce(_filled("key"), _filled("own"), scope).alias("key")
            )
        return table, counts


def _are_filled(names: pl.Series) -> bool:
    """Return whether each name is a text that is not empty."""
    return not names.null_count() and bool(names.str.len_bytes().to_numpy().all())


def _stamps(batch: Batch) -> Times:
    """Return the records' timestamps in milliseconds; -1 also beyond the year 10000: a producer may send any."""
    stamps = pl.Series("stamp", batch.timestamps, dtype=pl.Int64).to_numpy()
    return np.where(stamps >= LATEST // 1_000, -1, stamps)


def record_part(batch: Batch, path: str) -> pl.Series:
    """Return a text column, one row per record, of what ``record.PATH`` names; null where a record has none."""
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
    """Give a line without scope or key those of the line before it in its record, else of the first line that has them.

    So a stack trace stays with its line, and a slow query, whose second line names its connection, stays whole.
    """
    if not (table["index"] > 1).any():
        return table
    return table.with_columns(
        _filled(name).forward_fill().backward_fill().over("row").alias(name) for name in ("scope", "key")
    )


def _without_unreadable(batch: Batch, table: pl.DataFrame) -> tuple[pl.DataFrame, list[Reject]]:
    """Reject the records that hold only lines with a time that cannot be read."""
    gone = table.filter(pl.col("unreadable").all().over("row")).unique("row", keep="first", maintain_order=True)
    rejects = [
        Reject(row, batch.offsets[row], "bad_time", f"time{_place(index)} is neither a date nor an epoch number")
        for row, index in gone.select("row", "index").iter_rows()
    ]
    return table.filter(~pl.col("row").is_in(gone["row"].implode())), rejects


def _place(index: int) -> str:
    return f" of line {index}" if index else ""


def _filled(name: str) -> pl.Expr:
    return pl.when(pl.col(name) != "").then(pl.col(name))


def _with_short_names(table: pl.DataFrame) -> pl.DataFrame:
    """Shorten long scopes, keys and versions; different ones stay different."""
    names = [name for name in ("scope", "key", "version") if name in table.columns]
    longest = table.select(pl.col(names).str.len_bytes().max()).row(0, named=True)
    for name in [name for name, size in longest.items() if (size or 0) > MAX_NAME]:
        whole = table[name].filter(table[name].str.len_chars() > MAX_NAME).unique()
        short = pl.Series([_shortened(text) for text in whole], dtype=pl.String)
        table = table.with_columns(pl.col(name).replace(whole, short))
    return table


def _shortened(name: str) -> str:
    return f"{name[:MAX_NAME]}…{blake2b(name.encode(), digest_size=8).hexdigest()}"
