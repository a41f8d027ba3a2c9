"""Written dates and times to microseconds: every dialect is one pattern, applied to a whole column.

The arithmetic is shared. A part that a dialect leaves out is 0. A time without a
zone is UTC. A time without a year is returned in the year 2000 and marked, so that the caller can complete it.
"""

from __future__ import annotations

import polars as pl

from daemon.core.formats.calendar_dialects import DIALECTS, REGION
from daemon.core.formats.calendar_names import MONTHS, ZONES, in_signs
from daemon.core.types import HOUR_US, MINUTE_US

NO_YEAR = 2000
"""The year of a time without one: a leap year, so that it has a 29 February."""
_DAY = 24 * HOUR_US
_TEXTS = ("year", "late_year", "month", "mark", "fraction", "half", "zone")
_NUMBERS = ("day", "first", "other", "week", "weekday", "ordinal", "hour", "minute", "second")


def read_calendar(texts: pl.Series) -> pl.DataFrame:
    """Return a table (micros, yearless), null micros where a text is not a date of any dialect."""
    table = pl.DataFrame({"at": pl.int_range(len(texts), eager=True), "text": in_signs(texts)})
    parsed = []
    for dialect in DIALECTS:
        parts = table["text"].str.extract_groups(dialect).struct.unnest()
        hit = parts.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
        if hit.any():
            parsed.append(_micros(parts.filter(hit)).with_columns(table["at"].filter(hit)))
            table = table.filter(~hit)
        if table.is_empty():
            break
    rest = table.select("at", micros=pl.lit(None, pl.Int64), yearless=pl.lit(value=False))
    columns = ["at", "micros", "yearless"]
    return pl.concat([*(part.select(columns) for part in parsed), rest]).sort("at").drop("at")


