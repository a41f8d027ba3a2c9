"""Times as text to microseconds since the epoch, UTC.

RFC 3339 in its common dress (any offset or none, which means UTC; ``T`` or a space; a comma or a point), the access
log's ``22/Nov/2026:18:01:20 +0000``, and epochs in s, ms, us or ns, told apart by their magnitude: below 1e11 seconds
(the year 5138), below 1e14 milliseconds, below 1e17 microseconds, else nanoseconds.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros_of(texts: pl.Series) -> pl.Series:
    """Return Int64 microseconds, null where a text is null or not a time."""
    plain = _plain(texts)
    if plain is not None:
        return plain
    texts = texts.str.strip_chars()
    common = texts.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False).to_physical()
    if common.null_count() == texts.null_count():
        return common
    rest = texts.filter(common.is_null() & texts.is_not_null()).unique()
    numbers = pl.DataFrame({"text": rest}).with_columns(_epoch(pl.col("text")).alias("micros"))
    strange = numbers.filter(pl.col("micros").is_null())["text"]
    known = numbers.filter(pl.col("micros").is_not_null())
    words = pl.DataFrame(
        {"text": strange, "micros": [_parse(text) for text in strange]}, schema={"text": pl.String, "micros": pl.Int64}
    )
    table = pl.concat([known, words])
    others = pl.DataFrame({"text": texts}).join(table, on="text", how="left", maintain_order="left")["micros"]
    return pl.DataFrame({"a": common, "b": others}).select(pl.coalesce("a", "b"))["a"]


_SHORTEST, _LONGEST = len("2026-11-22T10:41:07Z"), len("2026-11-22T10:41:07.123456789Z")
_MARKS = {4: "-", 7: "-", 10: "T", 13: ":", 16: ":"}
_DATE = (1_000_0000, 100_0000, 10_0000, 1_0000, 10_00, 1_00, 10, 1)


def _plain(texts: pl.Series) -> pl.Series | None:
    """Read a column whose every text is ``YYYY-MM-DDThh:mm:ss.fZ`` of one length, as machines write them; else None.

    The result is that of reading any RFC 3339, in a third of the time.
    """
    sizes = texts.str.len_bytes()
    size = sizes.min()
    if texts.null_count() or not isinstance(size, int) or size != sizes.max() or not _SHORTEST <= size <= _LONGEST:
        return None
    marks = {**_MARKS, size - 1: "Z"} | ({19: "."} if size > _SHORTEST else {})
    table = np.frombuffer(texts.str.join("").item().encode("utf-8", "surrogatepass"), np.uint8).reshape(-1, size)
    digits = np.delete(table, list(marks), axis=1) - np.uint8(ord("0"))
    if (table[:, list(marks)] != np.array([ord(mark) for mark in marks.values()])).any() or (digits > 9).any():
        return None
    hour, minute, second = (10 * digits[:, place] + digits[:, place + 1] for place in (8, 10, 12))
    if size == _SHORTEST + 1 or hour.max() > 23 or minute.max() > 59 or second.max() > 59:
        return None
    midnights = _midnights(digits[:, :8])
    if midnights is None:
        return None
    seconds = midnights + hour * np.int64(3_600) + minute * np.int64(60) + second
    fraction = np.zeros(len(digits), np.int64)
    for place in range(14, 20):
        fraction *= 10
        if place < digits.shape[1]:
            fraction += digits[:, place]
    return pl.Series(texts.name, seconds * 1_000_000 + fraction, dtype=pl.Int64)


def _midnights(dates: NDArray[np.uint8]) -> NDArray[np.int64] | None:
    """Return the epoch's seconds at which days begin, given as (n, 8) digits; None where there is no such day."""
    once = dates[:1] if (dates == dates[0]).all() else dates
    days, which = np.unique(once @ np.array(_DATE), return_inverse=True)
    try:
        ordinals = [date(day // 10_000, day // 100 % 100, day % 100).toordinal() for day in days.tolist()]
    except ValueError:
        return None
    return (np.array(ordinals, np.int64)[which] - _EPOCH.toordinal()) * 86_400


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


def _parse(text: str) -> int | None:
    """Read one unusual time; called once for each distinct text of a batch."""
    for read in (_iso, _access_log):
        moment = read(text)
        if moment is not None:
            aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            return (aware - _EPOCH) // _MICROSECOND
    return None


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.upper()) if len(text) >= 16 else None
    except ValueError:
        return None


def _access_log(text: str) -> datetime | None:
    try:
        return datetime.strptime(text.strip("[]"), "%d/%b/%Y:%H:%M:%S %z")
    except ValueError:
        return None
