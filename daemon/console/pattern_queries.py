"""What pages read of patterns: how often each came, when, what it consists of, and which incidents named it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import time
from typing import Any

import orjson

from daemon.console.retention import DAY_MS
from daemon.core.baseline import BUCKETS

PAGE = 50
"""Patterns on one page of the list."""
_COLUMNS = """scope, pattern, sessions, first, last, buckets, label, kinds, lines, (
    SELECT count(DISTINCT incident) FROM alerts
    WHERE alerts.pattern = patterns.pattern AND alerts.scope = patterns.scope
)"""
_LATEST = "SELECT buckets FROM patterns WHERE last <= ? AND sessions > 0 ORDER BY last DESC LIMIT 1"
_INCIDENTS = """
SELECT id, state, summary, latest FROM incidents WHERE id IN (
    SELECT incident FROM alerts WHERE pattern = ? AND scope = ?
) ORDER BY latest DESC LIMIT 20
"""


@dataclass(frozen=True, slots=True)
class ListedPattern:
    """One pattern in the window. `curve` counts its sessions in the window's equal steps.

    `share` is its part of the service's sessions, 0 to 1. Times are in milliseconds. `lines` are the first of its
    `kinds` different lines, with their counts in a session. `incidents` counts those that named it.
    """

    scope: str
    pattern: str
    sessions: int
    share: float
    first: int
    last: int
    curve: Sequence[int]
    label: str
    kinds: int
    lines: Sequence[tuple[str, int]]
    incidents: int


@dataclass(frozen=True, slots=True)
class NamedBy:
    """An incident that named a pattern; `latest` is in milliseconds."""

    id: str
    state: str
    summary: str
    latest: int


def pattern_scopes(connection: sqlite3.Connection) -> Mapping[str, int]:
    """Return the services that have patterns, sorted, with their sessions in the window."""
    rows = connection.execute("SELECT scope, sum(sessions) FROM patterns WHERE sessions > 0 GROUP BY scope LIMIT 500")
    return dict(rows.fetchall())


def patterns(
    connection: sqlite3.Connection, scope: str = "", text: str = "", page: int = 0
) -> tuple[list[ListedPattern], int]:
    """Return one page of patterns, the most frequent first, and how many match.

    `scope` empty is all services; `text` is searched in the lines and names.
    """
    conditions, values = ["sessions > 0", "lines != ''"], list[object]()
    if scope:
        conditions.append("scope = ?")
        values.append(scope)
    if text:
        conditions.append("(instr(lower(lines), lower(?)) OR instr(pattern, lower(?)))")
        values += [_as_stored(text), text]
    where = " AND ".join(conditions)  # fixed texts; what comes from outside is bound below
    count: int = connection.execute(f"SELECT count(*) FROM patterns WHERE {where}", values).fetchone()[0]  # noqa: S608
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM patterns WHERE {where} ORDER BY sessions DESC, scope, pattern LIMIT ? OFFSET ?",  # noqa: S608
        [*values, PAGE, PAGE * max(page, 0)],
    ).fetchall()
    return _views(connection, rows), count


def pattern(connection: sqlite3.Connection, scope: str, name: str) -> ListedPattern | None:
    """Return one pattern, also one that has left the window; None when its lines are not known."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM patterns WHERE scope = ? AND pattern = ? AND lines != ''",  # noqa: S608
        (scope, name),
    ).fetchall()
    return next(iter(_views(connection, rows)), None)


def incidents_that_named(connection: sqlite3.Connection, scope: str, name: str) -> list[NamedBy]:
    """Return the latest incidents with an alert about a pattern."""
    return [NamedBy(*row) for row in connection.execute(_INCIDENTS, (name, scope))]


def _as_stored(text: str) -> str:
    """Return text as it stands inside a JSON string."""
    return orjson.dumps(text)[1:-1].decode()


def _views(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> list[ListedPattern]:
    totals, end = pattern_scopes(connection), _end(connection)
    return [_view(row, totals, end) for row in rows]


def _view(row: tuple[Any, ...], totals: Mapping[str, int], end: int) -> ListedPattern:
    scope, name, sessions, first, last, buckets, label, kinds, lines, incidents = row
    counts = orjson.loads(buckets)
    return ListedPattern(
        scope=scope,
        pattern=name,
        sessions=sessions,
        share=sessions / max(totals.get(scope, 0), 1),
        first=first,
        last=last,
        curve=[counts.get(str(bucket), 0) for bucket in range(end - BUCKETS + 1, end + 1)],
        label=label,
        kinds=kinds,
        lines=orjson.loads(lines),
        incidents=incidents,
    )


def _end(connection: sqlite3.Connection) -> int:
    """Return the window's last bucket: that of the latest session, without those of a clock that is ahead."""
    row = connection.execute(_LATEST, (round(time() * 1000) + DAY_MS,)).fetchone()
    return max(map(int, orjson.loads(row[0])), default=0) if row is not None else 0
