"""The lines that a writer has read and not yet written: collected, and packed into blocks for a transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import blake2b

import polars as pl

from daemon.core.positions import Positions
from daemon.core.repartition.block import BlockHead, encode_block
from daemon.core.repartition.parts import NONE, in_order, whole_in, with_parts
from daemon.core.types import OutRecord, TopicPartition

BLOCK_BYTES = 1 << 20
"""Most bytes of text in a block, plus one line."""
FULL_LINES = 500_000
FULL_BYTES = 128 << 20
"""Approximate limits of what is collected. Beyond one of them, reading waits for the transaction."""
TELL_EVERY = 1_000_000
"""Microseconds of the clock after which a partition without lines is sent the time."""
SAY_AGAIN = 10.0
"""Seconds after which a writer reports again that it is idle, to show that it still runs."""
ROLE = "repartition"


def place_of(scope: str, key: str, partitions: int) -> int:
    """Return the partition of a session key: the same in every process and release."""
    digest = blake2b(f"{scope}\0{key}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % partitions


def place_of_scope(scope: str, key: str, partitions: int) -> int:  # noqa: ARG001  # as `place_of`
    """Return the partition of all session keys of a scope: the same in every process and release."""
    return place_of(scope, "", partitions)


Place = Callable[[str, str, int], int]
"""Returns the partition of a scope and key among so many: `place_of` or `place_of_scope`."""


class OutgoingLines:
    """Collects the lines of one writer for `partitions` partitions, which `place` chooses.

    `clock` is the writer's stream time in microseconds.
    """

    def __init__(
        self, writer: TopicPartition, partitions: int, clock: int | None = None, place: Place = place_of
    ) -> None:
        self.clock = clock
        self._writer = writer
        self._partitions = partitions
        self._place = place
        self._tables: list[pl.DataFrame] = []
        self._lines = self._bytes = 0
        self._idle: float | None = None
        self._said: float | None = None
        self._told: dict[int, int | None] = {}

    @property
    def waiting(self) -> int:
        """Number of lines that wait for a transaction."""
        return self._lines

    @property
    def full(self) -> bool:
        """Whether no more should be read before the next transaction."""
        return self._lines >= FULL_LINES or self._bytes >= FULL_BYTES

    @property
    def to_say(self) -> bool:
        """Whether the writer must report, or report again, that it is idle."""
        return self._idle is not None and (self._said is None or self._idle - self._said >= SAY_AGAIN)

    def add(self, masked: pl.DataFrame, rows: Positions = NONE, positions: Positions = NONE) -> None:
        """Take in masked lines in reading order; the line in row `rows[i]` also holds the line at `positions[i]`."""
        latest: int = masked["clock"].max()  # type: ignore[assignment]  # polars types it as any scalar
        self.clock = latest if self.clock is None else max(self.clock, latest)
        self._idle = self._said = None
        self._tables.append(with_parts(masked, rows, positions) if len(rows) else masked)
        self._lines += masked.height
        self._bytes += int(masked.estimated_size())

    def note_idle(self, seconds: float) -> None:
        """Note that everything was read, and that nothing has come for `seconds`."""
        self._idle = seconds

    def take(self) -> list[OutRecord]:
        """Return blocks of everything collected, and blocks without lines for partitions that need only the time."""
        tables, self._tables, self._lines, self._bytes = self._tables, [], 0, 0
        records = [record for part in self._parted(tables) for record in self._blocks(*part)]
        touched = {record.partition for record in records}
        owed = [at for at in range(self._partitions) if at not in touched and (self.to_say or self._owes(at))]
        records += [self._record(at, None) for at in owed]
        self._told |= {at: self.clock for at in range(self._partitions) if at in touched or at in owed}
        self._said = self._idle if self.to_say else self._said
        return records

    def _owes(self, at: int) -> bool:
        """Whether a partition must be sent the time, because its last block is too long ago."""
        return at not in self._told or (self.clock or 0) - (self._told[at] or 0) >= TELL_EVERY

    def _parted(self, tables: list[pl.DataFrame]) -> Iterator[tuple[int, pl.DataFrame]]:
        """Yield each partition's lines, in reading order."""
        if not tables:
            return
        lines = pl.concat(tables, how="diagonal").rename({"position": "origin"})
        keys = lines.select("scope", "key").unique()
        places = [self._place(scope, key, self._partitions) for scope, key in keys.rows()]
        at = lines.join(keys.with_columns(at=pl.Series(places, dtype=pl.Int64)), on=["scope", "key"], how="left")
        for (place,), part in at.partition_by("at", maintain_order=True, include_key=False, as_dict=True).items():
            yield int(place), in_order(part)

    def _blocks(self, at: int, lines: pl.DataFrame) -> Iterator[OutRecord]:
        size = pl.sum_horizontal(pl.col("text", "masked", "key", "scope").str.len_bytes()) + 32
        number = whole_in(lines, lines.select((size.cum_sum() // BLOCK_BYTES).alias("number"))["number"])
        if number[-1] == 0:
            yield self._record(at, lines)
            return
        *parts, last = lines.with_columns(number).partition_by("number", maintain_order=True, include_key=False)
        reached = self._told.get(at)
        for part in parts:  # more blocks follow, so the clock is only that of the lines so far
            latest: int = part["clock"].max()  # type: ignore[assignment]  # polars types it as any scalar
            reached = latest if reached is None else max(reached, latest)
            yield self._record(at, part, BlockHead(self._writer, reached, None))
        yield self._record(at, last)

    def _record(self, at: int, lines: pl.DataFrame | None, head: BlockHead | None = None) -> OutRecord:
        head = head or BlockHead(self._writer, self.clock, self._idle)
        if lines is not None:
            head = replace(head, lines=lines.height, first=int(lines["clock"][0]))
        return OutRecord(ROLE, str(self._writer).encode(), encode_block(head, lines), partition=at)
