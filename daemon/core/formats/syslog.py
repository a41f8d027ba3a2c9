"""Syslog: lines of RFC 5424 and RFC 3164, each dialect read with one pattern over the whole column.

A line that has the header of neither is taken as it is: shippers mix dialects, and a plain line is still a line.
"""

from __future__ import annotations

import polars as pl

from daemon.core.formats.base import ReaderOutput
from daemon.core.formats.levels import SYSLOG
from daemon.core.formats.raw import RawReader, with_header
from daemon.core.types import Batch

_RFC_5424 = (
    r"^<(?P<pri>\d{1,3})>\d{1,2} (?P<time>\S+) (?P<host>\S+) (?P<app>\S+) (?P<process>\S+) \S+ "
    r'(?:-|(?:\[(?:[^\]\\"]|"(?:[^"\\]|\\.)*")*\])+)(?: \x{feff}?(?P<message>.*))?$'
)
_RFC_3164 = (
    r"^(?:<(?P<pri>\d{1,3})>)?(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) (?P<host>\S+) "
    r"(?P<app>[^\s:\[]+)(?:\[(?P<process>[^\]]*)\])?: ?(?P<message>.*)$"
)
_NO_YEAR = 2000
"""The year of a line without one in a record without a timestamp: distances are right, and it is a leap year."""
_DAY = pl.duration(days=1)


class SyslogReader:
    """RFC 5424 and RFC 3164: scope is the program, key its host and process, level the severity."""

    def __call__(self, batch: Batch) -> ReaderOutput:
        """Read the values of a batch; see `Reader`."""
        raw = RawReader()(batch)
        message = raw.table["message"]
        new = message.str.extract_groups(_RFC_5424).struct.unnest()
        old = message.str.extract_groups(_RFC_3164).struct.unnest()
        header = _either(new, old)
        stamp = pl.Series(batch.timestamps, dtype=pl.Int64).gather(raw.table["row"])
        time = _with_year(header["time"], stamp)
        severity = pl.col("pri").cast(pl.Int64, strict=False) % 8
        header = header.select(
            "message",
            time.set(time == "-", None).alias("time"),
            _named("app").alias("scope"),
            pl.concat_str(_named("host"), _named("process"), separator="/", ignore_nulls=True)
            .replace("", None)
            .alias("key"),
            severity.replace_strict(dict(enumerate(SYSLOG)), default=None, return_dtype=pl.String).alias("level"),
        )
        return ReaderOutput(with_header(raw.table, header), raw.rejects)


def _named(name: str) -> pl.Expr:
    """Return a header's part, null where it is ``-``, which stands for an absent part."""
    return pl.when(pl.col(name) != "-").then(pl.col(name))


def _either(new: pl.DataFrame, old: pl.DataFrame) -> pl.DataFrame:
    """Return the parts of the newer dialect where it matched, else those of the older."""
    is_new = new["app"].is_not_null()
    return pl.DataFrame({name: new[name].zip_with(is_new, old[name]) for name in old.columns})


def _with_year(times: pl.Series, stamps: pl.Series) -> pl.Series:
    """Return times; those without a year as epoch microseconds of the last such moment up to a day after the record."""
    table = pl.DataFrame({"time": times, "stamp": stamps})
    moment = pl.when(pl.col("stamp") >= 0).then(pl.col("stamp")).cast(pl.Datetime("ms"))
    year = moment.dt.year().fill_null(_NO_YEAR)

    def in_year(value: pl.Expr) -> pl.Expr:
        text = pl.concat_str(
            value.cast(pl.String), pl.lit(" "), pl.col("time").str.replace_all("  ", " 0", literal=True)
        )
        return text.str.to_datetime("%Y %b %d %H:%M:%S", time_unit="us", strict=False)

    ahead = in_year(year) > moment + _DAY
    found = pl.when(ahead.fill_null(value=False)).then(in_year(year - 1)).otherwise(in_year(year))
    return table.select(pl.coalesce(found.to_physical().cast(pl.String), "time").alias("time"))["time"]
