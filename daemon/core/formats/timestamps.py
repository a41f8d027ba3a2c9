"""Times as text to microseconds since the epoch, UTC.

Epochs in s, ms, us or ns are distinguished by magnitude: below 1e11 seconds (the year 5138), below 1e14
milliseconds, below 1e17 microseconds, else nanoseconds, or the ticks of Windows or .NET. Digits that are a date
(``20261122104107``) are one. RFC 3339 in its common form is read by polars; every other written date by `calendar`;
TAI64N labels and .NET's ``/Date(...)/`` here.
"""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daemon.core.formats.calendar import read_calendar
from daemon.core.formats.calendar_dialects import COMPACT

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_TAI_EPOCH = 0x4000_0000_0000_0000
_TAI_LEAD = 10
"""Seconds that TAI was ahead of UTC in 1970. Loggers write TAI64N labels with these: they ignore leap seconds."""
_WINDOWS_EPOCH, _DOTNET_EPOCH = 116_444_736_000_000_000, 621_355_968_000_000_000
"""1970 in ticks of 100 ns, since 1601 (Windows' FILETIME) and since the year 1 (.NET)."""
_WINDOWS = (_WINDOWS_EPOCH, 315_000_000_000_000_000)
"""FILETIMEs from 1970 to 2599. As nanoseconds they are times before 1980."""
_DOTNET = (630_822_816_000_000_000, 662_380_416_000_000_000)
"""Ticks from 2000 to 2100. As nanoseconds they are times in 1990, when nobody logged nanoseconds."""
_AROUND = " \t[](){}<>\"',;:|"
_ZONE_NAME = r"\[[A-Za-z_/+-]+\]$"  # as Java writes it after the offset: 2026-11-22T10:41:07+01:00[Europe/Berlin]


def micros_of(texts: pl.Series) -> pl.Series:
    """Return Int64 microseconds, null where a text is null or not a time; one without a year is in the year 2000."""
    return parse_times(texts)["micros"]


def parse_times(texts: pl.Series) -> pl.DataFrame:
    """Return a table (micros, yearless), one row per text; micros as `micros_of` returns them."""
    plain = _plain(texts)
    if plain is not None:
        return _table(plain)
    common = texts.str.strip_chars().str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False).to_physical()
    if common.null_count() == texts.null_count():
        return _table(common)
    rest = texts.filter(common.is_null() & texts.is_not_null()).unique()
    known = pl.DataFrame({"text": rest}).with_columns(_read_rest(rest))
    others = pl.DataFrame({"text": texts}).join(known, on="text", how="left", maintain_order="left")
    return others.select(micros=pl.coalesce(common, "micros"), yearless=pl.col("yearless").fill_null(value=False))


def _table(micros: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"micros": micros, "yearless": pl.repeat(False, len(micros), dtype=pl.Boolean, eager=True)})


def _read_rest(texts: pl.Series) -> pl.DataFrame:
    """Return a table (micros, yearless) of unusual times; called once for each distinct text of a batch."""
    texts = texts.str.strip_chars().str.replace(_ZONE_NAME, "").str.strip_prefix("ISODate").str.strip_chars(_AROUND)
    numbers = pl.DataFrame({"text": texts}).select(
        pl.coalesce(
            _epoch(pl.col("text")),
            _epoch(pl.col("text").str.extract(r"^(-?\d+,\d+)$").str.replace(",", ".", literal=True)),
            _epoch(pl.col("text").str.extract(r"^/Date\((-?\d+)(?:[+-]\d{4})?\)/$")),
            _tai64n(pl.col("text")),
        ).alias("micros")
    )["micros"]
    numbers = numbers.set(texts.str.contains(COMPACT), None)
    written = read_calendar(texts.filter(numbers.is_null()))
    table = _table(numbers).with_row_index("at")
    table = table.filter(numbers.is_not_null()).vstack(written.insert_column(0, table["at"].filter(numbers.is_null())))
    return table.sort("at").drop("at")


def _tai64n(text: pl.Expr) -> pl.Expr:
    """Microseconds of a TAI64N label, as multilog and runit's svlogd write it."""
    label = text.str.extract_groups(r"^@(?P<seconds>[0-9a-fA-F]{16})(?P<nanos>[0-9a-fA-F]{8})$")
    seconds = label.struct.field("seconds").str.to_integer(base=16, strict=False) - _TAI_EPOCH - _TAI_LEAD
    return seconds * 1_000_000 + label.struct.field("nanos").str.to_integer(base=16, strict=False) // 1_000


