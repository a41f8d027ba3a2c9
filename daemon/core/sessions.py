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
line by line. What a session keeps: per distinct masked line a count, two positions and one example; and its lines'
positions.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from daemon.core.records import ClosedBy, Positions, Session, SessionLine
from daemon.core.runs import CountTokens, Key, Rows, Runs, TokenCache, prepare

DISTINCT_LINE_TOKENS = 4
"""What a distinct line costs on top of its own tokens: its count, the cross and the line's end in the rendering."""


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


_Line = list[Any]
"""Count, first position, last position, example."""


class _Open:
    """A session under way: in stream time (`met_*`) and event time (`start`, `end`), and its lines by masked text."""

    __slots__ = ("end", "first_offset", "key", "lines", "met_first", "met_last", "positions", "size", "start", "tokens")

    def __init__(self, key: Key, met: int, time: int, offset: int) -> None:
        self.key = key
        self.met_first = self.met_last = met
        self.start = self.end = time
        self.first_offset = offset
        self.size = self.tokens = 0
        self.lines: dict[str, _Line] = {}
        self.positions = array("q")


_Closing = tuple[int, _Open, ClosedBy]
"""A session, the line (in reading order) that closed it, and why."""


class _Cut:
    """What one batch did: pieces of sessions (session, first and last line in grouped order), new ones, closed ones."""

    __slots__ = ("begins", "closed", "ends", "opened", "sessions")

    def __init__(self) -> None:
        self.sessions: list[_Open] = []
        self.begins: list[int] = []
        self.ends: list[int] = []
        self.opened: list[tuple[int, _Open]] = []
        self.closed: list[_Closing] = []

    def add(self, session: _Open, begin: int, end: int) -> None:
        self.sessions.append(session)
        self.begins.append(begin)
        self.ends.append(end)


class Sessionizer:
    """Cuts one partition's lines into sessions. Not thread-safe; positions must come in ascending order."""

    def __init__(self, limits: SessionLimits, count_tokens: CountTokens) -> None:
        self._limits = limits
        self._tokens = TokenCache(count_tokens)
        self._watermark: int | None = None
        self._open: dict[Key, _Open] = {}
        self._by_touch: OrderedDict[_Open, None] = OrderedDict()  # least recently touched first
        self._by_age: OrderedDict[_Open, None] = OrderedDict()  # oldest first

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
        _fill(rows, lines["text"], cut)
        self._reorder(rows, cut)
        self._watermark = rows.met[-1]
        return _finished(cut.closed + self._overdue(rows.met, rows.offset))

    def advance(self, watermark_us: int) -> list[Session]:
        """Move stream time on without a line; return the sessions that closes, in the order of their first lines."""
        met = max(watermark_us, self._watermark if self._watermark is not None else watermark_us)
        self._watermark = met
        return _finished(self._overdue([met], None))

    def flush(self, closed_by: ClosedBy) -> list[Session]:
        """Close every session; return them in the order of their first lines."""
        closed = [(0, session, closed_by) for session in self._open.values()]
        self._open.clear()
        self._by_touch.clear()
        self._by_age.clear()
        return _finished(closed)

    def _cut(self, rows: Rows) -> _Cut:
        """Give every run to its session, or to new ones where it must close; what is simple is done here, for speed."""
        limits, opened, cut, met, offset = self._limits, self._open, _Cut(), rows.met, rows.offset
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
                session = opened[key] = _Open(key, met[first], time, offset[first])
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

    def _walk(self, rows: Rows, session: _Open, begin: int, end: int, cut: _Cut) -> None:
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
                session = self._open[session.key] = _Open(session.key, rows.met[row], time, rows.offset[row])
                cut.opened.append((row, session))
                begin, fresh, is_fresh = at, set(), True
            if is_fresh:
                fresh.add(masked)
            session.size += 1
            session.tokens += cost
            session.met_last = rows.met[row]
            session.start, session.end = min(session.start, time), max(session.end, time)
        cut.add(session, begin, end)

    def _full(self, session: _Open, row: int, time: int, cost: int) -> tuple[int, ClosedBy] | None:
        """Say why a line that no gap parts from its session does not fit into it."""
        limits = self._limits
        if max(session.end, time) - min(session.start, time) > limits.max_age_us:
            return row, ClosedBy.AGE
        if session.size >= limits.max_lines:
            return row, ClosedBy.LINES
        return (row, ClosedBy.TOKENS) if session.tokens + cost > limits.max_tokens else None

    def _closing(self, rows: Rows, session: _Open, row: int) -> tuple[int, ClosedBy] | None:
        """Return the line, up to `row`, at which stream time or the pin closes a session, and which of them."""
        limits = self._limits
        if (
            rows.met[row] - session.met_last <= limits.gap_us
            and rows.met[row] - session.met_first <= limits.max_age_us
            and rows.offset[row] - session.first_offset <= limits.max_pinned
        ):
            return None
        return _first_closing(rows.met, rows.offset, session, limits)

    def _close(self, session: _Open, closing: tuple[int, ClosedBy], cut: _Cut) -> None:
        cut.closed.append((closing[0], session, closing[1]))
        self._by_touch.pop(session, None)
        self._by_age.pop(session, None)

    def _reorder(self, rows: Rows, cut: _Cut) -> None:
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

    def _overdue(self, met: list[int], offset: list[int] | None) -> list[_Closing]:
        """Close the sessions that stream time, at its latest, has left behind."""
        limits, cut = self._limits, _Cut()
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


