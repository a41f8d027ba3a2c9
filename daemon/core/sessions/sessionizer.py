"""Lines to sessions, by key, in event time.

Two clocks. *Stream time* is the running maximum of the lines' `clock`, which is their event time unless it is far
ahead; where lines of several writers lie in one partition, it is the column `stream`, and lines may be ahead of it. A
session that gets no line for `gap` of stream time, or was opened more than `max_age` of it ago, closes at the
line that moves the clock past that, whichever key that line has. *Event time*, the line's own, decides within a key: a
line more than `gap` away from its session's lines, before or after, or one that would stretch it beyond `max_age`,
begins a new one. (Where lines come in order the two agree. Where one host's clock is late, or a second file is read
after a first, its lines still share a session.)

The cut is a function of the sequence of lines alone, however it is split into batches, but for what `relieve` closes.
Sessions are returned in the order of the lines that closed them, then of their first lines.

A batch is cut with arrays, an element a run: the first run of a key joins the key's session as a whole, or opens a new
one, and each later run opens another, where no limit is reached inside a run. The few other keys take the slow path.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from daemon.core.groups import stable_order
from daemon.core.masked_lines import MaskedLines
from daemon.core.positions import Positions
from daemon.core.sessions.batch import LineBatch, Runs, line_batch
from daemon.core.sessions.closed_sessions import Closings, take_closed
from daemon.core.sessions.limits import Ints, Marks, SessionLimits, SessionState, first_closing, fits, joins, overdue
from daemon.core.sessions.line_ids import CountTokens, LineNumbers
from daemon.core.sessions.open_sessions import OpenLines, SessionTable
from daemon.core.sessions.slow_path import Cut, SlowPath
from daemon.core.types import ClosedBy, Session

_NONE: Positions = np.empty(0, dtype=np.int64)
_NO_ROWS: Ints = np.empty(0, dtype=np.int64)


class Sessionizer:
    """Cuts one partition's lines into sessions. Not thread-safe.

    Positions ascend, except those of lines that were held back to be joined.
    """

    def __init__(self, limits: SessionLimits, count_tokens: CountTokens) -> None:
        self._limits = limits
        self._numbers = LineNumbers(count_tokens)
        self._watermark: int | None = None
        self._read_to = 0
        self._table = SessionTable()
        self._open_lines = OpenLines()
        self.begun: Ints = _NO_ROWS
        """The rows of the first lines of the sessions that the last `push` began, ascending."""

    @property
    def watermark(self) -> int | None:
        """Stream time: the greatest event time so far, in microseconds; None before the first line."""
        return self._watermark

    @property
    def open_sessions(self) -> int:
        """Number of open sessions."""
        return len(self._table.by_key)

    @property
    def open_lines(self) -> int:
        """Number of lines in open sessions."""
        return self._open_lines.positions.live

    def open_positions(self) -> Positions:
        """Return the positions of all lines in open sessions, sorted."""
        return np.sort(self._open_lines.positions.values("position"))

    def push(self, lines: MaskedLines, rows: Ints = _NO_ROWS, positions: Positions = _NONE) -> list[Session]:
        """Add lines in reading order; return the sessions they closed, in closing order.

        The line in row `rows[i]` was joined with the one at `positions[i]`, which belongs to the same session.
        """
        self.begun = _NO_ROWS
        if not len(lines):
            return []
        batch = line_batch(lines, self._watermark, self._read_to, self._numbers, self._open_lines.numbers)
        cut, counted = self._cut(batch)
        self.begun = np.sort(cut.begun)
        owner = self._add_lines(batch, lines.table["text"], cut.pieces, counted)
        if len(rows):
            slot_of_row = np.empty(len(lines), np.int64)
            slot_of_row[batch.row] = owner
            self._open_lines.positions.add(slot_of_row[rows], {"position": positions})
        self._read_to = int(batch.offset[-1])
        self._watermark = int(batch.stream_time[-1])
        return self._close_overdue(cut.closed, batch.stream_time, batch.offset)

    def advance(self, watermark_us: int) -> list[Session]:
        """Advance stream time without a line; return the sessions this closes, in the order of their first lines."""
        stream_time = max(watermark_us, self._watermark if self._watermark is not None else watermark_us)
        self._watermark = stream_time
        return self._close_overdue(Closings.of([]), np.array([stream_time]), None)

    def relieve(self) -> list[Session]:
        """Close the sessions that began first while open ones have more than `most_open_lines`; return them."""
        excess = self.open_lines - self._limits.most_open_lines
        if excess <= 0:
            return []
        opened = self._table.opened()
        oldest = opened[np.argsort(self._table.first[opened])]
        enough = int(np.searchsorted(np.cumsum(self._table.size[oldest]), excess)) + 1
        return self._close_at_once(oldest[:enough], ClosedBy.PIN)

    def flush(self, closed_by: ClosedBy) -> list[Session]:
        """Close every session; return them in the order of their first lines."""
        return self._close_at_once(self._table.opened(), closed_by)

    def _close_overdue(self, closed: Closings, stream_time: Ints, offset: Ints | None) -> list[Session]:
        """Close the sessions of `closed` and those that are overdue at the last stream time and offset."""
        table, last_offset = self._table, None if offset is None else int(offset[-1])
        late = table.opened(overdue(table.states, int(stream_time[-1]), last_offset, self._limits))
        if not len(late):
            return take_closed(table, self._open_lines, closed)
        rows, reasons = first_closing(table.gather(late), stream_time, offset, self._limits)
        table.close(late)
        return take_closed(table, self._open_lines, closed.and_(Closings(rows, late, reasons)))

    def _close_at_once(self, slots: Ints, why: ClosedBy) -> list[Session]:
        """Close sessions that no line closes."""
        self._table.close(slots)
        closed = Closings(np.zeros(len(slots), np.int64), slots, np.repeat(np.array([why], object), len(slots)))
        return take_closed(self._table, self._open_lines, closed)

    def _cut(self, batch: LineBatch) -> tuple[Cut, dict[int, int]]:
        """Give the lines of every key to its session, or to new ones where it must close.

        Returns also the numbers of distinct lines of the sessions of which these were counted, by slot.
        """
        table, runs = self._table, Runs.of(batch, self._limits.gap_us)
        first_run = runs.of_key[:-1]
        slots = np.full(len(runs.begin), -1)
        slots[first_run] = np.fromiter(map(table.by_key.get, batch.keys, [-1] * len(batch.keys)), np.int64)
        joined = _joined(table, slots, batch, runs, self._limits)
        certain = joined.fits.copy()
        if len(slots) > len(first_run):
            later = np.setdiff1d(np.arange(len(slots)), first_run, assume_unique=True)
            before = joined.state_of(later - 1)
            certain[later] &= _ended(before, batch, runs.first_row[later], runs.first_time[later], self._limits)
        whole = np.logical_and.reduceat(certain, first_run)
        if whole.all():
            return self._join(np.arange(len(slots)), joined, batch, runs), {}
        slow_path = SlowPath(self._limits, table, self._open_lines, batch, runs)
        for key in np.flatnonzero(~whole).tolist():
            slow_path.take_key(key)
        of_whole = np.repeat(whole, np.diff(runs.of_key))
        whole_keys = self._join(np.flatnonzero(of_whole), joined, batch, runs)
        return slow_path.cut.and_(whole_keys), slow_path.counted

    def _join(self, run: Ints, joined: _Joined, batch: LineBatch, runs: Runs) -> Cut:
        """Let the runs `run`, all those of some keys, join their sessions or open one each."""
        table, opens, before = self._table, joined.opens[run], joined.slot[run]
        key = np.searchsorted(runs.of_key, run, side="right") - 1
        slot = before.copy()
        keys = [batch.keys[number] for number in key[opens].tolist()]
        slot[opens] = table.open(keys)
        later = np.flatnonzero(np.diff(key, prepend=-1) == 0)
        before[later] = slot[later - 1]
        distinct = np.where(opens, 0, table.distinct[slot])  # `_add_lines` counts the new ones
        table.put(slot, joined.state_of(run)._replace(distinct=distinct))
        replaced = np.flatnonzero((before >= 0) & opens)
        closed = self._replace(before[replaced], runs.first_row[run[replaced]], batch)
        pieces = np.stack([slot, runs.begin[run], runs.end[run]], axis=1)
        return Cut(pieces, closed, runs.first_row[run[opens]])

    def _replace(self, slots: Ints, first: Ints, batch: LineBatch) -> Closings:
        """Close sessions whose keys have new ones, which begin at the rows `first`."""
        if not len(slots):
            return Closings.of([])
        row, why = first_closing(self._table.gather(slots), batch.stream_time, batch.offset, self._limits)
        why[row > first] = ClosedBy.GAP  # if no clock closed it by the run's first line, its event time does
        self._table.close_replaced(slots)
        return Closings(np.minimum(row, first), slots, why)

    def _add_lines(self, batch: LineBatch, texts: pl.Series, pieces: Ints, counted: dict[int, int]) -> Ints:
        """Add the lines of a batch to the open lines of their sessions; return the slot of each, in grouped order.

        `counted` are the distinct lines of sessions that the slow path has counted, by slot.
        """
        slots, begins, ends = pieces[np.argsort(pieces[:, 1])].T
        owner = np.repeat(slots, ends - begins)
        self._open_lines.positions.add(owner, {"position": batch.position})
        codes = owner * len(batch.distinct) + batch.line
        order = stable_order(codes)
        begins = np.concatenate(([0], np.flatnonzero(np.diff(codes[order])) + 1))
        ends = np.append(begins[1:], len(order))
        first = order[begins]
        slots, line = owner[first], batch.line[first]
        columns = {
            "line": batch.numbers[line],
            "count": ends - begins,
            "first": batch.position[first],
            "last": batch.position[order[ends - 1]],
            "masked": np.array(batch.distinct, dtype=object)[line],
            "example": texts[batch.row[first]].to_numpy(),
        }
        distinct = self._table.distinct
        distinct += np.bincount(slots, minlength=len(distinct))
        distinct[list(counted)] = list(counted.values())
        if self._open_lines.add_lines(slots, columns):
            owners = self._open_lines.lines.rows()[0]
            distinct[:] = np.bincount(owners, minlength=len(distinct))
        return owner


@dataclass(frozen=True, slots=True)
class _Joined:
    """The states that sessions would have with a run each: an element a run.

    `opens`: the run opens a new session, else it joins the one in `slot`. `fits`: no limit is reached inside it.
    """

    slot: Ints
    opens: Marks
    fits: Marks
    state: SessionState[Ints]

    def state_of(self, run: Ints) -> SessionState[Ints]:
        """Return the states with the runs `run`."""
        return SessionState(*(column[run] for column in self.state))


def _joined(table: SessionTable, slot: Ints, batch: LineBatch, runs: Runs, limits: SessionLimits) -> _Joined:
    """Return the states that the sessions in `slot` (-1: none) would have with a run each."""
    state = table.gather(np.maximum(slot, 0))
    first, last, time, touched = runs.first_row, runs.last_row, runs.first_time, runs.touched
    opens = (slot < 0) | _ended(state, batch, first, time, limits)
    lines = runs.end - runs.begin
    grown = SessionState(
        opened_at=np.where(opens, batch.touched[first], state.opened_at),
        touched_at=np.where(opens, touched, np.maximum(state.touched_at, touched)),
        start=np.minimum(np.where(opens, time, state.start), runs.least),
        end=np.maximum(np.where(opens, time, state.end), runs.greatest),
        first=np.where(opens, runs.first, state.first),
        size=np.where(opens, 0, state.size) + lines,
        cost=np.where(opens, 0, state.cost) + runs.cost,
        distinct=np.where(opens, 0, state.distinct) + lines,
    )
    whole = fits(grown, limits) & ~overdue(grown, batch.stream_time[last], batch.offset[last], limits)
    return _Joined(slot, opens, whole, grown)


def _ended(state: SessionState[Ints], batch: LineBatch, row: Ints, time: Ints, limits: SessionLimits) -> Marks:
    """Return whether each session has ended by the line in `row` of the batch, whose event time is `time`."""
    return overdue(state, batch.stream_time[row], batch.offset[row], limits) | ~joins(state, time, limits)
