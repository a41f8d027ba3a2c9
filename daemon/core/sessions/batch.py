"""A batch of lines as arrays, grouped by key, and its runs.

A run is neighbouring lines of one key, no two of them more than `gap` apart by either clock, so that a gap can only be
before its first line. A batch is then cut by arrays of runs, not by lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from daemon.core.masked_lines import Key, MaskedLines
from daemon.core.positions import INDEX_BITS
from daemon.core.sessions.limits import Ints
from daemon.core.sessions.line_ids import LineNumbers


@dataclass(frozen=True, slots=True)
class LineBatch:
    """A batch of n lines. `stream_time`, `touched` and `offset` (the greatest so far) are in reading order; the other
    columns are grouped by key, keys in order of appearance and each key's lines in reading order.

    `row` is a line's index in reading order, `line` its index in `distinct` and `numbers`, `cost` its tokens, `ends`
    where each of `keys` ends. `touched` is the stream time or the line's own clock, whichever is later: the session's
    gap begins then.
    """

    stream_time: Ints
    touched: Ints
    offset: Ints
    keys: Sequence[Key]
    ends: Ints
    row: Ints
    time: Ints
    position: Ints
    line: Ints
    cost: Ints
    distinct: Sequence[str]
    numbers: Ints


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a batch in grouped order: bounds, first and last row, times, `touched`, cost, first position.

    `of_key` is the number of the first run of each of `LineBatch.keys`, and, as its last element, the number of runs.
    """

    of_key: Ints
    begin: Ints
    end: Ints
    first_row: Ints
    last_row: Ints
    first_time: Ints
    least: Ints
    greatest: Ints
    touched: Ints
    cost: Ints
    first: Ints

    @classmethod
    def of(cls, batch: LineBatch, gap: int) -> Runs:
        """Find the runs: a new one wherever the key changes or either clock moves by more than `gap` microseconds."""
        stream_time, touched = batch.stream_time[batch.row], batch.touched[batch.row]
        breaks = (np.abs(np.diff(batch.time)) > gap) | (stream_time[1:] - touched[:-1] > gap)
        breaks[batch.ends[:-1] - 1] = True
        begin = np.concatenate(([0], np.flatnonzero(breaks) + 1))
        end = np.append(begin[1:], len(batch.row))
        return cls(
            of_key=np.searchsorted(begin, np.concatenate(([0], batch.ends))),
            begin=begin,
            end=end,
            first_row=batch.row[begin],
            last_row=batch.row[end - 1],
            first_time=batch.time[begin],
            least=np.minimum.reduceat(batch.time, begin),
            greatest=np.maximum.reduceat(batch.time, begin),
            touched=np.maximum.reduceat(touched, begin),
            cost=np.add.reduceat(batch.cost, begin),
            first=batch.position[begin],
        )


def line_batch(
    lines: MaskedLines, watermark: int | None, read_to: int, numbers: LineNumbers, in_use: Callable[[], set[int]]
) -> LineBatch:
    """Return a batch of at least one line as arrays; for `in_use` see `LineNumbers.look_up`.

    `watermark` and `read_to` are the stream time and the offset before this batch.
    """
    table, order = lines.table, lines.order
    clock, positions, times = (table[name].to_numpy() for name in ("clock", "position", "time"))
    moved = table["stream"].to_numpy() if "stream" in table.columns else clock
    floor = moved[0] if watermark is None else watermark
    stream_time = np.maximum(np.maximum.accumulate(moved), floor)
    distinct, line_numbers, costs = numbers.look_up(lines.distinct, in_use)
    line = lines.line[order]
    return LineBatch(
        stream_time=stream_time,
        touched=np.maximum(stream_time, clock),
        offset=np.maximum(np.maximum.accumulate(positions >> INDEX_BITS), read_to),
        keys=lines.keys,
        ends=np.cumsum(lines.sizes),
        row=order,
        time=times[order],
        position=positions[order],
        line=line,
        cost=costs[line],
        distinct=distinct,
        numbers=line_numbers,
    )
