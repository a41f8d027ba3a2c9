"""Written dates and times to microseconds: every dialect is one pattern, applied to a whole column.

A pattern names the parts of a time; the arithmetic is shared. A part that a dialect leaves out is 0. A time without a
zone is UTC. A time without a year is returned in the year 2000 and marked, so that the caller can complete it.
"""

from __future__ import annotations

import polars as pl

_TIME = (
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,:](?P<fraction>\d{1,9}))?)?"
    r"(?:[ \x{202f}]?(?P<half>[AaPp])\.?[Mm]\.?)?"
)
_OFFSET = r"[+-]\d{1,2}(?::?\d{2})?"
_ZONE = rf"(?: ?(?P<zone>{_OFFSET}|(?:GMT|UTC){_OFFSET}|[A-Za-z]{{1,5}}|[A-Za-z]+/[A-Za-z_/+-]+))?"
_REST = r"(?: \(?[A-Za-z][A-Za-z ]*\)?)?(?: m=[+-][\d.]+)?"  # Go and JavaScript repeat the zone
_WEEKDAY = r"(?:[A-Za-z]{3,9},? +)?"
_NAME = r"[A-Za-z]{3,9}\.?"
_YEAR, _DAY_OF_MONTH = r"(?P<year>\d{4})", r"(?P<day>\d{1,2})"

DIALECTS = tuple(
    "^" + "".join(parts) + "$"
    for parts in (
        # 2026-11-22 10:41:07,123 +0100; 2026/11/22 10:41:07; 2019-Nov-20 00:04:38.804; 2026-11-22
        (
            _YEAR,
            rf"[-/. ](?P<month>\d{{1,2}}|{_NAME})[-/. ]",
            _DAY_OF_MONTH,
            r"(?:(?:[T_:]|,? +)",
            _TIME,
            _ZONE,
            _REST,
            ")?",
        ),
        # 22/Nov/2026:18:01:20 +0000; Thu, 22 Nov 2018 10:41:07 GMT; 22-NOV-26 10.41.07.123 AM
        (
            _WEEKDAY,
            _DAY_OF_MONTH,
            rf"[-/. ](?P<month>{_NAME})[-/. ,]+(?P<year>\d{{4}}|\d\d)[: T,]+",
            _TIME,
            _ZONE,
            _REST,
        ),
        # Nov 22 10:41:07; May 27, 2020 11:11:17 AM; Wed Jul 15 11:13:07.315 CEST 2020; Nov 22 2026 10:41:07 GMT+0100
        (
            _WEEKDAY,
            rf"(?P<month>{_NAME}) +",
            _DAY_OF_MONTH,
            rf"(?:,? +{_YEAR})?,?[ T]+(?:at )?",
            _TIME,
            rf"{_ZONE}(?: +(?P<late_year>\d{{4}}))?",
            _REST,
        ),
        # 22.11.2026 10:41:07; 11/22/2026 10:41:07 AM
        (r"(?P<first>\d{1,2})(?P<mark>[./-])(?P<other>\d{1,2})[./-]", _YEAR, "(?:[ T_,]+", _TIME, _ZONE, _REST, ")?"),
        # 20261122T104107Z
        (
            _YEAR,
            r"(?P<month>\d\d)(?P<day>\d\d)[T _-](?P<hour>\d\d):?(?P<minute>\d\d):?(?P<second>\d\d)?",
            r"(?:[.,](?P<fraction>\d{1,9}))?",
            _ZONE,
        ),
        # 261122 10:41:07
        (r"(?P<year>\d\d)(?P<month>\d\d)(?P<day>\d\d) +", _TIME),
        # 1122 10:41:07.123456
        (r"[DIWEF]?(?P<month>\d\d)(?P<day>\d\d) +", _TIME),
    )
)
"""Patterns in the order in which they are tried."""

_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
ZONES = {
    **dict.fromkeys(("", "Z", "z", "UTC", "utc", "GMT", "WET", "UT"), 0.0),
    **dict.fromkeys(("BST", "CET", "MEZ", "WAT", "WEST"), 1.0),
    **dict.fromkeys(("CEST", "MESZ", "EET", "CAT", "SAST"), 2.0),
    **dict.fromkeys(("EEST", "MSK", "EAT", "TRT"), 3.0),
    "GST": 4.0,
    **dict.fromkeys(("PKT", "UZT"), 5.0),
    "IST": 5.5,
    **dict.fromkeys(("ICT", "WIB"), 7.0),
    **dict.fromkeys(("AWST", "HKT", "SGT", "PHT"), 8.0),
    **dict.fromkeys(("JST", "KST"), 9.0),
    "ACST": 9.5,
    "AEST": 10.0,
    "ACDT": 10.5,
    "AEDT": 11.0,
    "NZST": 12.0,
    "NZDT": 13.0,
    "NST": -3.5,
    **dict.fromkeys(("ADT", "BRT", "ART"), -3.0),
    **dict.fromkeys(("AST", "EDT"), -4.0),
    **dict.fromkeys(("EST", "CDT", "PET", "COT"), -5.0),
    **dict.fromkeys(("CST", "MDT"), -6.0),
    **dict.fromkeys(("MST", "PDT"), -7.0),
    **dict.fromkeys(("PST", "AKDT"), -8.0),
    "AKST": -9.0,
    "HST": -10.0,
}
"""Hours east of Greenwich of zone names. A name with two meanings has that of Europe, North America or India."""

