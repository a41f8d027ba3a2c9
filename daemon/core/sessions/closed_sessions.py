"""Closed sessions, made from the rows of `OpenLines`: many at a time, and their lines only when they are read.

Most sessions have a known pattern, and then only the counts of their lines are needed. So a session's lines stay
columns, shared by the sessions that closed together, until they are iterated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, repeat
from operator import attrgetter
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from daemon.core.groups import combined
from daemon.core.positions import Positions
from daemon.core.sessions.limits import DISTINCT_LINE_TOKENS, Ints, Marks, Reasons
from daemon.core.sessions.open_sessions import OpenLines, SessionTable, merge
from daemon.core.types import ClosedBy, Session, SessionLine

_new_session = partial(tuple.__new__, Session)
"""Makes a session of its fields in order, in less time than a call of `Session`."""
_first_position = attrgetter("first")


class Closings(NamedTuple):
    """Closed sessions: the line (in reading order) that closed each, its slot, and why."""

    rows: Ints
    slots: Ints
    reasons: Reasons

    @classmethod
    def of(cls, closed: Sequence[tuple[int, int, ClosedBy]]) -> Closings:
        """Return as columns what is known one by one."""
        rows, slots, reasons = zip(*closed, strict=True) if closed else ((), (), ())
        return cls(np.array(rows, np.int64), np.array(slots, np.int64), np.array(reasons, object))

    def and_(self, more: Closings) -> Closings:
        """Return these and more."""
        if not len(self.slots):
            return more
        rows, slots = np.append(self.rows, more.rows), np.append(self.slots, more.slots)
        return Closings(rows, slots, np.append(self.reasons, more.reasons))


@dataclass(frozen=True, slots=True)
class SharedLines:
    """Distinct lines of sessions that closed together: the text, count, first and last position and example of each.

    `signed` has 16 bytes a line, which two lines of a scope share exactly when they have equal texts and counts.
    """

    signed: bytes
    masked: NDArray[np.object_]
    count: Ints
    first: Ints
    last: Ints
    example: NDArray[np.object_]


class SessionLines(Sequence[SessionLine]):
    """A session's distinct lines in order of first position: the lines `begin` to `end` of `shared`."""

    __slots__ = ("_begin", "_built", "_end", "_shared")

    def __init__(self, shared: SharedLines, begin: int, end: int) -> None:
        self._shared = shared
        self._begin, self._end = begin, end
        self._built: list[SessionLine] | None = None

    def __len__(self) -> int:
        return self._end - self._begin

    @overload
    def __getitem__(self, at: int) -> SessionLine: ...
    @overload
    def __getitem__(self, at: slice) -> list[SessionLine]: ...
    def __getitem__(self, at: int | slice) -> SessionLine | list[SessionLine]:
        return self._lines()[at]

    def __iter__(self) -> Iterator[SessionLine]:
        return iter(self._lines())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._lines() == list(other)

    __hash__ = None  # type: ignore[assignment]  # as a list has none

    def __repr__(self) -> str:
        return repr(self._lines())

    @property
    def signature(self) -> bytes:
        """Two sessions of one sessionizer and scope share it exactly when they have equal lines and counts."""
        return self._shared.signed[16 * self._begin : 16 * self._end]

    def counts(self) -> dict[str, int]:
        """Return the count of each masked line."""
        own = slice(self._begin, self._end)
        return dict(zip(self._shared.masked[own].tolist(), self._shared.count[own].tolist(), strict=True))

    def _lines(self) -> list[SessionLine]:
        if self._built is None:
            shared = self._shared
            columns = (shared.masked, shared.count, shared.first, shared.last, shared.example)
            rows = zip(*(column[self._begin : self._end].tolist() for column in columns), strict=True)
            self._built = sorted((SessionLine(*row) for row in rows), key=_first_position)
        return self._built


def take_closed(table: SessionTable, open_lines: OpenLines, closed: Closings) -> list[Session]:
    """Remove closed sessions from the table and return them: by the closing line, then by first position."""
    if not len(closed.slots):
        return []
    order = np.argsort(combined(closed.rows, table.first[closed.slots]))
    slots = closed.slots[order]
    marked = np.zeros(len(table) + 1, bool)
    marked[slots] = True
    rank = np.empty(len(table), np.int64)
    rank[slots] = np.arange(len(slots))
    line_slots, columns = open_lines.lines.clear(marked)
    owner, lines = merge(rank[line_slots], columns)
    ends = np.cumsum(np.bincount(owner, minlength=len(slots)))
    sizes = np.diff(ends, prepend=0)
    signed = np.stack([lines["line"], lines["count"]], axis=1).tobytes()
    shared = SharedLines(signed, *(lines[name] for name in ("masked", "count", "first", "last", "example")))
    positions, counts = _positions(open_lines, marked, rank, len(slots))
    bounds = np.concatenate(([0], np.cumsum(counts))).tolist()
    state, keys = table.gather(slots), table.key[slots].tolist()
    table.free_many(slots)
    end = np.minimum(state.end, state.touched_at)  # an event time ahead of stream time is not trusted
    numbers = (np.minimum(state.start, end), end, state.size, state.cost + DISTINCT_LINE_TOKENS * sizes)
    columns_of_sessions = zip(
        *zip(*keys, strict=True),
        *(column.tolist() for column in (*numbers, closed.reasons[order])),
        map(SessionLines, repeat(shared), (ends - sizes).tolist(), ends.tolist()),
        [positions[begin:end] for begin, end in pairwise(bounds)],
        strict=True,
    )
    return list(map(_new_session, columns_of_sessions))


def _positions(open_lines: OpenLines, marked: Marks, rank: Ints, count: int) -> tuple[Positions, Ints]:
    """Remove the positions of `count` marked sessions; return them in the order of ranks, and how many each has."""
    slots, columns = open_lines.positions.clear(marked)
    owner, position = rank[slots], columns["position"]
    counts = np.bincount(owner, minlength=count)
    narrow = owner.astype(np.uint16) if count < 1 << 16 else owner  # numpy sorts 16 bits by radix
    ordered = position[np.argsort(narrow, kind="stable")]
    falls = np.diff(ordered) < 0
    falls[np.cumsum(counts)[:-1] - 1] = False
    if falls.any():  # of joined lines, which are added after those that are whole
        ordered = position[np.lexsort((position, owner))]
    return ordered, counts
