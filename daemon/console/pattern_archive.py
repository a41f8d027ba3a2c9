"""What of the baseline's topic the archive keeps: patterns with their lines and vectors, and how often they came.

A record's value is absolute, so of several records with one key only the last counts, and storing one again changes
nothing. A pattern's sessions are those of all input partitions together, in the baseline's window.
"""

from __future__ import annotations

import sqlite3
from collections import Counter

import orjson

from daemon.console.baseline_records import PatternLabel, PatternLines, PatternWeight, dumped, read_baseline
from daemon.core.types import Batch
from daemon.errors import DataError

MOST = 1 << 53
"""Sessions of one pattern that are counted."""
_PUT_LINES = """
INSERT INTO patterns (scope, pattern, kinds, lines, model, vector) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (scope, pattern) DO UPDATE SET
kinds = excluded.kinds, lines = excluded.lines, model = excluded.model, vector = excluded.vector
"""
_MODEL = "SELECT model FROM patterns WHERE scope = ? AND pattern = ?"
_NAME_AGAIN = """
INSERT OR REPLACE INTO named (pattern) SELECT id FROM patterns WHERE scope = ?1 AND pattern = ?2 AND EXISTS (
    SELECT 1 FROM alerts WHERE alerts.pattern = ?2 AND alerts.scope = ?1
)
"""
NAME = "INSERT OR IGNORE INTO named (pattern) SELECT id FROM patterns WHERE scope = ? AND pattern = ? AND vector != X''"
"""Puts a pattern that an alert is about into `named`, where its vector is known; scope and pattern are bound."""
_PUT_LABEL = """
INSERT INTO patterns (scope, pattern, label) VALUES (?, ?, ?)
ON CONFLICT (scope, pattern) DO UPDATE SET label = excluded.label
"""
_PUT_WEIGHT = "INSERT OR REPLACE INTO weights VALUES (?, ?, ?, ?, ?, ?, ?)"
_DELETE_WEIGHT = "DELETE FROM weights WHERE scope = ? AND pattern = ? AND topic = ? AND partition = ?"
_WEIGHTS = "SELECT first, last, buckets FROM weights WHERE scope = ? AND pattern = ?"
_PUT_SUM = """
INSERT INTO patterns (scope, pattern, sessions, first, last, buckets) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (scope, pattern) DO UPDATE SET
sessions = excluded.sessions, first = iif(excluded.first > 0, excluded.first, first),
last = max(last, excluded.last), buckets = excluded.buckets
"""


def store_baseline(connection: sqlite3.Connection, batch: Batch) -> int:
    """Store records of one partition, in the caller's transaction; return how many could not be read."""
    unreadable, counted = 0, dict[tuple[str, str], None]()
    for key, value in dict(zip(batch.keys, batch.values, strict=True)).items():
        try:
            row = read_baseline(key, value)
        except DataError:
            unreadable += 1
            continue
        if isinstance(row, PatternLines):
            _put_lines(connection, row)
        elif isinstance(row, PatternLabel):
            connection.execute(_PUT_LABEL, (row.scope, row.pattern, row.verdict))
        elif row is not None:
            _put_weight(connection, row)
            counted[row.scope, row.pattern] = None
    for scope, pattern in counted:
        _put_sum(connection, scope, pattern)
    return unreadable


def _put_lines(connection: sqlite3.Connection, row: PatternLines) -> None:
    name = (row.scope, row.pattern)
    known = connection.execute(_MODEL, name).fetchone()
    connection.execute(_PUT_LINES, (*name, row.kinds, dumped(row.lines), row.model, row.vector))
    if known != (row.model,):
        connection.execute(_NAME_AGAIN, name)


def _put_weight(connection: sqlite3.Connection, row: PatternWeight) -> None:
    place = (row.scope, row.pattern, row.topic, row.partition)
    if row.weight is None:
        connection.execute(_DELETE_WEIGHT, place)
        return
    buckets = orjson.dumps(row.weight.buckets, option=orjson.OPT_NON_STR_KEYS).decode()
    times = (row.weight.first // 1000, row.weight.last // 1000)
    connection.execute(_PUT_WEIGHT, (*place, *times, buckets))


def _put_sum(connection: sqlite3.Connection, scope: str, pattern: str) -> None:
    """Add up what all input partitions have counted of a pattern."""
    buckets, firsts, lasts = Counter[str](), list[int](), list[int]()
    for first, last, counts in connection.execute(_WEIGHTS, (scope, pattern)):
        firsts.append(first)
        lasts.append(last)
        buckets.update(orjson.loads(counts))
    first, last = min(firsts, default=0), max(lasts, default=0)
    values = (scope, pattern, min(buckets.total(), MOST), first, last, orjson.dumps(buckets).decode())
    connection.execute(_PUT_SUM, values)
