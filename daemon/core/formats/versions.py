"""The versions of services that the lines of a batch state: one row for each, and for each hour of event time.

A version is a fact about a scope, not about a line. So it does not travel with lines, and costs nothing where no line
has one.
"""

from __future__ import annotations

import polars as pl

from daemon.core.types import HOUR_US


def versions_in(lines: pl.DataFrame) -> pl.DataFrame | None:
    """Return (scope, version, time, position) of the first line of each version and hour; None where no line has one.

    `lines` has these columns and is in reading order.
    """
    if "version" not in lines.columns or lines["version"].null_count() == len(lines):
        return None
    stated = lines.lazy().select("scope", "version", "time", "position").filter(pl.col("version") != "")
    hour = (pl.col("time") // HOUR_US).alias("hour")
    first = stated.group_by("scope", "version", hour, maintain_order=True).first().collect()
    return None if first.is_empty() else first.drop("hour")
