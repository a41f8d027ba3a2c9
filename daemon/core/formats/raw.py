"""Raw text: a value is its lines, split at LF or CRLF; blank lines are dropped.

A line that is alone in its record has index 0; else lines are numbered from 1 as they stand in the record, blank ones
included, so that "line 7" is the seventh.
"""

from __future__ import annotations

import polars as pl

from daemon.core.formats.at_once import rows_at_once
from daemon.core.formats.base import COLUMNS_SCHEMA, ReaderOutput, too_many_lines, values_as_text
from daemon.core.positions import MAX_LINES_PER_RECORD
from daemon.core.types import Batch, Reject

_ABSENT = [pl.lit(None, dtype=pl.String).alias(name) for name in ("time", "scope", "key", "level")]


class RawReader:
    """Reads every value as text."""

    def __init__(self, max_lines: int = MAX_LINES_PER_RECORD) -> None:
        self._max_lines = max_lines

    def __call__(self, batch: Batch) -> ReaderOutput:
        """Read the values of a batch; see `Reader`."""
        table, rejects, unread = values_as_text(batch)
        many = table["text"].str.contains("\n", literal=True).any()
        if many:
            table, too_many, unread = self._at_once(batch, table, unread)
            rejects += too_many
        lines = _split(table) if many else table.with_columns(pl.lit(0, dtype=pl.Int64).alias("index"))
        if many and lines["text"].str.starts_with("\x00").any():
            lines = lines.with_columns(pl.col("text").str.strip_chars_start("\x00"))
        lines = lines.with_columns(pl.col("text").str.strip_chars_end("\r").alias("message"), *_ABSENT)
        return ReaderOutput(lines.select(list(COLUMNS_SCHEMA)), rejects, unread=unread)

    def _at_once(self, batch: Batch, table: pl.DataFrame, unread: int) -> tuple[pl.DataFrame, list[Reject], int]:
        """Return the records that are read at once, a reject for each that holds too many lines, and how many are left.

        `unread` are left out already.
        """
        text = table["text"]
        lines = text.str.count_matches("\n", literal=True) + (~text.str.ends_with("\n")).cast(pl.Int64)
        long = lines > self._max_lines
        stop = rows_at_once(lines.set(long, 0))
        if stop < len(table):
            unread = len(batch) - table["row"][stop]
        table, long = table[:stop], long[:stop]
        rejects = [too_many_lines(batch, row, self._max_lines) for row in table["row"].filter(long)]
        return table.filter(~long), rejects, unread


def _split(table: pl.DataFrame) -> pl.DataFrame:
    """Return one row per non-blank line, with its index."""
    lines = table.with_columns(pl.col("text").str.split("\n")).explode("text")
    numbered = lines.with_columns((pl.int_range(pl.len(), dtype=pl.Int64).over("row") + 1).alias("index"))
    filled = numbered.filter(pl.col("text").str.contains(r"[^\s\x00]"))
    return filled.with_columns(pl.when(pl.len().over("row") == 1).then(0).otherwise(pl.col("index")).alias("index"))


def with_header(table: pl.DataFrame, header: pl.DataFrame) -> pl.DataFrame:
    """Return `table` with the parts in its lines' headers.

    A line with a header and no message stays whole.
    """
    message = header["message"]
    filled = message.str.contains(r"\S").fill_null(value=False)
    header = header.with_columns(message.zip_with(filled, table["message"]).alias("message"))
    return table.with_columns(header.get_columns()).select(list(COLUMNS_SCHEMA))
