"""Open sessions as columns: the state of every session, and a row store of their lines.

A session has a *slot*, a row in `SessionTable`. Its lines lie in two `RowStore`s, tables whose rows belong to slots:
one row for each distinct masked line of a session and batch (count, first and last position, one example), and one row
for each position. So a batch is added with a few array operations, however many sessions it touches; rows are gathered
by session only when sessions close. Rows of one session and line are merged from time to time, so that only positions
grow with the number of lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.core.columns import Column, Columns
from daemon.core.groups import combined, stable_order
from daemon.core.masked_lines import Key
from daemon.core.sessions.limits import Ints, Marks, SessionState

SPARE_ROWS = 1_024
"""Removed rows are freed when they are most of the rows, and there are more rows than this."""
MERGED_FROM = 65_536
"""Rows of lines are merged when there are this many more than four times the rows that the last merge left."""

Values = NDArray[Any]


class SessionTable(Columns):
    """One row, its *slot*, for each session: its key and the parts of its `SessionState`.

    `distinct` counts repeats in later batches until `OpenLines` has merged them or the slow path has counted.
    """

    key = Column(np.object_)
    is_open = Column(np.bool_)
    opened_at = Column(np.int64)
    touched_at = Column(np.int64)
    start = Column(np.int64)
    end = Column(np.int64)
    first = Column(np.int64)
    size = Column(np.int64)
    cost = Column(np.int64)
    distinct = Column(np.int64)

    def __init__(self) -> None:
        super().__init__()
        self.by_key: dict[Key, int] = {}

    @property
    def states(self) -> SessionState[Ints]:
        """The state of every slot, free ones included; zeros where there is no session."""
        return SessionState(*(getattr(self, name) for name in SessionState._fields))

    def open(self, keys: Sequence[Key]) -> Ints:
        """Return a slot for a new session of each key; the caller puts the states."""
        slots = self.take_many(len(keys))
        self.key[slots] = np.fromiter(keys, object, len(keys))
        self.by_key.update(zip(keys, slots.tolist(), strict=True))
        self.is_open[slots] = True
        return slots

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

    def close(self, slots: Ints) -> None:
        """Close the sessions in `slots` to further lines; a slot stays its session's until it is freed."""
        self.is_open[slots] = False
        for key in self.key[slots].tolist():
            del self.by_key[key]

    def close_replaced(self, slots: Ints) -> None:
        """Close the sessions in `slots`, whose keys have new sessions."""
        self.is_open[slots] = False

    def opened(self, marks: Marks | None = None) -> Ints:
        """Return the slots of the open sessions, or of those that are marked."""
        return np.flatnonzero(self.is_open if marks is None else self.is_open & marks)


class RowStore(Columns):
    """Rows that belong to slots and are removed when their slot is cleared; rows keep their order.

    A removed row has the slot -1 until the table is made smaller. Rows are not reused one by one, since thousands are
    added and removed at a time.
    """

    slot = Column(np.int64, fill=-1)

    def __init__(self) -> None:
        super().__init__()
        self._removed = 0

    @property
    def live(self) -> int:
        """The number of rows that are not removed."""
        return len(self) - self._removed

    def add(self, slots: Ints, values: dict[str, Values]) -> None:
        """Append rows."""
        rows = slice(len(self), len(self) + len(slots))
        self.push(len(slots))
        self.slot[rows] = slots
        for name, column in values.items():
            getattr(self, name)[rows] = column

    def values(self, name: str, slot: int | None = None) -> Values:
        """Return a column's values in the rows of one slot, or of all."""
        slots = self.slot[: len(self)]
        values: Values = getattr(self, name)[: len(self)][slots >= 0 if slot is None else slots == slot]
        return values

    def clear(self, marked: Marks) -> tuple[Ints, dict[str, Values]]:
        """Remove the rows of marked slots and return them: slots and columns.

        `marked` has an element for each slot, and False as its last.
        """
        rows = np.flatnonzero(marked[self.slot[: len(self)]])  # the slot -1 of a removed row reads the last mark
        slots, values = self.slot[rows], self._columns_at(rows)
        self.slot[rows] = -1
        self._removed += len(rows)
        if 2 * self._removed > len(self) > SPARE_ROWS:
            self._compact()
        return slots, values

    def rows(self) -> tuple[Ints, dict[str, Values]]:
        """Return all rows that are not removed: slots and columns."""
        if self._removed:
            self._compact()
        every = slice(0, len(self))
        return self.slot[every], self._columns_at(every)

    def _compact(self) -> None:
        rows = np.flatnonzero(self.slot[: len(self)] >= 0)
        self.keep(rows, room=2 * len(rows))  # which the table will have again when it is next compacted
        self._removed = 0

    def _columns_at(self, rows: Ints | slice) -> dict[str, Values]:
        return {column.name: getattr(self, column.name)[rows] for column in self._columns if column.name != "slot"}


class LineRows(RowStore):
    """A row for each session, masked line and batch: the line's number, count, first and last position, an example."""

    line = Column(np.int64)
    count = Column(np.int64)
    first = Column(np.int64)
    last = Column(np.int64)
    masked = Column(np.object_)
    example = Column(np.object_)


class PositionRows(RowStore):
    """A row for each line: its position."""

    position = Column(np.int64)


class OpenLines:
    """The lines of the open sessions."""

    def __init__(self) -> None:
        self.lines = LineRows()
        self.positions = PositionRows()
        self._merged = 0

    def numbers(self) -> set[int]:
        """Return the numbers of the masked lines of open sessions."""
        return set(np.unique(self.lines.values("line")).tolist())

    def add_lines(self, slots: Ints, values: dict[str, Values]) -> bool:
        """Add rows of lines; return whether rows were merged, so that there is one for each session and line."""
        self.lines.add(slots, values)
        if self.lines.live < 4 * self._merged + MERGED_FROM:
            return False
        merged_slots, merged = merge(*self.lines.rows())
        self.lines = LineRows()
        self.lines.add(merged_slots, merged)
        self._merged = len(merged_slots)
        return True


def merge(groups: Ints, columns: dict[str, Values]) -> tuple[Ints, dict[str, Values]]:
    """Return rows of lines sorted by group and line number, with one row for each group and line."""
    if not len(groups):
        return groups, columns
    codes = combined(groups, columns["line"])
    order = stable_order(codes)
    begins = np.concatenate(([0], np.flatnonzero(np.diff(codes[order])) + 1))
    falls = np.diff(columns["first"][order]) < 0
    falls[begins[1:] - 1] = False
    if falls.any():  # of joined lines, which come after lines that are behind them
        order = np.lexsort((columns["first"], codes))
    ends = np.append(begins[1:], len(order)) - 1
    firsts = order[begins]
    return groups[firsts], {
        "line": columns["line"][firsts],
        "count": np.add.reduceat(columns["count"][order], begins),
        "first": columns["first"][firsts],
        "last": columns["last"][order[ends]],
        "masked": columns["masked"][firsts],
        "example": columns["example"][firsts],
    }
