"""Tables of numpy columns that grow as rows are taken.

A subclass names its columns, as a dataclass names its fields:

    class Lines(Columns):
        mass = Column(np.float64)
        family = Column(np.int64, fill=-1)
        parts = Column(np.float32, (3, ROWS))

An instance then has one array for each name, and room for more rows than are taken. When the room is used up, every
array is replaced by a longer one, of twice the length while it is short and then of a quarter more. So read
`lines.mass` again after rows were taken: an older reference may be to an array that is no longer used.

A row is *taken* or *free*. A free row holds the fill values, so operations on whole columns are not affected by it.
Free rows are reused before the table grows. Row numbers are stable until `keep` is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from daemon.core.arrays import Arrays

ROWS = -1
"""In the shape of a column: the axis of the rows."""
ROOM = 16
DOUBLED = 64
"""A table that is full gets so many rows more, but at most as many as it has, or a quarter of these if that is more."""

Kind = TypeVar("Kind", bound=np.generic)
Rows = NDArray[np.int64]


class Column(Generic[Kind]):
    """One column of a table: its dtype, the shape of its array (`ROWS` once), and what a free row holds.

    A number in `shape` is a size; a string is the name of a size that is given to the table when it is made.
    """

    def __init__(self, kind: type[Kind], shape: tuple[int | str, ...] = (ROWS,), fill: Any = 0) -> None:
        self.kind: type[Kind] = kind
        self.shape = shape
        self.axis = shape.index(ROWS)
        self.fill = None if kind is np.object_ and fill == 0 else fill
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, table: object, owner: type) -> NDArray[Kind]:
        """Only for the type checker: the instance's own array hides the column."""
        raise AttributeError(self.name)

    def rows(self, count: int, sizes: dict[str, int]) -> NDArray[Any]:
        """Return an array of `count` free rows."""
        shape = [count if size == ROWS else sizes[size] if isinstance(size, str) else size for size in self.shape]
        return np.full(shape, self.fill, self.kind) if self.fill != 0 else np.zeros(shape, self.kind)

    def at(self, rows: Any) -> tuple[Any, ...]:
        """Return the index of `rows` in the array."""
        return (*(slice(None),) * self.axis, rows)


class Columns:
    """A table with a free list. `len` is the number of rows ever taken, free ones included."""

    _columns: ClassVar[tuple[Column[Any], ...]] = ()

    def __init_subclass__(cls) -> None:
        own = tuple(column for column in vars(cls).values() if isinstance(column, Column))
        cls._columns = (*cls._columns, *own)

    def __init__(self, room: int = ROOM, **sizes: int) -> None:
        """Make an empty table with room for `room` rows; `sizes` are those that columns name in their shapes."""
        self._sizes = sizes
        self._room = max(room, 1)
        self._end = 0
        self._free: list[int] = []
        for column in self._columns:
            setattr(self, column.name, self._array(column, self._room))

    def __len__(self) -> int:
        return self._end

    @property
    def used(self) -> int:
        """The number of rows that are taken."""
        return self._end - len(self._free)

    @property
    def nbytes(self) -> int:
        """The bytes of all columns, without what objects in them hold."""
        arrays: int = sum(getattr(self, column.name).nbytes for column in self._columns)
        return arrays + 8 * len(self._free)

    def take(self) -> int:
        """Take one row, the one freed last if there is one; it holds the fill values."""
        if self._free:
            return self._free.pop()
        self._end += 1
        self.reserve(self._end)
        return self._end - 1

    def take_many(self, count: int) -> Rows:
        """Take `count` rows, as that many calls of `take` do."""
        reused = min(count, len(self._free))
        given = self._free[len(self._free) - reused :][::-1]
        del self._free[len(self._free) - reused :]
        rows = np.empty(count, np.int64)
        rows[:reused] = given
        rows[reused:] = self.push(count - reused)
        return rows

    def push(self, count: int) -> Rows:
        """Take `count` rows after all others, whatever rows are free, and return them in order."""
        self._end += count
        self.reserve(self._end)
        return np.arange(self._end - count, self._end)

    def free(self, row: int) -> None:
        """Free one row, which is taken."""
        for column in self._columns:
            getattr(self, column.name)[column.at(row)] = column.fill
        self._free.append(row)

    def free_many(self, rows: Iterable[int] | Rows) -> None:
        """Free different rows, which are taken; the last of them is reused first."""
        index = np.fromiter(rows, np.int64)
        for column in self._columns:
            getattr(self, column.name)[column.at(index)] = column.fill
        self._free += index.tolist()

    def taken(self) -> Rows:
        """Return the rows that are taken, ascending."""
        marks = np.ones(self._end, bool)
        marks[self._free] = False
        return np.flatnonzero(marks)

    def keep(self, rows: Rows, room: int = 1) -> None:
        """Keep these different rows only, in this order: they become rows 0, 1, ... and no row is free.

        The table then has room for `room` rows, or for these where they are more.
        """
        self._room, self._end, self._free = max(len(rows), room), len(rows), []
        for column in self._columns:
            array = self._array(column, self._room)
            array[column.at(slice(len(rows)))] = getattr(self, column.name)[column.at(rows)]
            setattr(self, column.name, array)

    def reserve(self, rows: int) -> None:
        """Make room for `rows` rows in all, so that taking them moves no array."""
        if rows <= self._room:
            return
        self._room = max(rows, self._room + max(self._room // 4, min(self._room, DOUBLED)))
        for column in self._columns:
            array = getattr(self, column.name)
            larger = self._array(column, self._room)
            larger[column.at(slice(array.shape[column.axis]))] = array
            setattr(self, column.name, larger)

    def to_arrays(self, *names: str, rows: int | None = None) -> Arrays:
        """Return copies of the columns `names`, of `rows` rows (None: of all that were ever taken), and the free rows.

        Tables that use rows without taking them say how many `rows` they use.
        """
        size = self._end if rows is None else min(rows, self._room)
        columns = {column.name: column for column in self._columns}
        arrays = {name: getattr(self, name)[columns[name].at(slice(size))].copy() for name in names}
        return {**arrays, "free": np.array(self._free, np.int64), "taken": np.array([self._end, size])}

    def from_arrays(self, arrays: Mapping[str, NDArray[Any]], *names: str) -> None:
        """Take over what `to_arrays` returned, into a new table; all other columns hold their fill values."""
        taken, size = arrays["taken"].tolist()
        self.reserve(max(taken, size))
        for column in self._columns:
            if column.name in names:
                getattr(self, column.name)[column.at(slice(size))] = arrays[column.name]
        self._end, self._free = taken, arrays["free"].tolist()

    def _array(self, column: Column[Any], count: int) -> NDArray[Any]:
        return column.rows(count, self._sizes)
