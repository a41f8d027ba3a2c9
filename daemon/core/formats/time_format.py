"""Times in a configured pattern: `input.time_format`, written as for strptime.

A pattern may lack the year (``%b %e %H:%M:%S``) or the whole date (``%H:%M:%S``). A missing year is that of the last
such moment up to a day after the record's timestamp; where records have no timestamps, as in files, it is 2000, so that
differences are right and every day exists. A missing date is the first of January of that year.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import polars as pl

from daemon.core.formats.timestamps import micros_of

NO_YEAR = 2000
_DAY_US = 86_400_000_000
_FRACTION = "%.f"
_YEARS = re.compile(r"%[YyDFcxs+]")
_DAYS = re.compile(r"%[dejDFcxs+]")


def check_time_format(pattern: str) -> str | None:
    """Return what is wrong with a pattern, or None. A pattern must read the times that it writes."""
    written = pl.Series([datetime(2026, 11, 22, 10, 41, 7, tzinfo=UTC)])
    try:
        text = written.dt.strftime(pattern)
        micros = read_times(text, pattern, pl.Series([-1]))
    except pl.exceptions.PolarsError as error:
        return f"{pattern!r} is not a time format: {str(error).splitlines()[0]}"
    if micros[0] is None or "%" not in pattern:
        return f"{pattern!r} is not a time format; write one like %d/%m/%Y %H:%M:%S"
    return None


def read_times(texts: pl.Series, pattern: str, stamps: pl.Series) -> pl.Series:
    """Return Int64 microseconds since the epoch, null where a text does not match the pattern.

    `stamps` are the records' timestamps in milliseconds, negative where there is none. Times without a zone are UTC.
    """
    if _FRACTION in pattern:
        texts = texts.str.replace_all(",", ".", literal=True)
    if _YEARS.search(pattern):
        return _parsed(texts, pattern)
    table = pl.DataFrame({"text": texts, "stamp": stamps})
    moment = pl.when(pl.col("stamp") >= 0).then(pl.col("stamp")).cast(pl.Datetime("ms"))
    years = table.select(moment.dt.year().fill_null(NO_YEAR))["stamp"]
    this, last = _in_year(texts, pattern, years), _in_year(texts, pattern, years - 1)
    latest = stamps * 1_000 + _DAY_US
    return this.zip_with(((stamps < 0) | (this <= latest)).fill_null(value=True), last)


def times_of(texts: pl.Series, pattern: str | None) -> pl.Series:
    """Return the microseconds of texts that are not in records, null where one is not a time."""
    if pattern is None:
        return micros_of(texts)
    return read_times(texts, pattern, pl.repeat(-1, len(texts), dtype=pl.Int64, eager=True))


def _in_year(texts: pl.Series, pattern: str, years: pl.Series) -> pl.Series:
    dated = bool(_DAYS.search(pattern))
    head = years.cast(pl.String) + (" " if dated else " 01 01 ")
    return _parsed(head + texts, f"%Y {pattern}" if dated else f"%Y %m %d {pattern}")


def _parsed(texts: pl.Series, pattern: str) -> pl.Series:
    zoned = "%z" in pattern or "%:z" in pattern
    moments = texts.str.to_datetime(pattern, time_unit="us", time_zone="UTC" if zoned else None, strict=False)
    return moments.to_physical().alias("micros")
