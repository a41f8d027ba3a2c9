"""The slow path: the lines of one key that cannot join their session as a whole, taken run by run and line by line.

The sessionizer cuts most keys of a batch with arrays. This module takes the few keys in which a session may end inside
a run, or may go on from one run to the next. It holds the state of the current session as plain numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from daemon.core.sessions.batch import LineBatch, Runs
from daemon.core.sessions.closed_sessions import Closings
from daemon.core.sessions.limits import Ints, SessionLimits, SessionState, exceeded, first_closing, fits, joins, overdue
from daemon.core.sessions.open_sessions import OpenLines, SessionTable
from daemon.core.types import ClosedBy


@dataclass(frozen=True, slots=True)
class Cut:
    """How lines were cut into sessions.

    `pieces`, of shape (n, 3), have the slot, the begin and the end in grouped order. `begun` are the first lines (in
    reading order) of new sessions.
    """

    pieces: Ints
    closed: Closings
    begun: Ints

    def and_(self, more: Cut) -> Cut:
        """Return how these lines and others were cut."""
        pieces, begun = np.append(self.pieces, more.pieces, axis=0), np.append(self.begun, more.begun)
        return Cut(pieces, self.closed.and_(more.closed), begun)


class SlowPath:
    """Takes the runs of single keys of one batch. `cut` is the result.

    `counted` are the distinct lines of the sessions that it has counted, by slot.
    """

    def __init__(
        self, limits: SessionLimits, table: SessionTable, open_lines: OpenLines, batch: LineBatch, runs: Runs
    ) -> None:
        self._limits, self._table, self._open_lines = limits, table, open_lines
        self._batch, self._runs = batch, runs
        self.counted: dict[int, int] = {}
        self._cut: list[tuple[int, int, int]] = []
        self._closed: list[tuple[int, int, ClosedBy]] = []
        self._begun: list[int] = []
        self._slot = -1
        self._state = SessionState(*[0] * len(SessionState._fields))
        self._distinct: set[int] | None = None
        self._pieces: list[tuple[int, int]] = []

    @property
    def cut(self) -> Cut:
        """How the lines of the keys taken so far were cut."""
        pieces, begun = np.array(self._cut, np.int64).reshape(-1, 3), np.array(self._begun, np.int64)
        return Cut(pieces, Closings.of(self._closed), begun)

    def take_key(self, key: int) -> None:
        """Give the lines of a key, by its index in `LineBatch.keys`, to its session, or to new ones where it must
        close.
        """
        slot = self._slot = self._table.by_key.get(self._batch.keys[key], -1)
        if slot >= 0:
            self._state = self._table.get(slot)
        self._distinct, self._pieces = None, []
        for run in range(int(self._runs.of_key[key]), int(self._runs.of_key[key + 1])):
            self._take_run(key, run)
        self._store()

    def _take_run(self, key: int, run: int) -> None:
        runs, batch = self._runs, self._batch
        begin, end = int(runs.begin[run]), int(runs.end[run])
        first, last = int(runs.first_row[run]), runs.last_row[run]
        if self._slot >= 0:
            closing = self._overdue_at(int(batch.stream_time[first]), int(batch.offset[first]))
            if closing is None and not joins(self._state, int(runs.first_time[run]), self._limits):
                closing = first, ClosedBy.GAP
            if closing is not None:
                self._close(closing)
        if self._slot < 0:
            self._open(key, begin)
        state, stream_time = self._state, int(batch.stream_time[last])
        whole = state._replace(
            touched_at=max(state.touched_at, int(runs.touched[run])),
            start=min(state.start, int(runs.least[run])),
            end=max(state.end, int(runs.greatest[run])),
            size=state.size + end - begin,
            cost=state.cost + int(runs.cost[run]),
            distinct=state.distinct + end - begin,
        )
        if not fits(whole, self._limits) or overdue(whole, stream_time, int(batch.offset[last]), self._limits):
            self._take_lines(key, begin, end)
            return
        self._add(begin, end)
        if self._distinct is not None:
            self._distinct.update(self._numbers(begin, end))
            whole = whole._replace(distinct=len(self._distinct))
        self._state = whole

    def _take_lines(self, key: int, begin: int, end: int) -> None:
        batch, limits, distinct = self._batch, self._limits, self._distinct_lines()
        order = batch.row[begin:end]
        clocks = (batch.stream_time[order], batch.touched[order])
        columns = (order, *clocks, batch.offset[order], batch.time[begin:end], batch.cost[begin:end])
        lines = zip(*(column.tolist() for column in columns), self._numbers(begin, end), strict=True)
        self._state = self._state._replace(distinct=len(distinct))
        for place, (row, stream_time, touched, offset, time, cost, line) in enumerate(lines, begin):
            closing = self._overdue_at(stream_time, offset)
            grown = _with_line(self._state, touched, time, cost, new=line not in distinct)
            if closing is None and self._state.size and not fits(grown, limits):
                closing = row, exceeded(grown, limits)
            if closing is not None:
                self._add(begin, place)
                self._close(closing)
                self._open(key, place)
                distinct, begin = self._distinct_lines(), place
                grown = _with_line(self._state, touched, time, cost, new=True)
            distinct.add(line)
            self._state = grown
        self._add(begin, end)

    def _numbers(self, begin: int, end: int) -> list[int]:
        numbers: list[int] = self._batch.numbers[self._batch.line[begin:end]].tolist()
        return numbers

    def _distinct_lines(self) -> set[int]:
        """Return the numbers of the lines that the session holds."""
        if self._distinct is None:
            self._distinct = set(np.unique(self._open_lines.lines.values("line", self._slot)).tolist())
            for begin, end in self._pieces:
                self._distinct.update(self._numbers(begin, end))
        return self._distinct

    def _add(self, begin: int, end: int) -> None:
        if end > begin:
            self._cut.append((self._slot, begin, end))
            self._pieces.append((begin, end))

    def _open(self, key: int, place: int) -> None:
        batch = self._batch
        self._slot = int(self._table.open([batch.keys[key]])[0])
        self._begun.append(int(batch.row[place]))
        touched, time = int(batch.touched[batch.row[place]]), int(batch.time[place])
        self._state = SessionState(touched, touched, time, time, int(batch.position[place]), 0, 0, 0)
        self._distinct, self._pieces = set(), []

    def _close(self, closing: tuple[int, ClosedBy]) -> None:
        self._store()
        self._closed.append((closing[0], self._slot, closing[1]))
        self._table.close(np.array([self._slot]))
        self._slot = -1

    def _store(self) -> None:
        self._table.put(self._slot, self._state)
        self.counted[self._slot] = self._state.distinct

    def _overdue_at(self, stream_time: int, offset: int) -> tuple[int, ClosedBy] | None:
        """Return the first line at which the session is overdue, and why, if it is by this stream time and offset."""
        if not overdue(self._state, stream_time, offset, self._limits):
            return None
        self._store()
        state = self._table.gather(np.array([self._slot]))
        rows, reasons = first_closing(state, self._batch.stream_time, self._batch.offset, self._limits)
        return int(rows[0]), reasons[0]


def _with_line(state: SessionState[int], touched: int, time: int, cost: int, *, new: bool) -> SessionState[int]:
    """Return the state with one more line, which is `new` if the session does not hold it yet."""
    return SessionState(
        state.opened_at,
        max(state.touched_at, touched),
        min(state.start, time),
        max(state.end, time),
        state.first,
        state.size + 1,
        state.cost + cost,
        state.distinct + new,
    )
