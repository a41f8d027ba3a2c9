"""Raw text: a value is its lines, split at LF or CRLF; blank lines are dropped.

A line that is alone in its record has index 0; else lines are numbered from 1 as they stand in the record, blank ones
included, so that "line 7" is the seventh.
"""

from __future__ import annotations

import polars as pl

from daemon.core.formats.base import COLUMNS_SCHEMA, ReaderOutput, values_as_text
from daemon.core.positions import MAX_LINES_PER_RECORD
from daemon.core.types import Batch, Reject

_ABSENT = [pl.lit(None, dtype=pl.String).alias(name) for name in ("time", "scope", "key", "level")]


class RawReader:
    """Reads every value as text."""

    def __call__(self, batch: Batch) -> ReaderOutput:
        """Read the values of a batch; see `Reader`."""
        table, rejects = values_as_text(batch)
        table, too_many = _without_too_long(batch, table)
        many = table["text"].str.contains("\n", literal=True).any()
        lines = _split(table) if many else table.with_columns(pl.lit(0, dtype=pl.Int64).alias("index"))
        if many and lines["text"].str.starts_with("\x00").any():
            lines = lines.with_columns(pl.col("text").str.strip_chars_start("\x00"))
        lines = lines.with_columns(pl.col("text").str.strip_chars_end("\r").alias("message"), *_ABSENT)
        return ReaderOutput(lines.select(list(COLUMNS_SCHEMA)), [*rejects, *too_many])


def _without_too_long(batch: Batch, table: pl.DataFrame) -> tuple[pl.DataFrame, list[Reject]]:
    """Reject the records that hold more lines than a position can number."""
    long = table.filter(pl.col("text").str.len_bytes() > MAX_LINES_PER_RECORD)
    if long.is_empty():
        return table, []
    breaks = pl.col("text").str.count_matches("\n", literal=True)
    too_long = long.filter(breaks >= MAX_LINES_PER_RECORD)["row"].to_list()
    detail = f"the value holds more than {MAX_LINES_PER_RECORD} lines"
    rejects = [Reject(row, batch.offsets[row], "too_many_lines", detail) for row in too_long]
    return table.filter(~pl.col("row").is_in(too_long)), rejects


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
