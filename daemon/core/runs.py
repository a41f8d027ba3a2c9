"""A batch of lines as arrays, and its runs: what `sessions` cuts.

A run is neighbouring lines of one key, no two of them `gap` apart by either clock, so that only its first line can be
parted from what was before it by a gap. Python then deals with runs, not with lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daemon.core.records import INDEX_BITS

CountTokens = Callable[[Sequence[str]], NDArray[np.int32]]
Ints = NDArray[np.int64]
Key = tuple[str, str]
"""Scope and session key."""

CACHED_LINES = 50_000
"""Distinct masked lines whose tokens are remembered; up to twice as many between clearings."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A batch of n lines. `met` (stream time) and `offset` in reading order; the rest grouped by key, keys in order of
    appearance and each key's lines in reading order.

    `row` is a line's place in reading order, `line` its number in `distinct`, `cost` its tokens, `ends` where each of
    `keys` ends.
    """

    met: list[int]
    offset: list[int]
    keys: list[Key]
    ends: Ints
    row: Ints
    time: Ints
    position: Ints
    line: Ints
    cost: Ints
    distinct: Sequence[str]


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a batch in grouped order, a list for each property: bounds, first and last row, times, cost.

    `key` is the number of the run's key in `Rows.keys`.
    """

    key: list[int]
    begin: list[int]
    end: list[int]
    first_row: list[int]
    last_row: list[int]
    first_time: list[int]
    least: list[int]
    greatest: list[int]
    cost: list[int]

    @classmethod
    def of(cls, rows: Rows, gap: int) -> Runs:
        """Find the runs: a new one wherever the key changes or either clock moves by more than `gap` microseconds."""
        met = np.array(rows.met, dtype=np.int64)[rows.row]
        breaks = (np.abs(np.diff(rows.time)) > gap) | (np.diff(met) > gap)
        breaks[rows.ends[:-1] - 1] = True
        begin = np.concatenate(([0], np.flatnonzero(breaks) + 1))
        end = np.append(begin[1:], len(rows.row))
        columns = (
            np.searchsorted(rows.ends, begin, side="right"),
            begin,
            end,
            rows.row[begin],
            rows.row[end - 1],
            rows.time[begin],
            np.minimum.reduceat(rows.time, begin),
            np.maximum.reduceat(rows.time, begin),
            np.add.reduceat(rows.cost, begin),
        )
        return cls(*(column.tolist() for column in columns))


def prepare(lines: pl.DataFrame, watermark: int | None, tokens: TokenCache) -> Rows:
    """Return a table of lines, with `masked`, as arrays; not for an empty one."""
    times, positions = lines["time"].to_numpy(), lines["position"].to_numpy()
    floor = times[0] if watermark is None else watermark
    keys, order, sizes = _grouped(lines, "scope", "key")
    masked, line_order, line_sizes = _grouped(lines, "masked")
    distinct, costs = tokens.look_up(masked["masked"].to_list())
    line = np.empty(len(lines), dtype=np.int64)
    line[line_order] = np.repeat(np.arange(len(distinct)), line_sizes)
    line = line[order]
    return Rows(
        met=np.maximum(np.maximum.accumulate(times), floor).tolist(),
        offset=(positions >> INDEX_BITS).tolist(),
        keys=list(zip(keys["scope"].to_list(), keys["key"].to_list(), strict=True)),
        ends=np.cumsum(sizes),
        row=order,
        time=times[order],
        position=positions[order],
        line=line,
        cost=costs[line],
        distinct=distinct,
    )


def _grouped(lines: pl.DataFrame, *by: str) -> tuple[pl.DataFrame, Ints, Ints]:
    """Return the distinct values in order of appearance, the rows sorted by group, and each group's size."""
    rows = pl.int_range(len(lines), dtype=pl.Int64).alias("row")
    groups = lines.select(*by, rows).group_by(*by, maintain_order=True).agg("row")
    order = groups["row"].explode().to_numpy()
    return groups.select(by), order, groups["row"].list.len().to_numpy().astype(np.int64)


class TokenCache:
    """Token counts of masked lines, and one string object for equal lines; forgets what has not been seen lately."""

    def __init__(self, count_tokens: CountTokens) -> None:
        self._count = count_tokens
        self._young: dict[str, tuple[str, int]] = {}
        self._old: dict[str, tuple[str, int]] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def look_up(self, lines: list[str]) -> tuple[list[str], Ints]:
        """Return the same lines as shared objects, and their tokens."""
        missing = [line for line in lines if line not in self._young and line not in self._old]
        counts = dict(zip(missing, self._count(missing).tolist(), strict=True)) if missing else {}
        found = []
        for line in lines:
            entry = self._young.get(line)
            if entry is None:
                entry = self._old.get(line) or (line, counts[line])
                self._young[line] = entry
            found.append(entry)
        if len(self._young) >= CACHED_LINES:
            self._old, self._young = self._young, {}
        return [line for line, _ in found], np.array([tokens for _, tokens in found], dtype=np.int64)