def _first_of(item: tuple[int, _Open]) -> int:
    return item[0]


def _first_closing(
    met: list[int], offset: list[int] | None, session: _Open, limits: SessionLimits
) -> tuple[int, ClosedBy]:
    """Return the first line at which a session is overdue, and why."""
    at_gap = bisect_right(met, session.met_last + limits.gap_us)
    at_age = bisect_right(met, session.met_first + limits.max_age_us)
    at_pin = len(met) if offset is None else bisect_right(offset, session.first_offset + limits.max_pinned)
    return min((at_gap, 0, ClosedBy.GAP), (at_age, 1, ClosedBy.AGE), (at_pin, 2, ClosedBy.PIN))[::2]


def _fill(rows: Rows, texts: pl.Series, cut: _Cut) -> None:
    """Put each piece's lines into its session, and what distinct lines cost."""
    kinds = len(rows.distinct)
    sizes = np.array(cut.ends) - np.array(cut.begins)
    codes = np.repeat(np.arange(len(sizes)) * kinds, sizes) + rows.line
    order = np.argsort(codes, kind="stable")
    begins = np.concatenate(([0], np.flatnonzero(np.diff(codes[order])) + 1))
    ends = np.append(begins[1:], len(order))
    first = order[begins]
    piece, line = np.divmod(codes[first], kinds)
    columns = (piece, line, ends - begins, rows.position[first], rows.position[order[ends - 1]])
    examples = texts.gather(rows.row[first]).to_list()
    sessions, distinct = cut.sessions, rows.distinct
    for number, kind, count, position, last, example in zip(*(x.tolist() for x in columns), examples, strict=True):
        session = sessions[number]
        known = session.lines.get(distinct[kind])
        if known is None:
            session.lines[distinct[kind]] = [count, position, last, example]
            session.tokens += DISTINCT_LINE_TOKENS
        else:
            known[0] += count
            known[2] = last
    positions = rows.position.tobytes()
    for session, begin, end in zip(sessions, cut.begins, cut.ends, strict=True):
        session.positions.frombytes(positions[8 * begin : 8 * end])


def _finished(closed: list[_Closing]) -> list[Session]:
    """Return sessions in closing order: by the closing line, then by first position."""
    closed.sort(key=lambda item: (item[0], item[1].positions[0]))
    return [_session(session, reason) for _, session, reason in closed]


def _session(session: _Open, reason: ClosedBy) -> Session:
    return Session(
        scope=session.key[0],
        key=session.key[1],
        start=session.start,
        end=session.end,
        size=session.size,
        tokens=session.tokens,
        closed_by=reason,
        lines=sorted((SessionLine(masked, *line) for masked, line in session.lines.items()), key=_first_position),
        positions=np.frombuffer(session.positions, dtype=np.int64),
    )


def _first_position(line: SessionLine) -> int:
    return line.first
