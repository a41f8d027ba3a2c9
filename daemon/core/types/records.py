"""Fetched records, the lines that a format makes of them, and records to publish."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import polars as pl

LINES_SCHEMA: Mapping[str, pl.DataType] = {
    "position": pl.Int64(),
    "time": pl.Int64(),
    "scope": pl.String(),
    "key": pl.String(),
    "text": pl.String(),
    "clock": pl.Int64(),
}
"""A table of lines in reading order, as a format makes it. Masking redacts `text`, and adds `masked` and
may add `form`: rows with one number have one masked line.

`time` is the line's own, `clock` the one that moves stream time: the same, unless it is far from those of other lines.
A format that knows it adds `alike`, a number of the text's shape (see `daemon.core.kernel`), null or -1 where there is
none.
"""


MINUTE_US = 60_000_000
"""Microseconds of a minute."""
HOUR_US = 60 * MINUTE_US
"""Microseconds of an hour."""


class TopicPartition(NamedTuple):
    """One partition of one topic. In a backtest, the files are partition 0 of a topic named after them."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


@dataclass(frozen=True, slots=True)
class RefusedRange:
    """Records from offset `first` to `last` that a reader did not unpack. Their batch has one empty row, at `last`.

    `reason` and `detail` are those of the one dead letter that stands for them.
    """

    first: int
    last: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition in offset order, as columns of equal length.

    `timestamps` are the records' own, in milliseconds, or -1 where there is none (files). `headers` is empty where no
    record of the batch has any. `refusals` are in order; each has a row without key and value.
    """

    source: TopicPartition
    offsets: Sequence[int]
    timestamps: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[Sequence[tuple[str, bytes]]] = ()
    refusals: Sequence[RefusedRange] = ()

    def __len__(self) -> int:
        return len(self.offsets)

    def rows(self, rows: Sequence[int]) -> Batch:
        """Return some rows, in order, as a batch."""
        offsets = [self.offsets[row] for row in rows]
        return Batch(
            self.source,
            offsets,
            [self.timestamps[row] for row in rows],
            [self.keys[row] for row in rows],
            [self.values[row] for row in rows],
            [self.headers[row] for row in rows] if self.headers else (),
            [refusal for refusal in self.refusals if refusal.last in offsets] if self.refusals else (),
        )

    def since(self, offset: int) -> Batch:
        """Return the records from `offset` on."""
        start = bisect_left(self.offsets, offset)
        return self if start == 0 else self.rows(range(start, len(self)))

    def last(self, count: int) -> Batch:
        """Return the last `count` rows."""
        return self.rows(range(len(self) - count, len(self)))

    def readable(self) -> Sequence[int]:
        """Return the rows that are records."""
        refused = {refusal.last for refusal in self.refusals}
        if not refused:
            return range(len(self))
        return [row for row, offset in enumerate(self.offsets) if offset not in refused]

    def refused(self) -> list[Reject]:
        """Return a reject for each refusal."""
        return [
            Reject(bisect_left(self.offsets, refusal.last), refusal.last, refusal.reason, refusal.detail)
            for refusal in self.refusals
        ]


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that cannot be read as lines. It becomes one dead letter, and its batch is processed without it.

    `row` is its index in the batch. `reason` is a short stable word (a metric label). `detail` is a sentence that names
    the place (field, line, byte) and repeats nothing of the record's content.
    """

    row: int
    offset: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class TimeCounts:
    """How many lines' own times were not used as they are.

    `clamped` were implausible and `unreadable` could not be parsed: both got their record's time. `held_back` were so
    far ahead that they did not move stream time.
    """

    clamped: int = 0
    unreadable: int = 0
    held_back: int = 0

    def __add__(self, other: TimeCounts) -> TimeCounts:
        return TimeCounts(
            self.clamped + other.clamped, self.unreadable + other.unreadable, self.held_back + other.held_back
        )


NO_TIME_COUNTS = TimeCounts()


@dataclass(frozen=True, slots=True)
class Parsed:
    """One batch read by a format: a table of `LINES_SCHEMA`, and the records it could not read.

    `versions` are what lines state of their services: (scope, version, time, position) of the first line of each in
    each `HOUR_US` of event time, None where no line states one. The last `unread` records of the batch were not read,
    because those before them are enough at once; they must be given again.
    """

    lines: pl.DataFrame
    rejects: Sequence[Reject] = ()
    times: TimeCounts = NO_TIME_COUNTS
    versions: pl.DataFrame | None = None
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Update:
    """One record of the baseline's topic: a key and its whole new value (None deletes). Applying it is idempotent.

    `place` is its partition and offset, where it was read from the topic.
    """

    key: bytes
    value: bytes | None
    place: tuple[int, int] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class OutRecord:
    """One message to publish. `role` names the topic by its configuration key: alerts, dead_letters, baseline, ..."""

    role: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None

    def at(self, partition: int) -> OutRecord:
        """Return the same message for a partition of its topic."""
        return replace(self, partition=partition)
