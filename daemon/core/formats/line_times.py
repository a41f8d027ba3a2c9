"""Every line's time: its own where that can be read and is plausible, else its record's, else that of the line before.

A time without a year gets the year that fits: that of the last such moment up to a day after the record's
timestamp; in files, which have none, the year in which it is nearest to the line before. A file's first line takes
its year from when the file was last written, where that is known.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from daemon.core.formats.calendar import NO_YEAR, days_in
from daemon.core.formats.stream_clock import StreamClock
from daemon.core.types import TimeCounts

EARLIEST = 315_532_800_000_000
"""1980-01-01: a clock that shows an earlier time has not been set."""
LATEST = 253_402_300_800_000_000
"""Upper bound: the year 10000."""
DAY = 86_400_000_000
_HALF_YEAR = 183 * DAY
_LEAP_CYCLE = 9
"""So many years in a row always contain a 29 February."""


class LineTimes:
    """Settles the times of one partition's lines; remembers the last line's time. Times are microseconds.

    `written` is when the newest of the files was last written, where the lines come from files.
    """

    def __init__(self, max_lead: int, written: int | None = None) -> None:
        self._clock = StreamClock(max_lead)
        self._written = written
        self._last = 0
        self._last_yearless: tuple[int, int] | None = None
        """Of a file's last line without a year: its moment in the year `NO_YEAR`, and its year."""

    def settle(self, times: pl.DataFrame, stamps: pl.Series, unreadable: int) -> tuple[pl.DataFrame, TimeCounts]:
        """Return a table (time, clock) of lines in reading order, and what was counted.

        `times` has the columns micros (null where a line has no time that can be read) and yearless, `stamps` the
        records' times (null where there is none). `clock` is the line's time on the stream's clock.
        """
        micros = self._with_years(times, stamps) if times["yearless"].any() else times["micros"]
        table = pl.DataFrame({"micros": micros, "stamp": stamps})
        own, stamp = pl.col("micros"), pl.col("stamp")
        plausible = (own >= EARLIEST) & (own < LATEST) & ((own <= stamp + DAY) | stamp.is_null())
        table = table.select(
            pl.coalesce(pl.when(plausible).then(own), stamp).forward_fill().fill_null(self._last).alias("time"),
            stamp.fill_null(-1).alias("stamp"),
            (own.is_not_null() & ~plausible).alias("implausible"),
        )
        if table.is_empty():
            return table.select("time", clock="time"), TimeCounts()
        self._last = table["time"][-1]
        clock, held_back = self._clock.read(table["time"].to_numpy(), table["stamp"].to_numpy())
        counts = TimeCounts(int(table["implausible"].sum()), unreadable, held_back)
        return table.select("time", pl.Series("clock", clock, dtype=pl.Int64)), counts

    def _with_years(self, times: pl.DataFrame, stamps: pl.Series) -> pl.Series:
        """Return micros; those without a year are moved to the year that fits."""
        table = times.with_columns(stamps.alias("stamp")).with_row_index("at")
        bare = table.filter("yearless", pl.col("micros").is_not_null())
        stamped = bare.filter(pl.col("stamp").is_not_null())
        years = [stamped.select("at", year=_year_of_stamp())]
        loose = bare.filter(pl.col("stamp").is_null())
        if len(loose):
            years.append(loose.select("at").with_columns(self._years_in_file(loose["micros"]).alias("year")))
        known = pl.concat(years)
        moved = bare.join(known, on="at", maintain_order="left").select("at", moved=_in_year(pl.col("year")))
        table = table.join(moved, on="at", how="left", maintain_order="left")
        return table.select(pl.coalesce("moved", "micros"))["moved"].alias("micros")

    def _years_in_file(self, micros: pl.Series) -> pl.Series:
        """Return the year of each moment of the year `NO_YEAR`: a step of over half a year crosses a new year."""
        moments = micros.to_numpy()
        if self._last_yearless is None:
            self._last_yearless = int(moments[0]), self._first_year(micros)
        last, year = self._last_yearless
        steps = np.diff(moments, prepend=last)
        years = year + np.cumsum((steps < -_HALF_YEAR).astype(np.int64) - (steps > _HALF_YEAR))
        self._last_yearless = int(moments[-1]), int(years[-1])
        return pl.Series(years)

    def _first_year(self, micros: pl.Series) -> int:
        """Return the year of a file's first line. Where nothing tells, the next 29 February after it exists."""
        months = micros.cast(pl.Datetime("us")).dt.month()
        unknown = NO_YEAR if int(months[0]) <= 2 else NO_YEAR - 1
        if self._written is None:
            return unknown
        first = pl.DataFrame({"micros": micros[:1], "stamp": [self._written]})
        return int(first.select(_year_of_stamp())[0, 0])


def _in_year(year: pl.Expr) -> pl.Expr:
    """Return `micros`, a moment of the year `NO_YEAR`, in another year: 29 February is the 28th where there is none."""
    moment = pl.col("micros").cast(pl.Datetime("us"))
    month, day = moment.dt.month().cast(pl.Int64), moment.dt.day().cast(pl.Int64)
    day = pl.min_horizontal(day, days_in(year, month))
    return pl.datetime(year, month, day, time_unit="us").to_physical() + pl.col("micros") % DAY


def _has_day(year: pl.Expr) -> pl.Expr:
    """Return whether another year has the day of `micros`."""
    moment = pl.col("micros").cast(pl.Datetime("us"))
    return moment.dt.day().cast(pl.Int64) <= days_in(year, moment.dt.month().cast(pl.Int64))


def _year_of_stamp() -> pl.Expr:
    """Return the year of the last such moment up to a day after the record's timestamp."""
    latest = pl.col("stamp").cast(pl.Datetime("us")).dt.offset_by("1d").dt.year().cast(pl.Int64)
    candidates = [
        pl.when(_has_day(latest - back) & (_in_year(latest - back) <= pl.col("stamp") + DAY)).then(latest - back)
        for back in range(_LEAP_CYCLE)
    ]
    return pl.coalesce(*candidates)
