"""Sessions under way: what they hold, how a batch's lines get into them, and what they are once closed.

What a session keeps: per distinct masked line a count, two positions and one example; and its lines' positions. Nothing
else grows with lines.
"""

from __future__ import annotations

from array import array
from operator import attrgetter
from typing import Any

import numpy as np
import polars as pl

from daemon.core.records import ClosedBy, Session, SessionLine
from daemon.core.runs import Key, Rows

DISTINCT_LINE_TOKENS = 4
"""What a distinct line costs on top of its own tokens: its count, the cross and the line's end in the rendering."""

_Line = list[Any]
"""Count, first position, last position, example."""


class OpenSession:
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


Closing = tuple[int, OpenSession, ClosedBy]
"""A session, the line (in reading order) that closed it, and why."""


class Cut:
    """What one batch did: pieces of sessions (session, first and last line in grouped order), new ones, closed ones."""

    __slots__ = ("begins", "closed", "ends", "opened", "sessions")

    def __init__(self) -> None:
        self.sessions: list[OpenSession] = []
        self.begins: list[int] = []
        self.ends: list[int] = []
        self.opened: list[tuple[int, OpenSession]] = []
        self.closed: list[Closing] = []

    def add(self, session: OpenSession, begin: int, end: int) -> None:
        """Note that lines `begin` to `end` in grouped order joined `session`."""
        self.sessions.append(session)
        self.begins.append(begin)
        self.ends.append(end)


def fill(rows: Rows, texts: pl.Series, cut: Cut) -> None:
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


_first_position = attrgetter("first")


def finished(closed: list[Closing]) -> list[Session]:
    """Return sessions in closing order: by the closing line, then by first position."""
    closed.sort(key=lambda item: (item[0], item[1].positions[0]))
    return [_session(session, reason) for _, session, reason in closed]


def _session(session: OpenSession, reason: ClosedBy) -> Session:
    return Session(
        scope=session.key[0],
        key=session.key[1],
        start=session.start,
        end=session.end,
        size=session.size,
        tokens=session.tokens,
        closed_by=reason,
        lines=sorted([SessionLine(masked, *line) for masked, line in session.lines.items()], key=_first_position),
        positions=np.frombuffer(session.positions, dtype=np.int64),
    )
