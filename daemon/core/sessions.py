"""Lines to sessions, by key, in event time.

Two clocks. *Stream time* is the running maximum of event time over the partition's lines; every line is met at the
stream time that it brings about. A session that is not touched for `gap` of stream time, or was opened more than
`max_age` of it ago, closes at the line that moves the clock past that, whichever key that line has. *Event time*, the
line's own, decides within a key: a line more than `gap` away from its session's lines, before or after, or one that
would stretch it beyond `max_age`, begins a new one. (Where lines come in order the two agree. Where one host's clock is
late, or a second file is read after a first, its lines still find each other.)

The cut is a function of the sequence of lines alone, however it is split into batches. Sessions leave in the order of
the lines that closed them, then of their first lines.

A batch is cut run by run (`runs`). A run joins its session whole where no limit can be met inside it, else it is walked
line by line.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import polars as pl

from daemon.core.opensessions import DISTINCT_LINE_TOKENS, Closing, Cut, OpenSession, fill, finished
from daemon.core.records import ClosedBy, Positions, Session
from daemon.core.runs import CountTokens, Key, Rows, Runs, TokenCache, prepare


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """When a session ends. Times in microseconds.

    `max_tokens` bounds the sum of the tokens of all lines and `DISTINCT_LINE_TOKENS` a distinct line; a single line may
    exceed it alone. `max_pinned` bounds, in offsets, how far reading may run ahead of a session's first line.
    """

    gap_us: int
    max_age_us: int
    max_lines: int
    max_tokens: int
    max_pinned: int


class Sessionizer:
    """Cuts one partition's lines into sessions. Not thread-safe; positions must come in ascending order."""

    def __init__(self, limits: SessionLimits, count_tokens: CountTokens) -> None:
        self._limits = limits
        self._tokens = TokenCache(count_tokens)
        self._watermark: int | None = None
        self._open: dict[Key, OpenSession] = {}
        self._by_touch: OrderedDict[OpenSession, None] = OrderedDict()  # least recently touched first
        self._by_age: OrderedDict[OpenSession, None] = OrderedDict()  # oldest first

    @property
    def watermark(self) -> int | None:
        """Stream time: the greatest event time so far, in microseconds; None before the first line."""
        return self._watermark

    @property
    def open_sessions(self) -> int:
        """Number of sessions under way."""
        return len(self._open)

    @property
    def open_lines(self) -> int:
        """Number of lines in sessions under way."""
        return sum(session.size for session in self._open.values())

    @property
    def cached_lines(self) -> int:
        """Number of distinct masked lines whose token counts are remembered; bounded."""
        return len(self._tokens)

    def open_positions(self) -> Positions:
        """Return the positions of all lines in sessions under way, sorted."""
        parts = [np.frombuffer(session.positions.tobytes(), dtype=np.int64) for session in self._open.values()]
        return np.sort(np.concatenate(parts)) if parts else np.empty(0, dtype=np.int64)

    def push(self, lines: pl.DataFrame) -> list[Session]:
        """Add lines (with `masked`) in reading order; return the sessions they closed, in closing order."""
        if lines.is_empty():
            return []
        rows = prepare(lines, self._watermark, self._tokens)
        cut = self._cut(rows)
        fill(rows, lines["text"], cut)
        self._reorder(rows, cut)
        self._watermark = rows.met[-1]
        return finished(cut.closed + self._overdue(rows.met, rows.offset))

    def advance(self, watermark_us: int) -> list[Session]:
        """Move stream time on without a line; return the sessions that closes, in the order of their first lines."""
        met = max(watermark_us, self._watermark if self._watermark is not None else watermark_us)
        self._watermark = met
        return finished(self._overdue([met], None))

    def flush(self, closed_by: ClosedBy) -> list[Session]:
        """Close every session; return them in the order of their first lines."""
        closed = [(0, session, closed_by) for session in self._open.values()]
        self._open.clear()
        self._by_touch.clear()
        self._by_age.clear()
        return finished(closed)

    def _cut(self, rows: Rows) -> Cut:
        """Give every run to its session, or to new ones where it must close; what is simple is done here, for speed."""
        limits, opened, cut, met, offset = self._limits, self._open, Cut(), rows.met, rows.offset
        gap, age, pin = limits.gap_us, limits.max_age_us, limits.max_pinned
        runs = Runs.of(rows, gap)
        for number, begin, end, first, last, time, least, greatest, cost in zip(
            runs.key, runs.begin, runs.end, runs.first_row, runs.last_row,
            runs.first_time, runs.least, runs.greatest, runs.cost, strict=True,
        ):  # fmt: skip
            key = rows.keys[number]
            session = opened.get(key)
            if session is None or not (
                met[first] - session.met_last <= gap
                and met[first] - session.met_first <= age
                and offset[first] - session.first_offset <= pin
                and session.start - gap <= time <= session.end + gap
            ):
                if session is not None:
                    self._close(session, self._closing(rows, session, first) or (first, ClosedBy.GAP), cut)
                session = opened[key] = OpenSession(key, met[first], time, offset[first])
                cut.opened.append((first, session))
            if (
                max(session.end, greatest) - min(session.start, least) > age
                or met[last] - session.met_first > age
                or offset[last] - session.first_offset > pin
                or session.size + end - begin > limits.max_lines
                or session.tokens + cost + DISTINCT_LINE_TOKENS * (end - begin) > limits.max_tokens
            ):
                self._walk(rows, session, begin, end, cut)
                continue
            session.start = min(session.start, least)
            session.end = max(session.end, greatest)
            session.met_last = met[last]
            session.size += end - begin
            session.tokens += cost
            cut.add(session, begin, end)
        return cut

    def _walk(self, rows: Rows, session: OpenSession, begin: int, end: int, cut: Cut) -> None:
        """Give a run's lines to sessions one by one."""
        columns = (rows.row, rows.time, rows.line, rows.cost)
        walked = zip(*(column[begin:end].tolist() for column in columns), strict=True)
        fresh: set[str] = set()
        for at, (row, time, line, cost) in enumerate(walked, begin):
            masked = rows.distinct[line]
            is_fresh = masked not in fresh and masked not in session.lines
            closing = self._closing(rows, session, row)
            if closing is None and session.size:
                closing = self._full(session, row, time, cost + DISTINCT_LINE_TOKENS * (len(fresh) + is_fresh))
            if closing is not None:
                if at > begin:
                    cut.add(session, begin, at)
                self._close(session, closing, cut)
                session = self._open[session.key] = OpenSession(session.key, rows.met[row], time, rows.offset[row])
                cut.opened.append((row, session))
                begin, fresh, is_fresh = at, set(), True
            if is_fresh:
                fresh.add(masked)
            session.size += 1
            session.tokens += cost
            session.met_last = rows.met[row]
            session.start, session.end = min(session.start, time), max(session.end, time)
        cut.add(session, begin, end)

    def _full(self, session: OpenSession, row: int, time: int, cost: int) -> tuple[int, ClosedBy] | None:
        """Say why a line that no gap parts from its session does not fit into it."""
        limits = self._limits
        if max(session.end, time) - min(session.start, time) > limits.max_age_us:
            return row, ClosedBy.AGE
        if session.size >= limits.max_lines:
            return row, ClosedBy.LINES
        return (row, ClosedBy.TOKENS) if session.tokens + cost > limits.max_tokens else None

    def _closing(self, rows: Rows, session: OpenSession, row: int) -> tuple[int, ClosedBy] | None:
        """Return the line, up to `row`, at which stream time or the pin closes a session, and which of them."""
        limits = self._limits
        if (
            rows.met[row] - session.met_last <= limits.gap_us
            and rows.met[row] - session.met_first <= limits.max_age_us
            and rows.offset[row] - session.first_offset <= limits.max_pinned
        ):
            return None
        return _first_closing(rows.met, rows.offset, session, limits)

    def _close(self, session: OpenSession, closing: tuple[int, ClosedBy], cut: Cut) -> None:
        cut.closed.append((closing[0], session, closing[1]))
        self._by_touch.pop(session, None)
        self._by_age.pop(session, None)

    def _reorder(self, rows: Rows, cut: Cut) -> None:
        """Bring the two orders up to date with the sessions that are still open."""
        for _, session in sorted(cut.opened, key=_first_of):
            if self._open.get(session.key) is session:
                self._by_age[session] = None
        last_rows = rows.row[np.array(cut.ends) - 1]
        for number in np.argsort(last_rows).tolist():
            session = cut.sessions[number]
            if self._open.get(session.key) is session:
                self._by_touch[session] = None
                self._by_touch.move_to_end(session)

    def _overdue(self, met: list[int], offset: list[int] | None) -> list[Closing]:
        """Close the sessions that stream time, at its latest, has left behind."""
        limits, cut = self._limits, Cut()
        while self._by_touch:
            session = next(iter(self._by_touch))
            if met[-1] - session.met_last <= limits.gap_us:
                break
            self._close(session, _first_closing(met, offset, session, limits), cut)
            del self._open[session.key]
        while self._by_age:
            session = next(iter(self._by_age))
            pinned = offset is not None and offset[-1] - session.first_offset > limits.max_pinned
            if met[-1] - session.met_first <= limits.max_age_us and not pinned:
                break
            self._close(session, _first_closing(met, offset, session, limits), cut)
            del self._open[session.key]
        return cut.closed


def _first_of(item: tuple[int, OpenSession]) -> int:
    return item[0]


def _first_closing(
    met: list[int], offset: list[int] | None, session: OpenSession, limits: SessionLimits
) -> tuple[int, ClosedBy]:
    """Return the first line at which a session is overdue, and why."""
    at_gap = bisect_right(met, session.met_last + limits.gap_us)
    at_age = bisect_right(met, session.met_first + limits.max_age_us)
    at_pin = len(met) if offset is None else bisect_right(offset, session.first_offset + limits.max_pinned)
    return min((at_gap, 0, ClosedBy.GAP), (at_age, 1, ClosedBy.AGE), (at_pin, 2, ClosedBy.PIN))[::2]
