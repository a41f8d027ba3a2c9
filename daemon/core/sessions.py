"""Lines to sessions, by key, in event time.

Two clocks. *Stream time* is the running maximum of event time over the partition's lines; every line is met at the
stream time that it brings about. A session that is not touched for `gap` of stream time, or was opened more than
`max_age` of it ago, closes at the line that moves the clock past that, whichever key that line has. *Event time*, the
line's own, decides within a key: a line more than `gap` away from its session's lines, before or after, or one that would
stretch it beyond `max_age`, begins a new one. (Where lines come in order the two agree. Where one host's clock is late,
or a second file is read after a first, its lines still find each other.)

The cut is a function of the sequence of lines alone, however it is split into batches. Sessions leave in the order of
the lines that closed them, then of their first lines.

A batch is cut by key into runs: lines of one key with no gap between neighbours. A run joins its session whole where
no limit can be met inside it, else it is walked line by line. What a session keeps: per distinct masked line a count, two positions and one example; and its lines' positions.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daemon.core.records import INDEX_BITS, ClosedBy, Positions, Session, SessionLine

DISTINCT_LINE_TOKENS = 4
"""What a distinct line costs on top of its own tokens: its count, the cross and the line's end in the rendering."""
CACHED_LINES = 50_000
"""Distinct masked lines whose tokens are remembered; up to twice as many between clearings."""

Key = tuple[str, str]
CountTokens = Callable[[Sequence[str]], NDArray[np.int32]]


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
    """A session under way."""

    __slots__ = ("end", "first_offset", "key", "lines", "met_first", "met_last", "positions", "size", "start", "tokens")

    def __init__(self, key: Key, met: int, time: int, offset: int) -> None:
        self.key = key
        self.met_first = self.met_last = met
        self.start = self.end = time
        self.first_offset = offset
        self.size = self.tokens = 0
        self.lines: dict[str, _Line] = {}
        self.positions = array("q")


@dataclass(frozen=True, slots=True)
class _Rows:
    """A batch as arrays: `met` and `offset` in reading order; the rest grouped by key, `row` their place in that order."""

    met: list[int]
    offset: list[int]
    row: NDArray[np.int64]
    time: NDArray[np.int64]
    position: NDArray[np.int64]
    line: NDArray[np.int64]
    cost: NDArray[np.int64]
    distinct: Sequence[str]


class _Run(NamedTuple):
    """Neighbouring lines of one key, `begin` to `end` in grouped order, no two of them `gap` apart by either clock."""

    begin: int
    end: int
    first_row: int
    last_row: int
    first_time: int
    least: int
    greatest: int
    first_met: int
    last_met: int
    first_offset: int
    last_offset: int
    cost: int


_Piece = tuple[_Open, int, int]
"""Lines `begin` to `end` in grouped order, all of one session."""
_Closing = tuple[int, _Open, ClosedBy]
"""A session, the line (in reading order) that closed it, and why."""


