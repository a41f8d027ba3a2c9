"""Sessions under way, as columns: what every session is at, and a pile of what its lines were.

A session has a *slot*, a row in `Slots`. Its lines lie in two `Pile`s, tables whose rows belong to slots: one row for
each distinct masked line of a session and batch (count, first and last position, one example), and one row for each
position. So a batch is taken in with a few array operations, however many sessions it touches; rows are gathered by
session only when sessions close. Rows of one session and line are merged before they pile up, so that nothing but
positions grows with lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.core.positions import INDEX_BITS
from daemon.core.sessions.batch import Ints, Key

DISTINCT_LINE_TOKENS = 4
"""What a distinct line costs on top of its own tokens: its count, the cross and the line's end in the rendering."""
SPARE_ROWS = 1_024
MERGED_FROM = 65_536

Column = NDArray[Any]
Marks = NDArray[np.bool_]


class Slots:
    """One row a session: stream time (`met_*`), event time (`start`, `end`), first position, lines and their tokens.

    `distinct` is at least the number of distinct masked lines: repeats in later batches are counted until `Held` has
    merged them or somebody has looked.
    """

    COLUMNS = ("met_first", "met_last", "start", "end", "first", "size", "cost", "distinct")

    def __init__(self) -> None:
        self.by_key: dict[Key, int] = {}
        self.keys: list[Key] = []
        self.is_open: Marks = np.zeros(0, bool)
        self.met_first = self.met_last = self.start = self.end = np.zeros(0, np.int64)
        self.first = self.size = self.cost = self.distinct = np.zeros(0, np.int64)
        self._free: list[int] = []
        self._grow(16)

    def __len__(self) -> int:
        """Return how many slots there are, free ones included; never none."""
        return len(self.keys)

    def take(self, keys: Sequence[Key]) -> Ints:
        """Return a slot for a new session of each key; the caller fills the columns."""
        lacking = len(keys) - len(self._free)
        if lacking > 0:
            self._grow(max(lacking, len(self.keys) // 2))
        slots = [self._free.pop() for _ in keys]
        for slot, key in zip(slots, keys, strict=True):
            self.keys[slot] = key
        self.by_key.update(zip(keys, slots, strict=True))
        taken = np.array(slots, dtype=np.int64)
        self.is_open[taken] = True
        return taken

    def _grow(self, more: int) -> None:
        count = len(self.keys)
        self._free += range(count + more - 1, count - 1, -1)
        self.keys += [("", "")] * more
        for name in self.COLUMNS:
            setattr(self, name, np.concatenate([getattr(self, name), np.zeros(more, np.int64)]))
        self.is_open = np.concatenate([self.is_open, np.zeros(more, bool)])

    def close(self, slot: int) -> None:
        """Let the session in `slot` take in no more; the slot is its own until it is freed."""
        self.is_open[slot] = False
        key = self.keys[slot]
        if self.by_key.get(key) == slot:
            del self.by_key[key]

    def free(self, slots: Sequence[int]) -> None:
        """Let closed sessions' slots be taken again."""
        self._free += slots

    def opened(self) -> Ints:
        """Return the slots of the sessions under way."""
        return np.flatnonzero(self.is_open)

    def offsets(self, slots: Ints) -> Ints:
        """Return the offset of each session's first line."""
        return self.first[slots] >> INDEX_BITS


class Pile:
    """A growing table whose rows belong to slots and leave when their slot is cleared; rows keep the order added."""

    def __init__(self, **kinds: type) -> None:
        self._kinds = kinds
        self._slot = np.empty(0, np.int64)
        self._columns: dict[str, Column] = {name: np.empty(0, kind) for name, kind in kinds.items()}
        self._end = 0
        self._gone = 0

    def __len__(self) -> int:
        return self._end - self._gone

    def add(self, slots: Ints, columns: dict[str, Column]) -> None:
        """Put rows on top."""
        end = self._end + len(slots)
        if end > len(self._slot):
            room = end + end // 2 + SPARE_ROWS
            self._slot = _resized(self._slot[: self._end], room)
            self._columns = {name: _resized(column[: self._end], room) for name, column in self._columns.items()}
        self._slot[self._end : end] = slots
        for name, column in columns.items():
            self._columns[name][self._end : end] = column
        self._end = end

    def column(self, name: str) -> Column:
        """Return the values of a column in rows that have not left."""
        return self._columns[name][: self._end][self._slot[: self._end] >= 0]

    def of(self, slot: int, name: str) -> Column:
        """Return the values of a column in the rows of one slot."""
        found: Column = self._columns[name][: self._end][self._slot[: self._end] == slot]
        return found

    def clear(self, marked: Marks) -> tuple[Ints, dict[str, Column]]:
        """Take out the rows of marked slots; return their slots and columns. `marked` ends in a False."""
        rows = np.flatnonzero(marked[self._slot[: self._end]])  # slot -1 is a row that has left: the last mark
        slots = self._slot[rows]
        columns = {name: column[rows] for name, column in self._columns.items()}
        self._slot[rows] = -1
        self._gone += len(rows)
        if 2 * self._gone > self._end and self._end > SPARE_ROWS:
            self.keep(np.flatnonzero(self._slot[: self._end] >= 0))
        return slots, columns

    def keep(self, rows: Ints) -> None:
        """Keep these rows only, in this order."""
        self._slot = self._slot[rows]
        self._columns = {name: column[rows] for name, column in self._columns.items()}
        self._end, self._gone = len(rows), 0

    def rows(self) -> tuple[Ints, dict[str, Column]]:
        """Return all rows that have not left: slots and columns."""
        if self._gone or len(self._slot) != self._end:
            self.keep(np.flatnonzero(self._slot[: self._end] >= 0))
        return self._slot, self._columns


def _resized(column: Column, room: int) -> Column:
    larger = np.empty(room, column.dtype)
    larger[: len(column)] = column
    return larger


class Held:
    """The lines of the sessions under way: `lines` a row for each session, line and batch, `positions` one a line."""

    def __init__(self) -> None:
        self.lines = Pile(line=np.int64, count=np.int64, first=np.int64, last=np.int64, masked=object, example=object)
        self.positions = Pile(position=np.int64)
        self._merged = 0

    def live(self) -> set[int]:
        """Return the numbers of the masked lines that are held."""
        return set(np.unique(self.lines.column("line")).tolist())

    def add_lines(self, slots: Ints, columns: dict[str, Column]) -> bool:
        """Add rows of lines; return whether the pile was merged, so that it has a row for each session and line."""
        self.lines.add(slots, columns)
        if len(self.lines) < 4 * self._merged + MERGED_FROM:
            return False
        found, all_columns = self.lines.rows()
        merged_slots, merged = merge(found, all_columns)
        self.lines = Pile(line=np.int64, count=np.int64, first=np.int64, last=np.int64, masked=object, example=object)
        self.lines.add(merged_slots, merged)
        self._merged = len(self.lines)
        return True


def merge(groups: Ints, columns: dict[str, Column]) -> tuple[Ints, dict[str, Column]]:
    """Return rows of lines sorted by group and line number, those of one group and line made one."""
    order = np.lexsort((columns["first"], columns["line"], groups))
    groups, line = groups[order], columns["line"][order]
    begins = np.flatnonzero(np.concatenate(([True], (np.diff(groups) != 0) | (np.diff(line) != 0))))[: len(order)]
    ends = np.append(begins[1:], len(order)) - 1
    firsts = order[begins]
    return groups[begins], {
        "line": line[begins],
        "count": np.add.reduceat(columns["count"][order], begins) if len(begins) else columns["count"],
        "first": columns["first"][firsts],
        "last": columns["last"][order[ends]],
        "masked": columns["masked"][firsts],
        "example": columns["example"][firsts],
    }