def days_in(year: pl.Expr, month: pl.Expr) -> pl.Expr:
    """Return the number of days of a month."""
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    short = pl.when(leap).then(29).otherwise(28)
    return pl.when(month == 2).then(short).otherwise(30 + (month + month // 8) % 2)


def days_before(year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
    """Return the days from 1970-01-01 to a date of the Gregorian calendar (after H. Hinnant, days_from_civil)."""
    year = pl.when(month <= 2).then(year - 1).otherwise(year)
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def _micros(parts: pl.DataFrame) -> pl.DataFrame:
    """Return (micros, yearless) of matched parts, null where they are not a valid time."""
    absent = [pl.lit(None, pl.String).alias(name) for name in (*_TEXTS, *_NUMBERS) if name not in parts.columns]
    table = parts.with_columns(absent).with_columns(
        year=pl.coalesce("year", "late_year").cast(pl.Int64),
        month=_month(pl.col("month")),
        **{name: pl.col(name).cast(pl.Int64) for name in _NUMBERS[:-3]},
        **{name: pl.col(name).cast(pl.Int64).fill_null(0) for name in ("hour", "minute", "second")},
        fraction=pl.col("fraction")
        .str.strip_chars_start(".,")
        .fill_null("0")
        .str.pad_end(6, "0")
        .str.head(6)
        .cast(pl.Int64),
        half=pl.col("half").str.to_lowercase(),
    )
    # With slashes the month is first, as in North America, if the number can be a month; else if only it can be one.
    month_first = (pl.col("first") <= 12) & ((pl.col("mark") == "/") | (pl.col("other") > 12))
    table = table.with_columns(
        month=pl.coalesce("month", pl.when(month_first).then("first").otherwise("other")),
        day=pl.coalesce("day", pl.when(month_first).then("other").otherwise("first")),
        yearless=pl.col("year").is_null(),
        year=pl.when(pl.col("year") < 100).then(pl.col("year") + 2000).otherwise(pl.col("year")).fill_null(NO_YEAR),
    )
    hour = pl.col("hour")
    twelve = pl.col("half").is_not_null()
    hours = pl.when(twelve).then(hour % 12 + pl.when(pl.col("half") == "p").then(12).otherwise(0)).otherwise(hour)
    seconds = hours * 3_600 + pl.col("minute") * 60 + pl.col("second")
    valid = (
        pl.when(twelve).then(hour.is_between(1, 12)).otherwise((hour <= 23) | (seconds == 86_400))
        & (pl.col("minute") <= 59)
        & (pl.col("second") <= 60)
    )
    local = pl.coalesce(_day_of_date(), _day_of_week(), _day_of_year()) * _DAY + seconds * 1_000_000
    local += pl.col("fraction")
    table = table.select("zone", "yearless", micros=pl.when(valid).then(local))
    return _in_utc(table)


def _day_of_date() -> pl.Expr:
    """Return the days from 1970 to a date of year, month and day; null where there is no such day."""
    year, month, day = (pl.col(name) for name in ("year", "month", "day"))
    exists = month.is_between(1, 12) & day.is_between(1, days_in(year, month))
    return pl.when(exists).then(days_before(year, month, day))


def _day_of_week() -> pl.Expr:
    """Return the days from 1970 to a date of year, week and weekday (ISO 8601); null where there is no such week."""
    year, week = pl.col("year"), pl.col("week")
    day = _first_monday(year) + 7 * (week - 1) + pl.col("weekday") - 1
    return pl.when((week >= 1) & (day < _first_monday(year + 1))).then(day)


def _first_monday(year: pl.Expr) -> pl.Expr:
    """Return the days from 1970 to the Monday of a year's first week, which has 4 January in it."""
    fourth = days_before(year, pl.lit(1, pl.Int64), pl.lit(4, pl.Int64))
    return fourth - (fourth + 3) % 7


def _day_of_year() -> pl.Expr:
    """Return the days from 1970 to a date of year and day of the year; null where there is no such day."""
    first = days_before(pl.col("year"), pl.lit(1, pl.Int64), pl.lit(1, pl.Int64))
    next_first = days_before(pl.col("year") + 1, pl.lit(1, pl.Int64), pl.lit(1, pl.Int64))
    day = first + pl.col("ordinal") - 1
    return pl.when((day >= first) & (day < next_first)).then(day)


def _month(text: pl.Expr) -> pl.Expr:
    name = text.str.to_lowercase()
    known = (name.str.head(size).replace_strict(MONTHS, default=None, return_dtype=pl.Int64) for size in (4, 3))
    return pl.coalesce(text.cast(pl.Int64, strict=False), *known)


def _in_utc(table: pl.DataFrame) -> pl.DataFrame:
    """Return (micros, yearless) with local times converted to UTC; null where the zone is not known."""
    zone = pl.col("zone").fill_null("")
    digits = zone.str.replace(r"^[A-Za-z]+([+-])", "$1")
    numeric = digits.str.extract_groups(r"^(?P<sign>[+-])(?P<h>[0-9]{1,2}):?(?P<m>[0-9]{2})?$")
    hours, minutes = (numeric.struct.field(name).cast(pl.Int64).fill_null(0) for name in ("h", "m"))
    east = (hours * 60 + minutes) * MINUTE_US * pl.when(numeric.struct.field("sign") == "-").then(-1).otherwise(1)
    named = zone.str.to_uppercase().replace_strict(ZONES, default=None, return_dtype=pl.Float64) * HOUR_US
    offset = pl.when(numeric.struct.field("sign").is_not_null()).then(east).otherwise(named.cast(pl.Int64))
    converted = table.with_columns(utc=pl.col("micros") - offset)
    regions = table["zone"].filter(table["zone"].str.contains(f"^(?:{REGION})$")).unique().drop_nulls()
    for region in regions:
        utc = _of_region(converted["micros"], region)
        converted = converted.with_columns(pl.when(pl.col("zone") == region).then(utc).otherwise("utc").alias("utc"))
    return converted.select(micros="utc", yearless="yearless")


def _of_region(local: pl.Series, region: str) -> pl.Series:
    """Return UTC micros of local ones in a zone such as ``Europe/Berlin``; of an hour that occurs twice, the first."""
    moments = local.cast(pl.Datetime("us"))
    try:
        zoned = moments.dt.replace_time_zone(region, ambiguous="earliest", non_existent="null")
    except pl.exceptions.PolarsError:  # the zone does not exist
        return pl.repeat(None, len(local), dtype=pl.Int64, eager=True)
    return zoned.to_physical()
