"""A batch of lines as arrays, and its runs: what `sessions` cuts.

A run is neighbouring lines of one key, no two of them `gap` apart by either clock, so that only its first line can be
parted from what was before it by a gap. A batch is then cut by arrays of runs, not by lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daemon.core.positions import INDEX_BITS

CountTokens = Callable[[Sequence[str]], NDArray[np.int32]]
Ints = NDArray[np.int64]
Key = tuple[str, str]
"""Scope and session key."""

CACHED_LINES = 50_000
"""Distinct masked lines that are remembered; up to twice as many between clearings, and those that are held."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A batch of n lines. `met` (stream time) and `offset` in reading order; the rest grouped by key, keys in order of
    appearance and each key's lines in reading order.

    `row` is a line's place in reading order, `line` its place in `distinct` and `numbers`, `cost` its tokens, `ends`
    where each of `keys` ends.
    """

    met: Ints
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
    """The runs of a batch in grouped order: bounds, first and last row, times, cost, first position.

    `of_key` is the number of the first run of each of `Rows.keys`, and the number of runs at last.
    """

    of_key: Ints
    begin: Ints
    end: Ints
    first_row: Ints
    last_row: Ints
    first_time: Ints
    least: Ints
    greatest: Ints
    cost: Ints
    first: Ints

    @classmethod
    def of(cls, rows: Rows, gap: int) -> Runs:
        """Find the runs: a new one wherever the key changes or either clock moves by more than `gap` microseconds."""
        met = rows.met[rows.row]
        breaks = (np.abs(np.diff(rows.time)) > gap) | (np.diff(met) > gap)
        breaks[rows.ends[:-1] - 1] = True
        begin = np.concatenate(([0], np.flatnonzero(breaks) + 1))
        end = np.append(begin[1:], len(rows.row))
        return cls(
            of_key=np.searchsorted(begin, np.concatenate(([0], rows.ends))),
            begin=begin,
            end=end,
            first_row=rows.row[begin],
            last_row=rows.row[end - 1],
            first_time=rows.time[begin],
            least=np.minimum.reduceat(rows.time, begin),
            greatest=np.maximum.reduceat(rows.time, begin),
            cost=np.add.reduceat(rows.cost, begin),
            first=rows.position[begin],
        )


def prepare(lines: pl.DataFrame, watermark: int | None, known: LineNumbers, held: Callable[[], set[int]]) -> Rows:
    """Return a table of lines, with `masked`, as arrays; not for an empty one. `held` tells what must be remembered."""
    times, positions = lines["time"].to_numpy(), lines["position"].to_numpy()
    floor = times[0] if watermark is None else watermark
    scope = lines["scope"]
    one = bool((scope == scope[0]).all())
    keys, order, sizes = _grouped(lines, "key") if one else _grouped(lines, "scope", "key")
    scopes = [scope[0]] * len(keys) if one else keys["scope"].to_list()
    masked, line = _numbered(lines["masked"])
    distinct, numbers, costs = known.look_up(masked, held)
    line = line[order]
    return Rows(
        met=np.maximum(np.maximum.accumulate(times), floor),
        offset=positions >> INDEX_BITS,
        keys=list(zip(scopes, keys["key"].to_list(), strict=True)),
        ends=np.cumsum(sizes),
        row=order,
        time=times[order],
        position=positions[order],
        line=line,
        cost=costs[line],
        distinct=distinct,
        numbers=numbers,
    )


def _numbered(column: pl.Series) -> tuple[list[str], Ints]:
    """Return the distinct values of a column, and each row's place among them."""
    groups, order, sizes = _grouped(pl.DataFrame([column]), column.name)
    line = np.empty(len(column), dtype=np.int64)
    line[order] = np.repeat(np.arange(len(sizes)), sizes)
    return groups[column.name].to_list(), line


def _grouped(lines: pl.DataFrame, *by: str) -> tuple[pl.DataFrame, Ints, Ints]:
    """Return the distinct values in order of appearance, the rows sorted by group, and each group's size."""
    rows = pl.int_range(len(lines), dtype=pl.Int64).alias("row")
    groups = lines.select(*by, rows).group_by(*by, maintain_order=True).agg("row")
    order = groups["row"].explode().to_numpy()
    return groups.select(by), order, groups["row"].list.len().to_numpy().astype(np.int64)


Known = tuple[str, int, int]
"""A line, its number, its tokens."""


class LineNumbers:
    """Numbers of masked lines, their token counts, and one string object for equal lines.

    Forgets what has not been seen lately, unless an open session holds it: a number means one line, and a line that is
    held has one number. Numbers are never used again.
    """

    def __init__(self, count_tokens: CountTokens) -> None:
        self._count = count_tokens
        self._young: dict[str, Known] = {}
        self._old: dict[str, Known] = {}
        self._next = 0

    def look_up(self, lines: Sequence[str], held: Callable[[], set[int]]) -> tuple[list[str], Ints, Ints]:
        """Return the same lines as shared objects, their numbers, and their tokens."""
        missing = [line for line in lines if line not in self._young and line not in self._old]
        counts = dict(zip(missing, self._count(missing).tolist(), strict=True)) if missing else {}
        found = []
        for line in lines:
            entry = self._young.get(line)
            if entry is None:
                entry = self._old.pop(line, None)
                if entry is None:
                    entry = (line, self._next, counts[line])
                    self._next += 1
                self._young[line] = entry
            found.append(entry)
        if len(self._young) >= CACHED_LINES:
            kept = held()
            self._young = {line: entry for line, entry in self._old.items() if entry[1] in kept} | self._young
            self._old, self._young = self._young, {}
        return (
            [line for line, _, _ in found],
            np.array([number for _, number, _ in found], dtype=np.int64),
            np.array([tokens for _, _, tokens in found], dtype=np.int64),
        )