NO_YEAR = 2000
"""The year of a time without one: a leap year, so that it has a 29 February."""
_HOUR, _DAY = 3_600_000_000, 86_400_000_000
_TEXTS = ("year", "late_year", "month", "mark", "fraction", "half", "zone")
_NUMBERS = ("day", "first", "other", "hour", "minute", "second")


def read_calendar(texts: pl.Series) -> pl.DataFrame:
    """Return a table (micros, yearless), null micros where a text is not a date of any dialect."""
    table = pl.DataFrame({"at": pl.int_range(len(texts), eager=True), "text": texts})
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
        **{name: pl.col(name).cast(pl.Int64) for name in ("day", "first", "other")},
        **{name: pl.col(name).cast(pl.Int64).fill_null(0) for name in ("hour", "minute", "second")},
        fraction=pl.col("fraction").fill_null("0").str.pad_end(6, "0").str.head(6).cast(pl.Int64),
        half=pl.col("half").str.to_lowercase(),
    )
    # With slashes the month is first, as in North America, if the number can be a month; else the day is first.
    month_first = (pl.col("mark") == "/") & (pl.col("first") <= 12)
    table = table.with_columns(
        month=pl.coalesce("month", pl.when(month_first).then("first").otherwise("other")),
        day=pl.coalesce("day", pl.when(month_first).then("other").otherwise("first")),
        yearless=pl.col("year").is_null(),
        year=pl.when(pl.col("year") < 100).then(pl.col("year") + 2000).otherwise(pl.col("year")).fill_null(NO_YEAR),
    )
    year, month, day, hour = (pl.col(name) for name in ("year", "month", "day", "hour"))
    twelve = pl.col("half").is_not_null()
    hours = pl.when(twelve).then(hour % 12 + pl.when(pl.col("half") == "p").then(12).otherwise(0)).otherwise(hour)
    valid = (
        month.is_between(1, 12)
        & day.is_between(1, days_in(year, month))
        & pl.when(twelve).then(hour.is_between(1, 12)).otherwise(hour <= 23)
        & (pl.col("minute") <= 59)
        & (pl.col("second") <= 60)
    )
    seconds = hours * 3_600 + pl.col("minute") * 60 + pl.col("second")
    local = days_before(year, month, day) * _DAY + seconds * 1_000_000 + pl.col("fraction")
    table = table.select("zone", "yearless", micros=pl.when(valid).then(local))
    return _in_utc(table)


def _month(text: pl.Expr) -> pl.Expr:
    name = text.str.head(3).str.to_lowercase()
    return pl.coalesce(
        text.cast(pl.Int64, strict=False), name.replace_strict(MONTHS, default=None, return_dtype=pl.Int64)
    )


def _in_utc(table: pl.DataFrame) -> pl.DataFrame:
    """Return (micros, yearless) with local times converted to UTC; null where the zone is not known."""
    zone = pl.col("zone").fill_null("")
    digits = zone.str.replace(r"^(?:GMT|UTC)([+-])", "$1")
    numeric = digits.str.extract_groups(r"^(?P<sign>[+-])(?P<h>\d\d?):?(?P<m>\d\d)?$")
    hours, minutes = (numeric.struct.field(name).cast(pl.Int64).fill_null(0) for name in ("h", "m"))
    east = (hours * 60 + minutes) * 60_000_000 * pl.when(numeric.struct.field("sign") == "-").then(-1).otherwise(1)
    named = zone.str.to_uppercase().replace_strict(ZONES, default=None, return_dtype=pl.Float64) * _HOUR
    offset = pl.when(numeric.struct.field("sign").is_not_null()).then(east).otherwise(named.cast(pl.Int64))
    converted = table.with_columns(utc=pl.col("micros") - offset)
    regions = table["zone"].filter(table["zone"].str.contains("/", literal=True)).unique().drop_nulls()
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
