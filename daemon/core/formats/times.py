"""Times as text to microseconds since the epoch, UTC.

RFC 3339 in its common dress (any offset or none, which means UTC; ``T`` or a space; a comma or a point), the access
log's ``22/Nov/2026:18:01:20 +0000``, and epochs in s, ms, us or ns, told apart by their magnitude: below 1e11 seconds
(the year 5138), below 1e14 milliseconds, below 1e17 microseconds, else nanoseconds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros_of(texts: pl.Series) -> pl.Series:
    """Return Int64 microseconds, null where a text is null or no time."""
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