_SHORTEST, _LONGEST = len("2026-11-22T10:41:07"), len("2026-11-22T10:41:07.123456789")
_MARKS = {4: "-", 7: "-", 10: "T", 13: ":", 16: ":"}
_DATE = (1_000_0000, 100_0000, 10_0000, 1_0000, 10_00, 1_00, 10, 1)
_ZONE = re.compile(r"Z|([+-])(0[0-9]|1[0-4]):([0-5][0-9])$")
"""The zone at the end of a plain time; more than 14 hours are none."""


def _plain(texts: pl.Series) -> pl.Series | None:
    """Read a column whose every text is ``YYYY-MM-DDThh:mm:ss.fZ`` of one length, as machines write them; else None.

    The zone may be ``+hh:mm`` too, the same in all. The result is that for any RFC 3339 time, in half of the time.
    """
    sizes = texts.str.len_bytes()
    whole = sizes.min()
    if texts.null_count() or not isinstance(whole, int) or whole != sizes.max():
        return None
    zone = _ZONE.search(texts.item(0))
    size = whole - len(zone[0]) if zone is not None else 0
    if zone is None or not _SHORTEST <= size <= _LONGEST or size == _SHORTEST + 1:
        return None
    marks = {**_MARKS, **dict(enumerate(zone[0], size))} | ({_SHORTEST: "."} if size > _SHORTEST else {})
    table = np.frombuffer(texts.str.join("").item().encode("utf-8", "surrogatepass"), np.uint8).reshape(-1, whole)
    digits = np.delete(table, list(marks), axis=1) - np.uint8(ord("0"))
    if (table[:, list(marks)] != np.array([ord(mark) for mark in marks.values()])).any() or (digits > 9).any():
        return None
    hour, minute, second = (10 * digits[:, place] + digits[:, place + 1] for place in (8, 10, 12))
    if hour.max() > 23 or minute.max() > 59 or second.max() > 59:
        return None
    midnights = _midnights(digits[:, :8])
    if midnights is None:
        return None
    seconds = midnights + hour * np.int64(3_600) + minute * np.int64(60) + second - _ahead(zone)
    fraction = np.zeros(len(digits), np.int64)
    for place in range(14, 20):
        fraction *= 10
        if place < digits.shape[1]:
            fraction += digits[:, place]
    return pl.Series(texts.name, seconds * 1_000_000 + fraction, dtype=pl.Int64)


def _ahead(zone: re.Match[str]) -> int:
    """Return by how many seconds a zone is ahead of UTC."""
    sign, hours, minutes = zone.groups()
    return 0 if sign is None else int(f"{sign}1") * (3_600 * int(hours) + 60 * int(minutes))


def _midnights(dates: NDArray[np.uint8]) -> NDArray[np.int64] | None:
    """Return the epoch's seconds at which days begin, given as (n, 8) digits; None where a day does not exist."""
    once = dates[:1] if (dates == dates[0]).all() else dates
    days, which = np.unique(once @ np.array(_DATE), return_inverse=True)
    try:
        ordinals = [date(day // 10_000, day // 100 % 100, day % 100).toordinal() for day in days.tolist()]
    except ValueError:
        return None
    return (np.array(ordinals, np.int64)[which] - _EPOCH_ORDINAL) * 86_400


def _epoch(text: pl.Expr) -> pl.Expr:
    """Microseconds of a decimal number; whole ones without going through a float."""
    whole = text.cast(pl.Int64, strict=False)
    size = whole.abs()
    exact = (
        pl.when(size < 10**11)
        .then(whole * 1_000_000)
        .when(size < 10**14)
        .then(whole * 1_000)
        .when(size < 10**17)
        .then(whole)
        .otherwise(whole // 1_000)
    )
    exact = pl.when(size.is_between(*_WINDOWS)).then((whole - _WINDOWS_EPOCH) // 10).otherwise(exact)
    exact = pl.when(size.is_between(*_DOTNET)).then((whole - _DOTNET_EPOCH) // 10).otherwise(exact)
    number = text.cast(pl.Float64, strict=False)
    magnitude = number.abs()
    rough = (
        pl.when(magnitude < 1e11)
        .then(number * 1e6)
        .when(magnitude < 1e14)
        .then(number * 1e3)
        .when(magnitude < 1e17)
        .then(number)
        .otherwise(number / 1e3)
    )
    return pl.coalesce(exact, rough.round().cast(pl.Int64, strict=False))
