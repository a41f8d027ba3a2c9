"""Lines to sessions, by key, in event time.

Two clocks. *Stream time* is the running maximum of event time over the partition's lines; every line is met at the
stream time that it brings about. A session that is not touched for `gap` of stream time, or was opened more than
`max_age` of it ago, closes at the line that moves the clock past that, whichever key that line has. *Event time*, the
line's own, decides within a key: a line more than `gap` away from its session's lines, before or after, or one that would
stretch it beyond `max_age`, begins a new one. (Where lines come in order the two agree. Where one host's clock is late,
or a second file is read after a first, its lines still find each other.)

The cut is a function of the sequence of lines alone, however it is split into batches. Sessions leave in the order of
the lines that closed them, then of their first lines.

A batch is cut by key: where nothing can happen inside a key's lines (no gap, no limit) they join as one piece, else they
are walked. What a session keeps: per distinct masked line a count, two positions and one example; and its lines' positions.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daemon.core.records import INDEX_BITS, ClosedBy, Positions, Session, SessionLine

DISTINCT_LINE_TOKENS = 4
"""What a distinct line costs on top of its own tokens: its count, the cross and the line's end in the rendering."""
_CACHE = 50_000

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


class _Open:
    """A session under way. `lines`: masked -> [count, first position, last position, example]."""

    __slots__ = ("end", "first_offset", "key", "lines", "met_first", "met_last", "positions", "size", "start", "tokens")

    def __init__(self, key: Key, met: int, time: int, offset: int) -> None:
        self.key = key
        self.met_first = self.met_last = met
        self.start = self.end = time
        self.first_offset = offset
        self.size = self.tokens = 0
        self.lines: dict[str, tuple[int, int, int, str]] = {}
        self.positions = array("q")


@dataclass(slots=True)
class _Piece:
    """Rows `begin` to `end` of the batch in grouped order, which join one session."""

    session: _Open
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class _Rows:
    """A batch as arrays. `met`, `offset` in reading order; the others grouped by key; `row` their place in reading order."""

    met: NDArray[np.int64]
    offset: NDArray[np.int64]
    row: NDArray[np.int64]
    time: NDArray[np.int64]
    position: NDArray[np.int64]
    line: NDArray[np.int64]
    cost: NDArray[np.int64]
    distinct: list[str]


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

    def open_positions(self) -> Positions:
        """Return the positions of all lines in sessions under way, sorted."""
        parts = [np.frombuffer(session.positions, dtype=np.int64) for session in self._open.values()]
        return np.sort(np.concatenate(parts)) if parts else np.empty(0, dtype=np.int64)

    def push(self, lines: pl.DataFrame) -> list[Session]:
        """Add lines (with `masked`) in reading order; return the sessions they closed, in closing order."""
        if lines.is_empty():
            return []
        rows, groups = self._prepare(lines)
        pieces: list[_Piece] = []
        closed: list[tuple[int, _Open, ClosedBy]] = []
        for key, begin, end in groups:
            self._cut(rows, key, begin, end, pieces, closed)
        _fill(rows, lines["text"], pieces)
        self._reorder(rows, pieces)
        self._watermark = int(rows.met[-1])
        closed += self._overdue(rows.met, rows.offset)
        return _finished(closed)

    def advance(self, watermark_us: int) -> list[Session]:
        """Move stream time on without a line; return the sessions that closes."""
        met = max(watermark_us, self._watermark if self._watermark is not None else watermark_us)
        self._watermark = met
        return _finished(self._overdue(np.array([met]), None))

    def flush(self, closed_by: ClosedBy) -> list[Session]:
        """Close every session; return them in the order of their first lines."""
        closed = [(0, session, closed_by) for session in self._open.values()]
        self._open.clear()
        self._by_touch.clear()
        self._by_age.clear()
        return _finished(closed)

    def _prepare(self, lines: pl.DataFrame) -> tuple[_Rows, Iterator[tuple[Key, int, int]]]:
        """Return the batch as arrays and its keys, each with its rows' bounds in grouped order."""
        size = len(lines)
        times = lines["time"].to_numpy()
        positions = lines["position"].to_numpy()
        floor = times[0] if self._watermark is None else self._watermark
        rows = pl.int_range(size, dtype=pl.Int64).alias("row")
        by_key = lines.select("scope", "key", rows).group_by("scope", "key", maintain_order=True).agg("row")
        order = by_key["row"].explode().to_numpy()
        ends = np.cumsum(by_key["row"].list.len().to_numpy())
        by_line = lines.select("masked", rows).group_by("masked", maintain_order=True).agg("row")
        distinct, tokens = self._tokens.look_up(by_line["masked"].to_list())
        line = np.empty(size, dtype=np.int64)
        line[by_line["row"].explode().to_numpy()] = np.repeat(
            np.arange(len(distinct)), by_line["row"].list.len().to_numpy()
        )
        prepared = _Rows(
            met=np.maximum(np.maximum.accumulate(times), floor),
            offset=positions >> INDEX_BITS,
            row=order,
            time=times[order],
            position=positions[order],
            line=line[order],
            cost=tokens[line[order]],
            distinct=distinct,
        )
        keys = zip(by_key["scope"].to_list(), by_key["key"].to_list(), strict=True)
        bounds = [0, *ends.tolist()]
        return prepared, zip(keys, bounds[:-1], bounds[1:], strict=True)

    def _cut(
        self,
        rows: _Rows,
        key: Key,
        begin: int,
        end: int,
        pieces: list[_Piece],
        closed: list[tuple[int, _Open, ClosedBy]],
    ) -> None:
        """Cut one key's rows into pieces."""
        limits = self._limits
        session = self._open.get(key)
        piece: _Piece | None = None
        known: set[str] = set()
        for at in range(begin, end):
            row = int(rows.row[at])
            met, time = int(rows.met[row]), int(rows.time[at])
            masked = rows.distinct[rows.line[at]]
            cost = int(rows.cost[at])
            if session is not None:
                closing = self._closing(rows, session, row)
                if closing is None:
                    reason = self._own_reason(
                        session,
                        time,
                        cost + (0 if masked in known or masked in session.lines else DISTINCT_LINE_TOKENS),
                    )
                    closing = None if reason is None else (row, reason)
                if closing is not None:
                    closed.append((closing[0], session, closing[1]))
                    self._forget(session)
                    session = None
            if session is None:
                session = _Open(key, met, time, int(rows.offset[row]))
                self._open[key] = session
                piece = None
                known = set()
            if piece is None:
                piece = _Piece(session, at, at)
                pieces.append(piece)
            piece.end = at + 1
            session.size += 1
            session.tokens += cost
            if masked not in known and masked not in session.lines:
                session.tokens += DISTINCT_LINE_TOKENS
                known.add(masked)
            session.met_last = met
            session.start = min(session.start, time)
            session.end = max(session.end, time)

    def _own_reason(self, session: _Open, time: int, cost: int) -> ClosedBy | None:
        """Say why a line of the session's key does not fit it."""
        limits = self._limits
        if time - session.end > limits.gap_us or session.start - time > limits.gap_us:
            return ClosedBy.GAP
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

    def _forget(self, session: _Open) -> None:
        del self._open[session.key]
        self._by_touch.pop(id(session), None)
        self._by_age.pop(id(session), None)

    def _reorder(self, rows: _Rows, pieces: list[_Piece]) -> None:
        """Bring the two orders up to date."""
        alive = [piece for piece in pieces if self._open.get(piece.session.key) is piece.session]
        for piece in sorted(alive, key=lambda piece: int(rows.row[piece.begin])):
            self._by_age.setdefault(id(piece.session), piece.session)
        for piece in sorted(alive, key=lambda piece: int(rows.row[piece.end - 1])):
            self._by_touch[id(piece.session)] = piece.session
            self._by_touch.move_to_end(id(piece.session))

    def _overdue(self, met: NDArray[np.int64], offset: NDArray[np.int64] | None) -> list[tuple[int, _Open, ClosedBy]]:
        """Close the sessions that stream time, at its latest, has left behind."""
        limits, now = self._limits, int(met[-1])
        reached = None if offset is None else int(offset[-1])
        closed = []
        while self._by_touch:
            session = next(iter(self._by_touch.values()))
            if now - session.met_last <= limits.gap_us:
                break
            closed.append((*_first_closing(met, offset, session, limits), session))
            self._forget(session)
        while self._by_age:
            session = next(iter(self._by_age.values()))
            pinned = reached is not None and reached - session.first_offset > limits.max_pinned
            if now - session.met_first <= limits.max_age_us and not pinned:
                break
            closed.append((*_first_closing(met, offset, session, limits), session))
            self._forget(session)
        return [(at, session, reason) for at, reason, session in closed]


