"""Regular expressions on the message whose named groups win over the fields.

The engine is Rust's: linear time, so no pattern can hang the daemon; it has no look-around and no back references.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

GROUPS = ("key", "scope", "time", "level", "version", "message")
"""The names of groups that name a part of a line. A group with another name, or none, has no effect."""

_NAMED = re.compile(r"\(\?P?<([A-Za-z_][A-Za-z0-9_]*)>")


def check_pattern(pattern: str) -> str | None:
    """Return what is wrong with a pattern for `masks` or `extract`, or None."""
    try:
        pl.Series([""]).str.contains(pattern, strict=True)
    except pl.exceptions.ComputeError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        named = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        return named[0] if named else next((line for line in lines if "size" in line), "not a regular expression")
    return None


def check_extract(pattern: str) -> str | None:
    """Return what is wrong with a pattern for `extract`, or None: it must also name a part of a line."""
    if groups_of(pattern):
        return check_pattern(pattern)
    return check_pattern(pattern) or f"no named group is one of {', '.join(GROUPS)}"


def groups_of(pattern: str) -> tuple[str, ...]:
    """Return the names of a pattern's groups that name a part of a line."""
    return tuple(name for name in _NAMED.findall(pattern) if name in GROUPS)


class Extractor:
    """Applies patterns in order; for each part the first pattern that yields a text that is not empty counts."""

    def __init__(self, patterns: Sequence[str]) -> None:
        for pattern in patterns:
            problem = check_pattern(pattern)
            if problem is not None:
                raise ValueError(f"pattern {pattern!r}: {problem}")
        self._patterns = tuple(pattern for pattern in patterns if groups_of(pattern))

    def apply(self, table: pl.DataFrame) -> pl.DataFrame:
        """Return `table` with the parts that the patterns extract from `message` in the place of its columns."""
        if not self._patterns or table.is_empty():
            return table
        parts_of: dict[str, list[pl.Expr]] = {}
        for pattern in self._patterns:
            groups = pl.col("message").str.extract_groups(pattern)
            for name in groups_of(pattern):
                part = groups.struct.field(name)
                parts_of.setdefault(name, []).append(pl.when(part != "").then(part))
        return table.with_columns(
            pl.coalesce(*parts, *([pl.col(name)] if name in table.columns else [])).alias(name)
            for name, parts in parts_of.items()
        )
