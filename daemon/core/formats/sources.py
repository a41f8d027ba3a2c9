"""What a later stage needs to join lines that belong together: a line's writer, its time and its text.

A *source* is a record key and what the value states about its writer: scope and key from the fields, before any
pattern is applied to the message, and the stream (stdout, stderr) where a format knows it.
"""

from __future__ import annotations

import polars as pl

SOURCE_SCHEMA = {
    "source": pl.String(),
    "said": pl.String(),
    "partial": pl.Boolean(),
    "arrival": pl.Int64(),
}
"""The columns that lines have besides `LINES_SCHEMA` where they are to be joined.

`said` is the message as the reader returns it: patterns are tested on it, and it is joined where the line goes on with
another. A `partial` line is cut: its rest follows. `arrival` is its record's time, or its own where records have
none.
"""

_ANSI = r"\x1b\[[0-9;:]*[A-Za-z]"
_BETWEEN = "\x00"


def with_writer(table: pl.DataFrame, *, independent: bool) -> pl.DataFrame:
    """Return a reader's table with `said`, `partial` and `writer`, before patterns are applied to the message."""
    names: list[pl.Expr] = [pl.col(name) for name in ("scope", "key")]
    if not independent:
        names = [name.forward_fill().over("row") for name in names]
    if "stream" in table.columns:
        names.append(pl.col("stream"))
    partial = pl.col("partial") if "partial" in table.columns else pl.lit(value=False)
    said = pl.col("said") if "said" in table.columns else pl.col("message")
    return table.with_columns(
        said.str.replace_all(_ANSI, "").str.strip_chars_end("\r\n").alias("said"),
        partial.alias("partial"),
        pl.concat_str(*(name.fill_null("") for name in names), separator=_BETWEEN).alias("writer"),
    )


def with_source(table: pl.DataFrame) -> pl.DataFrame:
    """Return the finished table (own: the record's key, stamp, clock, writer) with `SOURCE_SCHEMA`."""
    return table.with_columns(
        pl.concat_str(pl.col("own").fill_null(""), "writer", separator=_BETWEEN).alias("source"),
        pl.coalesce("stamp", "clock").alias("arrival"),
    )
