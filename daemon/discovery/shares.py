"""The share of lines in which a pattern is found."""

from __future__ import annotations

import polars as pl


def share_of(lines: pl.Series, pattern: str) -> float:
    """Return the share of texts in which the pattern is found; 0 of none."""
    return int(lines.str.contains(pattern).sum()) / len(lines) if len(lines) else 0.0
