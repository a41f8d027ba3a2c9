"""Lines to sessions, by key, in event time.

Two clocks. *Stream time* is the running maximum of event time over the partition's lines; every line is met at the
stream time that it brings about. A session that is not touched for `gap` of stream time, or was opened more than
`max_age` of it ago, closes at the line that moves the clock past that, whichever key that line has. *Event time*, the
line's own, decides within a key: a line more than `gap` away from its session's lines, before or after, or one that
would stretch it beyond `max_age`, begins a new one. (Where lines come in order the two agree. Where one host's clock is
late, or a second file is read after a first, its lines still find each other.)

The cut is a function of the sequence of lines alone, however it is split into batches. Sessions leave in the order of
the lines that closed them, then of their first lines.

A batch is cut with arrays, an element a key (`runs`): the lines of a key join its session as a whole, or open a new
one, where no limit can be met among them. The few other keys are walked over (`walking`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from daemon.core.positions import Positions
from daemon.core.sessions.batch import CountTokens, Ints, LineNumbers, Rows, Runs, prepare
from daemon.core.sessions.closed_sessions import Closing, finished
from daemon.core.sessions.limits import SessionLimits, first_closing, overdue
from daemon.core.sessions.open_sessions import DISTINCT_LINE_TOKENS, Held, Marks, Slots
from daemon.core.sessions.slow_path import Cut, Walker
from daemon.core.types import ClosedBy, Session

__all__ = ["SessionLimits", "Sessionizer"]


class Sessionizer:
    """Cuts one partition's lines into sessions. Not thread-safe; positions must come in ascending order."""

    def __init__(self, limits: SessionLimits, count_tokens: CountTokens) -> None:
        self._limits = limits
        self._numbers = LineNumbers(count_tokens)
        self._watermark: int | None = None
        self._slots = Slots()
        self._held = Held()

    @property
    def watermark(self) -> int | None:
        """Stream time: the greatest event time so far, in microseconds; None before the first line."""
        return self._watermark

    @property
    def open_sessions(self) -> int:
        """Number of sessions under way."""
        return len(self._slots.by_key)

    @property
    def open_lines(self) -> int:
        """Number of lines in sessions under way."""
        return len(self._held.positions)

    def open_positions(self) -> Positions:
        """Return the positions of all lines in sessions under way, sorted."""
        return np.sort(self._held.positions.column("position"))

    def push(self, lines: pl.DataFrame) -> list[Session]:
        """Add lines (with `masked`) in reading order; return the sessions they closed, in closing order."""
        if lines.is_empty():
            return []
        rows = prepare(lines, self._watermark, self._numbers, self._held.live)
        cut = self._cut(rows)
        self._fill(rows, lines["text"], cut)
        self._watermark = int(rows.met[-1])
        return self._finished(cut.closed, rows.met, rows.offset)

    def advance(self, watermark_us: int) -> list[Session]:
        """Move stream time on without a line; return the sessions that closes, in the order of their first lines."""
        met = max(watermark_us, self._watermark if self._watermark is not None else watermark_us)
        self._watermark = met
        return self._finished([], np.array([met]), None)

    def flush(self, closed_by: ClosedBy) -> list[Session]:
        """Close every session; return them in the order of their first lines."""
        closed = [(0, slot, closed_by) for slot in self._slots.opened().tolist()]
        return self._close(closed)

    def _finished(self, closed: list[Closing], met: Ints, offset: Ints | None) -> list[Session]:
        """Close, beside those `closed` already, the sessions that stream time, at its latest, has left behind."""
        late = overdue(self._slots, int(met[-1]), None if offset is None else int(offset[-1]), self._limits)
        found = first_closing(self._slots, late, met, offset, self._limits)
        return self._close(closed + [(row, slot, why) for slot, (row, why) in zip(late.tolist(), found, strict=True)])

    def _close(self, closed: list[Closing]) -> list[Session]:
        for _, slot, _ in closed:
            self._slots.close(slot)
        return finished(self._slots, self._held, closed)

    def _cut(self, rows: Rows) -> Cut:
        """Give the lines of every key to its session, or to new ones where it must close."""
        slots, runs = self._slots, Runs.of(rows, self._limits.gap_us)
        known = np.fromiter(map(slots.by_key.get, rows.keys, [-1] * len(rows.keys)), np.int64, len(rows.keys))
        walker = Walker(self._limits, slots, self._held, rows, runs)
        keys = np.flatnonzero(np.diff(runs.of_key) == 1)
        ahead = _Ahead.of(slots, known[keys], rows, runs, runs.of_key[keys], self._limits)
        walked = np.ones(len(rows.keys), bool)
        walked[keys[ahead.whole]] = False
        for key in np.flatnonzero(walked).tolist():
            walker.walk(key)
        self._join(keys[ahead.whole], ahead.only_whole(), rows, runs, walker.cut)
        return walker.cut

    def _join(self, keys: Ints, ahead: _Ahead, rows: Rows, runs: Runs, cut: Cut) -> None:
        """Let the one run of each of `keys` join its session, or open one."""
        slots, run = self._slots, runs.of_key[keys]
        parted = np.flatnonzero((ahead.slot >= 0) & ~ahead.goes_on)
        if len(parted):
            gone = ahead.slot[parted]
            late = first_closing(slots, gone, rows.met, rows.offset, self._limits)
            for slot, (row, why), first in zip(gone.tolist(), late, runs.first_row[run[parted]].tolist(), strict=True):
                # Stream time may not have closed it: then its own time did, at the run's first line.
                cut.closed.append((row, slot, why) if row <= first else (first, slot, ClosedBy.GAP))
                slots.close(slot)
        slot = ahead.slot.copy()
        new = ~ahead.goes_on
        slot[new] = slots.take([rows.keys[key] for key in keys[new].tolist()])
        slots.met_first[slot], slots.first[slot] = ahead.met_first, np.where(new, runs.first[run], slots.first[slot])
        slots.start[slot], slots.end[slot] = ahead.start, ahead.end
        slots.met_last[slot] = rows.met[runs.last_row[run]]
        slots.size[slot], slots.cost[slot] = ahead.size, ahead.cost
        slots.distinct[slot] = np.where(new, 0, slots.distinct[slot])
        cut.slots += slot.tolist()
        cut.begins += runs.begin[run].tolist()
        cut.ends += runs.end[run].tolist()

    def _fill(self, rows: Rows, texts: pl.Series, cut: Cut) -> None:
        """Put the lines of a batch on the piles."""
        begins = np.array(cut.begins)
        order = np.argsort(begins)
        sizes = (np.array(cut.ends) - begins)[order]
        owner = np.repeat(np.array(cut.slots)[order], sizes)
        self._held.positions.add(owner, {"position": rows.position})
        kinds = len(rows.distinct)
        codes = owner * kinds + rows.line
        order = np.argsort(codes, kind="stable")
        begins = np.concatenate(([0], np.flatnonzero(np.diff(codes[order])) + 1))
        ends = np.append(begins[1:], len(order))
        first = order[begins]
        slots, line = owner[first], rows.line[first]
        columns = {
            "line": rows.numbers[line],
            "count": ends - begins,
            "first": rows.position[first],
            "last": rows.position[order[ends - 1]],
            "masked": np.array(rows.distinct, dtype=object)[line],
            "example": np.array(texts.gather(rows.row[first]).to_list(), dtype=object),
        }
        distinct = self._slots.distinct
        distinct += np.bincount(slots, minlength=len(distinct))
        distinct[list(cut.distinct)] = list(cut.distinct.values())
        if self._held.add_lines(slots, columns):
            owners = self._held.lines.rows()[0]
            distinct[:] = np.bincount(owners, minlength=len(distinct))


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What the sessions of some keys, each with one run, would be with that run: an element a key.

    `goes_on`: the run joins the session in `slot`, else it opens a new one. `whole`: no limit can be met inside it.
    """

    slot: Ints
    goes_on: Marks
    whole: Marks
    met_first: Ints
    start: Ints
    end: Ints
    size: Ints
    cost: Ints

    @classmethod
    def of(cls, slots: Slots, slot: Ints, rows: Rows, runs: Runs, run: Ints, limits: SessionLimits) -> _Ahead:
        """Look at the sessions in `slot` (-1: none) and at the run `run` of each."""
        at = np.maximum(slot, 0)
        met, last_met = rows.met[runs.first_row[run]], rows.met[runs.last_row[run]]
        offset, last_offset = rows.offset[runs.first_row[run]], rows.offset[runs.last_row[run]]
        time, pinned = runs.first_time[run], slots.offsets(at)
        goes_on = (
            (slot >= 0)
            & (met - slots.met_last[at] <= limits.gap_us)
            & (met - slots.met_first[at] <= limits.max_age_us)
            & (offset - pinned <= limits.max_pinned)
            & (slots.start[at] - limits.gap_us <= time)
            & (time <= slots.end[at] + limits.gap_us)
        )
        lines = runs.end[run] - runs.begin[run]
        met_first = np.where(goes_on, slots.met_first[at], met)
        start = np.minimum(np.where(goes_on, slots.start[at], time), runs.least[run])
        end = np.maximum(np.where(goes_on, slots.end[at], time), runs.greatest[run])
        size = np.where(goes_on, slots.size[at], 0) + lines
        cost = np.where(goes_on, slots.cost[at], 0) + runs.cost[run]
        distinct = np.where(goes_on, slots.distinct[at], 0) + lines
        whole = (
            (end - start <= limits.max_age_us)
            & (last_met - met_first <= limits.max_age_us)
            & (last_offset - np.where(goes_on, pinned, offset) <= limits.max_pinned)
            & (size <= limits.max_lines)
            & (cost + DISTINCT_LINE_TOKENS * distinct <= limits.max_tokens)
        )
        return cls(slot, goes_on, whole, met_first, start, end, size, cost)

    def only_whole(self) -> _Ahead:
        """Return the elements of those that join whole."""
        mine = self.whole
        return _Ahead(
            slot=self.slot[mine],
            goes_on=self.goes_on[mine],
            whole=self.whole[mine],
            met_first=self.met_first[mine],
            start=self.start[mine],
            end=self.end[mine],
            size=self.size[mine],
            cost=self.cost[mine],
        )
