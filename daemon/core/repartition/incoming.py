"""Blocks of one partition as lines again: with stream time, and with the place of each line in the input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from daemon.core.multiline import Joined
from daemon.core.origins import Origins, placed
from daemon.core.positions import INDEX_BITS, MAX_LINES_PER_RECORD, Positions, offset_of
from daemon.core.repartition.block import COLUMNS, decode_block, decode_head
from daemon.core.repartition.parts import joined_again
from daemon.core.repartition.writer_clocks import Moment, WriterClocks
from daemon.core.types import Batch, Parsed, Reject, TopicPartition
from daemon.errors import DataError

CLOCKS = b"writers"
"""The name of the piece of a checkpoint that holds the clocks."""
REASON = "bad_block"


@dataclass(frozen=True, slots=True)
class _Written:
    """The lines of one block: their writer, and their positions in its partition."""

    writer: TopicPartition
    origin: Positions


class IncomingLines:
    """Reads the blocks of one partition. `expected` are the partitions of the input, by name."""

    def __init__(self, expected: Iterable[str] = (), pieces: Mapping[bytes, bytes | None] | None = None) -> None:
        self.clocks = WriterClocks(expected, (pieces or {}).get(CLOCKS))
        self._moments: dict[int, Moment] = {}
        self._written: dict[int, _Written] = {}
        self._dumped = b""

    @property
    def time(self) -> int | None:
        """Stream time after the last block that was looked at, in microseconds."""
        return self.clocks.time

    def look(self, batch: Batch, *, pressed: bool) -> None:
        """Advance the clocks by all blocks of a batch, also those that will not be read; call it before `parse`."""
        self._moments = {}
        for offset, stamp, value in zip(batch.offsets, batch.timestamps, batch.values, strict=True):
            try:
                head = decode_head(value)
            except DataError:
                continue
            self._moments[offset] = self.clocks.hear(offset, head, stamp, pressed=pressed)

    def parse(self, batch: Batch) -> Parsed:
        """Return the lines of blocks, masked, with `stream`: the stream time at each."""
        tables, rejects = list[pl.DataFrame](), list[Reject]()
        for row, (offset, value) in enumerate(zip(batch.offsets, batch.values, strict=True)):
            try:
                head, lines = decode_block(value)
            except DataError as error:
                rejects.append(Reject(row, offset, REASON, str(error)))
                continue
            if lines.is_empty():
                continue
            self._written[offset] = _Written(head.writer, lines["origin"].to_numpy())
            index = pl.int_range(1, lines.height + 1, dtype=pl.Int64)
            stream = pl.Series(_stream_time(lines["clock"].to_numpy(), self._moments[offset]))
            tables.append(lines.with_columns(position=(offset << INDEX_BITS) + index, stream=stream))
        if not tables:
            empty = pl.DataFrame(schema={**COLUMNS, "position": pl.Int64(), "stream": pl.Int64()})
            return Parsed(empty, rejects)
        return Parsed(pl.concat(tables, how="diagonal") if len(tables) > 1 else tables[0], rejects)

    def joined(self, lines: pl.DataFrame) -> Joined:
        """Return lines as they were joined before they were written."""
        return joined_again(lines)

    def mask(self, lines: pl.DataFrame) -> pl.DataFrame:
        """Return lines as they are: they were masked before they were written."""
        return lines

    def place(self, position: int) -> str:
        """Return the place of a line in the input, as text."""
        written = self._written[offset_of(position)]
        return placed(written.writer, int(written.origin[(position & MAX_LINES_PER_RECORD) - 1]))

    def origins(self, positions: Positions) -> Origins:
        """Return the places of lines in the input; `positions` are sorted and not yet settled."""
        offsets, begins = np.unique(positions >> INDEX_BITS, return_index=True)
        ends = np.append(begins[1:], len(positions))
        sources: dict[TopicPartition, int] = {}
        origin, source = np.empty(len(positions), np.int64), np.empty(len(positions), np.int64)
        for offset, begin, end in zip(offsets.tolist(), begins.tolist(), ends.tolist(), strict=True):
            written = self._written[offset]
            origin[begin:end] = written.origin[(positions[begin:end] & MAX_LINES_PER_RECORD) - 1]
            source[begin:end] = sources.setdefault(written.writer, len(sources))
        return Origins(positions, origin, source, list(sources))

    def pieces(self, low: int) -> Mapping[bytes, bytes | None]:
        """Return what a checkpoint that reads again from `low` must keep, where it changed; forget what is before."""
        for offset in [offset for offset in self._written if offset < low]:
            del self._written[offset]
        self.clocks.fold(low)
        dumped = self.clocks.dump()
        changed, self._dumped = dumped != self._dumped, dumped
        return {CLOCKS: dumped} if changed else {}


def _stream_time(clock: Positions, at: Moment) -> Positions:
    """Return the stream time at each line of a block, shape of `clock`."""
    before = int(clock[0]) if at.time is None else at.time
    if at.held:
        return np.full(len(clock), before, np.int64)
    own = np.maximum.accumulate(clock)
    own = own if at.before is None else np.maximum(own, at.before)
    reached: Positions = np.maximum(own if at.others is None else np.minimum(own, at.others), before)
    return reached