def _first_closing(
    met: NDArray[np.int64], offset: NDArray[np.int64] | None, session: _Open, limits: SessionLimits
) -> tuple[int, ClosedBy]:
    """Return the first line at which a session is overdue, and why."""
    at_gap = int(np.searchsorted(met, session.met_last + limits.gap_us, side="right"))
    at_age = int(np.searchsorted(met, session.met_first + limits.max_age_us, side="right"))
    at_pin = len(met)
    if offset is not None:
        at_pin = int(np.searchsorted(offset, session.first_offset + limits.max_pinned, side="right"))
    return min((at_gap, 0, ClosedBy.GAP), (at_age, 1, ClosedBy.AGE), (at_pin, 2, ClosedBy.PIN))[::2]


def _fill(rows: _Rows, texts: pl.Series, pieces: list[_Piece]) -> None:
    """Put each piece's lines into its session."""
    if not pieces:
        return
    begins = np.array([piece.begin for piece in pieces])
    numbers = np.repeat(np.arange(len(pieces)), np.diff([*begins, len(rows.row)]))
    kinds = len(rows.distinct)
    codes, first, counts = np.unique(numbers * kinds + rows.line, return_index=True, return_counts=True)
    _, back = np.unique((numbers * kinds + rows.line)[::-1], return_index=True)
    last = len(rows.row) - 1 - back
    examples = texts.gather(rows.row[first]).to_list()
    for code, at, until, count, example in zip(
        codes.tolist(), first.tolist(), last.tolist(), counts.tolist(), examples, strict=True
    ):
        session = pieces[code // kinds].session
        masked = rows.distinct[code % kinds]
        before = session.lines.get(masked)
        if before is None:
            session.lines[masked] = (count, int(rows.position[at]), int(rows.position[until]), example)
        else:
            session.lines[masked] = (before[0] + count, before[1], int(rows.position[until]), before[3])
    for piece in pieces:
        piece.session.positions.frombytes(rows.position[piece.begin : piece.end].tobytes())


def _finished(closed: list[tuple[int, _Open, ClosedBy]]) -> list[Session]:
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
        if len(self._young) > _CACHE:
            self._old, self._young = self._young, {}
        return [line for line, _ in found], np.array([tokens for _, tokens in found], dtype=np.int64)
