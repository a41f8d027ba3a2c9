"""Open sessions as columns: the state of every session, and a row store of their lines.

A session has a *slot*, a row in `SessionTable`. Its lines lie in two `RowStore`s, tables whose rows belong to slots:
one row for each distinct masked line of a session and batch (count, first and last position, one example), and one row
for each position. So a batch is taken in with a few array operations, however many sessions it touches; rows are
gathered by session only when sessions close. Rows of one session and line are merged from time to time, so that nothing
but positions grows with lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.core.sessions.batch import Key
from daemon.core.sessions.limits import Ints, Marks, SessionState

SPARE_ROWS = 1_024
MERGED_FROM = 65_536

Column = NDArray[Any]


class SessionTable:
    """One row a session: its key and its `SessionState`.

    The state's `distinct` counts repeats in later batches until `OpenLines` has merged them or the slow path has
    counted.
    """

    def __init__(self) -> None:
        self.by_key: dict[Key, int] = {}
        self.keys: list[Key] = []
        self.is_open: Marks = np.zeros(0, bool)
        self.states: SessionState[Ints] = SessionState(*[np.zeros(0, np.int64)] * len(SessionState._fields))
        self._free: list[int] = []
        self._grow(16)

    def __len__(self) -> int:
        """Return how many slots there are, free ones included; at least 1."""
        return len(self.keys)

    def take(self, keys: Sequence[Key]) -> Ints:
        """Return a slot for a new session of each key; the caller puts the states."""
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
        self.states = SessionState(*(np.concatenate([column, np.zeros(more, np.int64)]) for column in self.states))
        self.is_open = np.concatenate([self.is_open, np.zeros(more, bool)])

    def get(self, slot: int) -> SessionState[int]:
        """Return the state of one session."""
        return SessionState(*(int(column[slot]) for column in self.states))

    def gather(self, slots: Ints) -> SessionState[Ints]:
        """Return the states of the sessions in `slots`."""
        return SessionState(*(column[slots] for column in self.states))

    def put(self, slots: int | Ints, state: SessionState[int] | SessionState[Ints]) -> None:
        """Store the state of one session or of many."""
        numbers: Sequence[Any] = state
        for column, values in zip(self.states, numbers, strict=True):
            column[slots] = values

    def close(self, slot: int) -> None:
        """Let the session in `slot` take in no more; the slot stays its own until it is freed."""
        self.is_open[slot] = False
        key = self.keys[slot]
        if self.by_key.get(key) == slot:
            del self.by_key[key]

    def free(self, slots: Sequence[int]) -> None:
        """Let closed sessions' slots be taken again."""
        self._free += slots

    def opened(self) -> Ints:
        """Return the slots of the open sessions."""
        return np.flatnonzero(self.is_open)


class RowStore:
    """A growing table whose rows belong to slots and are removed when their slot is cleared; rows keep their order."""

    def __init__(self, **kinds: type) -> None:
        self._kinds = kinds
        self._slot = np.empty(0, np.int64)
        self._columns: dict[str, Column] = {name: np.empty(0, kind) for name, kind in kinds.items()}
        self._end = 0
        self._removed = 0

    def __len__(self) -> int:
        return self._end - self._removed

    def add(self, slots: Ints, columns: dict[str, Column]) -> None:
        """Append rows."""
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
        """Return the values of a column in rows that are still there."""
        return self._columns[name][: self._end][self._slot[: self._end] >= 0]

    def of(self, slot: int, name: str) -> Column:
        """Return the values of a column in the rows of one slot."""
        values: Column = self._columns[name][: self._end][self._slot[: self._end] == slot]
        return values

    def clear(self, marked: Marks) -> tuple[Ints, dict[str, Column]]:
        """Remove the rows of marked slots and return them: slots and columns.

        `marked` has an element for each slot, and False as its last.
        """
        rows = np.flatnonzero(marked[self._slot[: self._end]])  # slot -1, a row that was removed, reads the last mark
        slots = self._slot[rows]
        columns = {name: column[rows] for name, column in self._columns.items()}
        self._slot[rows] = -1
        self._removed += len(rows)
        if 2 * self._removed > self._end and self._end > SPARE_ROWS:
            self.keep(np.flatnonzero(self._slot[: self._end] >= 0))
        return slots, columns

    def keep(self, rows: Ints) -> None:
        """Keep these rows only, in this order."""
        self._slot = self._slot[rows]
        self._columns = {name: column[rows] for name, column in self._columns.items()}
        self._end, self._removed = len(rows), 0

    def rows(self) -> tuple[Ints, dict[str, Column]]:
        """Return all rows that are still there: slots and columns."""
        if self._removed or len(self._slot) != self._end:
            self.keep(np.flatnonzero(self._slot[: self._end] >= 0))
        return self._slot, self._columns


def _resized(column: Column, room: int) -> Column:
    larger = np.empty(room, column.dtype)
    larger[: len(column)] = column
    return larger


class OpenLines:
    """The lines of the open sessions: `lines` has a row for each session, masked line and batch, `positions` one a
    line.
    """

    def __init__(self) -> None:
        self.lines = _line_rows()
        self.positions = RowStore(position=np.int64)
        self._merged = 0

    def numbers(self) -> set[int]:
        """Return the numbers of the masked lines of open sessions."""
        return set(np.unique(self.lines.column("line")).tolist())

    def add_lines(self, slots: Ints, columns: dict[str, Column]) -> bool:
        """Add rows of lines; return whether rows were merged, so that there is one for each session and line."""
        self.lines.add(slots, columns)
        if len(self.lines) < 4 * self._merged + MERGED_FROM:
            return False
        merged_slots, merged = merge(*self.lines.rows())
        self.lines = _line_rows()
        self.lines.add(merged_slots, merged)
        self._merged = len(self.lines)
        return True


def _line_rows() -> RowStore:
    return RowStore(line=np.int64, count=np.int64, first=np.int64, last=np.int64, masked=object, example=object)


def merge(groups: Ints, columns: dict[str, Column]) -> tuple[Ints, dict[str, Column]]:
    """Return rows of lines sorted by group and line number, with one row for each group and line."""
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
