"""Joined lines in blocks: the line has a row, and so has each other line that it holds, its *parts*, right after it.

A part has the line's scope, key and times, and no text. It is there for its place in the input, and so that each line
of the input has a position of its own in the topic between.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from daemon.core.multiline import Joined
from daemon.core.positions import Positions

NONE: Positions = np.empty(0, np.int64)
PART = "part"
_LINE = "line"
"""Of lines with parts that are not written yet, the position of the line that each row belongs to."""


def with_parts(masked: pl.DataFrame, rows: Positions, positions: Positions) -> pl.DataFrame:
    """Return lines and their parts; the line in row `rows[i]` also holds the line at `positions[i]`."""
    lines = masked.with_columns(pl.col("position").alias(_LINE), pl.lit(value=False).alias(PART))
    parts = lines[rows].with_columns(
        pl.Series("position", positions), pl.lit(value=True).alias(PART), text=pl.lit(""), masked=pl.lit("")
    )
    return pl.concat([lines, parts.select(lines.columns)])


def in_order(lines: pl.DataFrame) -> pl.DataFrame:
    """Return lines by their place in the input, `origin`, each with its parts right after it."""
    if PART not in lines.columns:
        return lines.sort("origin")
    lines = lines.with_columns(pl.col(_LINE).fill_null(pl.col("origin")), pl.col(PART).fill_null(value=False))
    return lines.sort(_LINE, PART, "origin").drop(_LINE)


def whole_in(lines: pl.DataFrame, block: pl.Series) -> pl.Series:
    """Return the block of each row, so that a line's parts are in its block."""
    if PART not in lines.columns:
        return block
    return lines.select(pl.when(~pl.col(PART)).then(block).forward_fill().alias(block.name))[block.name]


def joined_again(lines: pl.DataFrame) -> Joined:
    """Return the lines of blocks as they were joined."""
    lines = lines.with_columns(read="position")
    if PART not in lines.columns:
        return Joined(lines)
    part = lines[PART].fill_null(value=False)
    whole, rows = lines.filter(~part).drop(PART), np.cumsum(~part.to_numpy()) - 1
    is_part = part.to_numpy()
    return Joined(whole, rows[is_part], lines["position"].to_numpy()[is_part])