class Sessionizer:
    """Cuts one partition's lines into sessions. Not thread-safe; positions must come in ascending order."""

    def __init__(self, limits: SessionLimits, count_tokens: CountTokens) -> None:
        self._limits = limits
        self._tokens = _TokenCache(count_tokens)
        self._watermark: int | None = None
        self._open: dict[Key, _Open] = {}
        self._by_touch: OrderedDict[int, _Open] = OrderedDict()  # by id, least recently touched first
        self._by_age: OrderedDict[int, _Open] = OrderedDict()  # by id, oldest first

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
        parts = [np.frombuffer(session.positions, dtype=np.int64) for session in self._open.values()]
        return np.sort(np.concatenate(parts)) if parts else np.empty(0, dtype=np.int64)

    def push(self, lines: pl.DataFrame) -> list[Session]:
        """Add lines (with `masked`) in reading order; return the sessions they closed, in closing order."""
        if lines.is_empty():
            return []
        rows, keys, ends = self._prepare(lines)
        pieces: list[_Piece] = []
        closed: list[_Closing] = []
        runs = _runs(rows, ends, self._limits.gap_us)
        run = next(runs, None)
        for key, end in zip(keys, ends.tolist(), strict=True):
            session = self._open.get(key)
            while run is not None and run.end <= end:
                session = self._join(rows, key, session, run, pieces, closed)
                run = next(runs, None)
            assert session is not None
            self._open[key] = session
        _fill(rows, lines["text"], pieces)
        self._reorder(rows, pieces)
        self._watermark = rows.met[-1]
        closed += self._overdue(rows.met, rows.offset)
        return _finished(closed)

    def advance(self, watermark_us: int) -> list[Session]:
        """Move stream time on without a line; return the sessions that closes."""
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

    def _prepare(self, lines: pl.DataFrame) -> tuple[_Rows, list[Key], NDArray[np.int64]]:
        """Return the batch as arrays, its keys, and where each key's lines end in grouped order."""
        times = lines["time"].to_numpy()
        positions = lines["position"].to_numpy()
        floor = times[0] if self._watermark is None else self._watermark
        keys, order, sizes = _grouped(lines, "scope", "key")
        masked, line_order, line_sizes = _grouped(lines, "masked")
        distinct, tokens = self._tokens.look_up(masked["masked"].to_list())
        line = np.empty(len(lines), dtype=np.int64)
        line[line_order] = np.repeat(np.arange(len(distinct)), line_sizes)
        line = line[order]
        rows = _Rows(
            met=np.maximum(np.maximum.accumulate(times), floor).tolist(),
            offset=(positions >> INDEX_BITS).tolist(),
            row=order,
            time=times[order],
            position=positions[order],
            line=line,
            cost=tokens[line],
            distinct=distinct,
        )
        return rows, list(keys.iter_rows()), np.cumsum(sizes)

    def _join(
        self, rows: _Rows, key: Key, session: _Open | None, run: _Run, pieces: list[_Piece], closed: list[_Closing]
    ) -> _Open:
        """Give a run to its session, or to new ones where it must close; return the one that is open after it."""
        limits = self._limits
        if session is not None:
            closing = self._closing(rows, session, run.first_row)
            if closing is None and not session.start - limits.gap_us <= run.first_time <= session.end + limits.gap_us:
                closing = run.first_row, ClosedBy.GAP
            if closing is not None:
                self._close(session, closing, closed)
                session = None
        if session is None:
            session = _Open(key, run.first_met, run.first_time, run.first_offset)
        start, end = min(session.start, run.least), max(session.end, run.greatest)
        size = run.end - run.begin
        if (
            end - start > limits.max_age_us
            or run.last_met - session.met_first > limits.max_age_us
            or run.last_offset - session.first_offset > limits.max_pinned
            or session.size + size > limits.max_lines
            or session.tokens + run.cost + DISTINCT_LINE_TOKENS * size > limits.max_tokens
        ):
            return self._walk(rows, session, run, pieces, closed)
        session.start, session.end, session.met_last = start, end, run.last_met
        session.size += size
        session.tokens += run.cost
        pieces.append((session, run.begin, run.end))
        return session

    def _walk(self, rows: _Rows, session: _Open, run: _Run, pieces: list[_Piece], closed: list[_Closing]) -> _Open:
        """Give a run's lines to sessions one by one; return the one that is open after them."""
        columns = (rows.row, rows.time, rows.line, rows.cost)
        begin = run.begin
        fresh: set[str] = set()
        for at, (row, time, line, cost) in enumerate(
            zip(*(column[run.begin : run.end].tolist() for column in columns), strict=True), run.begin
        ):
            masked = rows.distinct[line]
            fresh_cost = 0 if masked in fresh or masked in session.lines else DISTINCT_LINE_TOKENS
            closing = self._closing(rows, session, row)
            if closing is None and session.size:
                reason = self._full(session, time, cost + fresh_cost + DISTINCT_LINE_TOKENS * len(fresh))
                closing = None if reason is None else (row, reason)
            if closing is not None:
                if at > begin:
                    pieces.append((session, begin, at))
                self._close(session, closing, closed)
                session = _Open(session.key, rows.met[row], time, rows.offset[row])
                begin, fresh, fresh_cost = at, set(), DISTINCT_LINE_TOKENS
            if fresh_cost:
                fresh.add(masked)
            session.size += 1
            session.tokens += cost
            session.met_last = rows.met[row]
            session.start, session.end = min(session.start, time), max(session.end, time)
        pieces.append((session, begin, run.end))
        return session

    def _full(self, session: _Open, time: int, cost: int) -> ClosedBy | None:
        """Say why a line that no gap parts from its session does not fit into it."""
        limits = self._limits
        if max(session.end, time) - min(session.start, time) > limits.max_age_us:
            return ClosedBy.AGE
        if session.size >= limits.max_lines:
            return ClosedBy.LINES
        return ClosedBy.TOKENS if session.tokens + cost > limits.max_tokens else None

    def _closing(self, rows: _Rows, session: _Open, row: int) -> tuple[int, ClosedBy] | None:
        """Return the line, up to `row`, at which stream time or the pin closes a session, and which of them."""
        limits = self._limits
        if (
            rows.met[row] - session.met_last <= limits.gap_us
            and rows.met[row] - session.met_first <= limits.max_age_us
            and rows.offset[row] - session.first_offset <= limits.max_pinned
        ):
            return None
        return _first_closing(rows.met, rows.offset, session, limits)

    def _close(self, session: _Open, closing: tuple[int, ClosedBy], closed: list[_Closing]) -> None:
        closed.append((closing[0], session, closing[1]))
        self._by_touch.pop(id(session), None)
        self._by_age.pop(id(session), None)

    def _reorder(self, rows: _Rows, pieces: list[_Piece]) -> None:
        """Bring the two orders up to date with the sessions that are still open."""
        alive = [piece for piece in pieces if self._open.get(piece[0].key) is piece[0]]
        for _, session in sorted((int(rows.row[begin]), session) for session, begin, _ in alive):
            self._by_age.setdefault(id(session), session)
        for session, _, end in sorted(alive, key=lambda piece: int(rows.row[piece[2] - 1])):
            self._by_touch[id(session)] = session
            self._by_touch.move_to_end(id(session))

    def _overdue(self, met: list[int], offset: list[int] | None) -> list[_Closing]:
        """Close the sessions that stream time, at its latest, has left behind."""
        limits, now = self._limits, met[-1]
        reached = None if offset is None else offset[-1]
        closed: list[_Closing] = []
        while self._by_touch:
            session = next(iter(self._by_touch.values()))
            if now - session.met_last <= limits.gap_us:
                break
            self._close(session, _first_closing(met, offset, session, limits), closed)
            del self._open[session.key]
        while self._by_age:
            session = next(iter(self._by_age.values()))
            pinned = reached is not None and reached - session.first_offset > limits.max_pinned
            if now - session.met_first <= limits.max_age_us and not pinned:
                break
            self._close(session, _first_closing(met, offset, session, limits), closed)
            del self._open[session.key]
        return closed


