"""Closed sessions, made of the rows that lay in the piles: many at a time, and only as far as anybody looks.

Most sessions are of a known pattern and nobody asks for more than how many of which lines they hold. So a session's
lines stay columns, shared by the sessions that closed together, until somebody goes through them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import overload

import numpy as np

from daemon.core.sessions.open_sessions import DISTINCT_LINE_TOKENS, Held, Slots, merge
from daemon.core.types import ClosedBy, Session, SessionLine

Closing = tuple[int, int, ClosedBy]
"""The line (in reading order) that closed a session, the session's slot, and why."""

_first_position = attrgetter("first")


@dataclass(frozen=True, slots=True)
class Shared:
    """Distinct lines of sessions that closed together: for each its text, count, first and last position, example."""

    masked: list[str]
    count: list[int]
    first: list[int]
    last: list[int]
    example: list[str]


class SessionLines(Sequence[SessionLine]):
    """A session's distinct lines in order of first position.

    `signature` tells apart what sessions hold: equal ones of one sessionizer and scope have equal lines and counts.
    """

    __slots__ = ("_begin", "_end", "_made", "_shared", "signature")

    def __init__(self, shared: Shared, begin: int, end: int, signature: bytes) -> None:
        self._shared = shared
        self._begin, self._end = begin, end
        self._made: list[SessionLine] | None = None
        self.signature = signature

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

    def counts(self) -> dict[str, int]:
        """Return the count of each masked line."""
        shared, begin, end = self._shared, self._begin, self._end
        return dict(zip(shared.masked[begin:end], shared.count[begin:end], strict=True))

    def _lines(self) -> list[SessionLine]:
        if self._made is None:
            it = self._shared
            columns = (it.masked, it.count, it.first, it.last, it.example)
            rows = zip(*(column[self._begin : self._end] for column in columns), strict=True)
            self._made = sorted((SessionLine(*row) for row in rows), key=_first_position)
        return self._made


def finished(slots: Slots, held: Held, closed: Sequence[Closing]) -> list[Session]:
    """Take closed sessions out of their slots and return them: by the closing line, then by first position."""
    if not closed:
        return []
    numbers = np.array([slot for _, slot, _ in closed], dtype=np.int64)
    order = np.lexsort((slots.first[numbers], np.array([row for row, _, _ in closed], dtype=np.int64)))
    numbers = numbers[order]
    marked = np.zeros(len(slots) + 1, bool)
    marked[numbers] = True
    rank = np.empty(len(slots), np.int64)
    rank[numbers] = np.arange(len(numbers))
    found, columns = held.lines.clear(marked)
    owner, lines = merge(rank[found], columns)
    ends = np.cumsum(np.bincount(owner, minlength=len(numbers)))
    sizes = np.diff(ends, prepend=0)
    pairs = np.stack([lines["line"], lines["count"]], axis=1).tobytes()
    shared = Shared(*(lines[name].tolist() for name in ("masked", "count", "first", "last", "example")))
    owner, places = held.positions.clear(marked)
    owner = rank[owner]
    if len(numbers) < 1 << 16:
        owner = owner.astype(np.uint16)  # numpy sorts these by counting
    positions = places["position"][np.argsort(owner, kind="stable")]
    slots.free(numbers.tolist())
    begin = at = 0
    sessions = []
    columns_of = (numbers, order, slots.start[numbers], slots.end[numbers], slots.size[numbers], ends)
    tokens = slots.cost[numbers] + DISTINCT_LINE_TOKENS * sizes
    for slot, place, start, end, size, until, cost in zip(
        *(column.tolist() for column in columns_of), tokens.tolist(), strict=True
    ):
        scope, key = slots.keys[slot]
        held_lines = SessionLines(shared, begin, until, pairs[16 * begin : 16 * until])
        sessions.append(
            Session(scope, key, start, end, size, cost, closed[place][2], held_lines, positions[at : at + size])
        )
        begin, at = until, at + size
    return sessions
