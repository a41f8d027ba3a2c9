"""Every line's time: its own where that can be read and is plausible, else its record's, else that of the line before.

A time without a year gets the year that fits: that of the last such moment up to a day after the record's
timestamp; in files, which have none, the year in which it is nearest to the line before. A file's first line takes
its year from when the file was last written, where that is known.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from daemon.core.formats.calendar import NO_YEAR, days_in
from daemon.core.formats.stream_clock import StreamClock, Times
from daemon.core.types import TimeCounts

EARLIEST = 315_532_800_000_000
"""1980-01-01: a clock that shows an earlier time has not been set."""
LATEST = 253_402_300_800_000_000
"""Upper bound: the year 10000."""
DAY = 86_400_000_000
_NONE = np.iinfo(np.int64).min
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

    def settle(self, times: pl.DataFrame, stamps: Times, unreadable: int) -> tuple[Times, Times, TimeCounts]:
        """Return the time of each line in reading order, the same on the stream's clock, and what was counted.

        `times` has the columns micros (null where a line has no time that can be read) and yearless, `stamps` are the
        records' times (-1 where there is none).
        """
        micros = self._with_years(times, stamps) if times["yearless"].any() else times["micros"]
        own = micros.fill_null(_NONE).to_numpy() if micros.null_count() else micros.to_numpy()
        plausible = (own >= EARLIEST) & (own < LATEST) & ((own <= stamps + DAY) | (stamps < 0))
        settled = np.where(plausible, own, stamps)
        if not len(settled):
            return settled, settled, TimeCounts()
        known = plausible | (stamps >= 0)
        if not known.all():
            latest = np.maximum.accumulate(np.where(known, np.arange(len(settled)), -1))
            settled = np.where(latest < 0, self._last, settled[latest])
        self._last = int(settled[-1])
        clock, held_back = self._clock.read(settled, stamps)
        return settled, clock, TimeCounts(int(((own != _NONE) & ~plausible).sum()), unreadable, held_back)

    def _with_years(self, times: pl.DataFrame, stamps: Times) -> pl.Series:
        """Return micros; those without a year are moved to the year that fits."""
        stamp = pl.Series("stamp", stamps)
        table = times.with_columns(stamp.set(stamp < 0, None)).with_row_index("at")
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