def _first_closing(
    met: list[int], offset: list[int] | None, session: _Open, limits: SessionLimits
) -> tuple[int, ClosedBy]:
    """Return the first line at which a session is overdue, and why."""
    at_gap = bisect_right(met, session.met_last + limits.gap_us)
    at_age = bisect_right(met, session.met_first + limits.max_age_us)
    at_pin = len(met) if offset is None else bisect_right(offset, session.first_offset + limits.max_pinned)
    return min((at_gap, 0, ClosedBy.GAP), (at_age, 1, ClosedBy.AGE), (at_pin, 2, ClosedBy.PIN))[::2]


def _grouped(lines: pl.DataFrame, *by: str) -> tuple[pl.DataFrame, NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct values in order of appearance, the rows sorted by group, and each group's size."""
    rows = pl.int_range(len(lines), dtype=pl.Int64).alias("row")
    groups = lines.select(*by, rows).group_by(*by, maintain_order=True).agg("row")
    order = groups["row"].explode().to_numpy()
    return groups.select(by), order, groups["row"].list.len().to_numpy().astype(np.int64)


def _runs(rows: _Rows, ends: NDArray[np.int64], gap: int) -> Iterator[_Run]:
    """Yield the runs of all keys in grouped order."""
    met, offset = (np.array(column, dtype=np.int64)[rows.row] for column in (rows.met, rows.offset))
    breaks = (np.abs(np.diff(rows.time)) > gap) | (np.diff(met) > gap)
    breaks[ends[:-1] - 1] = True
    begins = np.concatenate(([0], np.flatnonzero(breaks) + 1))
    stops = np.append(begins[1:], len(rows.row))
    columns = (
        begins,
        stops,
        rows.row[begins],
        rows.row[stops - 1],
        rows.time[begins],
        np.minimum.reduceat(rows.time, begins),
        np.maximum.reduceat(rows.time, begins),
        met[begins],
        met[stops - 1],
        offset[begins],
        offset[stops - 1],
        np.add.reduceat(rows.cost, begins),
    )
    return map(_Run._make, zip(*(column.tolist() for column in columns), strict=True))


def _fill(rows: _Rows, texts: pl.Series, pieces: list[_Piece]) -> None:
    """Put each piece's lines into its session, and what distinct lines cost."""
    sizes = np.array([end - begin for _, begin, end in pieces])
    kinds = len(rows.distinct)
    codes = np.repeat(np.arange(len(pieces)) * kinds, sizes) + rows.line
    order = np.argsort(codes, kind="stable")
    begins = np.concatenate(([0], np.flatnonzero(np.diff(codes[order])) + 1))
    ends = np.append(begins[1:], len(order))
    first = order[begins]
    columns = (codes[first], ends - begins, rows.position[first], rows.position[order[ends - 1]])
    examples = texts.gather(rows.row[first]).to_list()
    for code, count, position, last, example in zip(*(column.tolist() for column in columns), examples, strict=True):
        session = pieces[code // kinds][0]
        masked = rows.distinct[code % kinds]
        line = session.lines.get(masked)
        if line is None:
            session.lines[masked] = [count, position, last, example]
            session.tokens += DISTINCT_LINE_TOKENS
        else:
            line[0] += count
            line[2] = last
    for session, begin, end in pieces:
        session.positions.frombytes(rows.position[begin:end].tobytes())


def _finished(closed: list[_Closing]) -> list[Session]:
    """Return sessions in closing order: by the closing line, then by first position."""
    closed.sort(key=lambda item: (item[0], item[1].positions[0]))
    return [_session(session, reason) for _, session, reason in closed]


def _session(session: _Open, reason: ClosedBy) -> Session:
    lines = [SessionLine(masked, *line) for masked, line in session.lines.items()]
    lines.sort(key=lambda line: line.first)
    return Session(
        scope=session.key[0],
        key=session.key[1],
        start=session.start,
        end=session.end,
        size=session.size,
        tokens=session.tokens,
        closed_by=reason,
        lines=lines,
        positions=np.frombuffer(session.positions, dtype=np.int64),
    )


class _TokenCache:
    """Token counts of masked lines, and one string object for equal lines; forgets what has not been seen lately."""

    def __init__(self, count_tokens: CountTokens) -> None:
        self._count = count_tokens
        self._young: dict[str, tuple[str, int]] = {}
        self._old: dict[str, tuple[str, int]] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def look_up(self, lines: list[str]) -> tuple[list[str], NDArray[np.int64]]:
        """Return the same lines as shared objects, and their tokens."""
        missing = [line for line in lines if line not in self._young and line not in self._old]
        counts = dict(zip(missing, self._count(missing).tolist(), strict=True)) if missing else {}
        found = []
        for line in lines:
            entry = self._young.get(line)
            if entry is None:
                entry = self._old.get(line) or (line, counts[line])
                self._young[line] = entry
            found.append(entry)
        if len(self._young) >= CACHED_LINES:
            self._old, self._young = self._young, {}
        return [line for line, _ in found], np.array([tokens for _, tokens in found], dtype=np.int64)
