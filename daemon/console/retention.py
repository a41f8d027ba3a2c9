"""How much of the past the archive keeps: a time and a size, whichever is reached first.

Patterns are kept while they are in the baseline's window or an alert of the archive is about them. Where the size is
reached, the oldest of whatever takes more room are deleted: alerts, or patterns.

Age is counted back from the latest alert, because alerts may be of any time: a backlog of last year is not old. An
alert whose time lies in the future comes from a wrong clock, so it is not the latest.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from time import time

DAY_MS = 86_400_000
_SHARE = 10
"""A tenth of the alerts, or of the patterns, is deleted at once when the archive is too large."""
_DELETE_FORGOTTEN = """
DELETE FROM patterns WHERE sessions = 0 AND last > 0 AND NOT EXISTS (
    SELECT 1 FROM alerts WHERE alerts.pattern = patterns.pattern AND alerts.scope = patterns.scope
)
"""
"""A pattern that was never counted stays: its lines are older in the topic than its sessions, so these are to come."""
_PATTERN_BYTES = "SELECT count(*), ifnull(sum(length(lines) + length(vector) + length(buckets)), 0) FROM patterns"
_ALERT_BYTES = "SELECT ifnull(sum(length(document)), 0) FROM alerts"
_LATEST = "SELECT max(time) FROM alerts WHERE time <= ?"


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many alerts were deleted, and how many of them, and patterns, because the archive was too large."""

    alerts: int
    alerts_let_go: int
    patterns_let_go: int


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept: alerts of the last `keep_ms` milliseconds, in at most `max_bytes` bytes of database."""

    keep_ms: int = 90 * DAY_MS
    max_bytes: int = 1 << 30


def latest_time(connection: sqlite3.Connection) -> int:
    """Return the time of the latest alert in milliseconds, 0 without one; times beyond tomorrow do not count."""
    latest = connection.execute(_LATEST, (round(time() * 1000) + DAY_MS,)).fetchone()[0]
    return int(latest) if latest is not None else 0


def size_of(connection: sqlite3.Connection) -> int:
    """Return how many bytes of the database are in use; pages that are free to be used again do not count."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def prune(connection: sqlite3.Connection, retention: Retention) -> Pruned:
    """Delete what is too old, then the oldest of what is too much.

    Takes part in the transaction of the caller. Labels that later ones have replaced are deleted by age; those in force
    stay.
    """
    old = _delete_before(connection, latest_time(connection) - retention.keep_ms)
    alerts = patterns = 0
    while size_of(connection) > retention.max_bytes:
        if _patterns_are_larger(connection):
            patterns += _delete_oldest_patterns(connection)
            continue
        count = int(connection.execute("SELECT count(*) FROM alerts").fetchone()[0])
        if count < _SHARE:
            break
        row = connection.execute(
            "SELECT time FROM alerts ORDER BY time LIMIT 1 OFFSET ?", (count // _SHARE,)
        ).fetchone()
        alerts += _delete_before(connection, int(row[0]) + 1)
    connection.execute("DELETE FROM named WHERE pattern NOT IN (SELECT id FROM patterns)")
    return Pruned(old + alerts, alerts, patterns)


def _delete_before(connection: sqlite3.Connection, bound: int) -> int:
    deleted = connection.execute("DELETE FROM alerts WHERE time < ?", (bound,)).rowcount
    connection.execute("DELETE FROM incidents WHERE latest < ?", (bound,))
    connection.execute("DELETE FROM causes WHERE incident NOT IN (SELECT id FROM incidents)")
    connection.execute("DELETE FROM remarks WHERE time < ? AND incident NOT IN (SELECT id FROM incidents)", (bound,))
    connection.execute(
        "DELETE FROM feedback WHERE time < ? AND EXISTS (SELECT 1 FROM feedback AS later "
        "WHERE later.pattern = feedback.pattern AND later.scope = feedback.scope AND later.time > feedback.time)",
        (bound,),
    )
    connection.execute(_DELETE_FORGOTTEN)
    connection.execute("DELETE FROM mutes WHERE time < ? AND ifnull(until, 0) < ?", (bound, bound))
    return deleted


def _patterns_are_larger(connection: sqlite3.Connection) -> bool:
    """Return whether there are patterns, and they take more room than alerts."""
    patterns, size = connection.execute(_PATTERN_BYTES).fetchone()
    alerts = int(connection.execute(_ALERT_BYTES).fetchone()[0])
    return int(patterns) >= _SHARE and int(size) > alerts


def _delete_oldest_patterns(connection: sqlite3.Connection) -> int:
    """Delete the tenth of the patterns that came least lately, with what was counted of them; return how many."""
    deleted = connection.execute(
        "DELETE FROM patterns WHERE id IN "
        "(SELECT id FROM patterns ORDER BY last LIMIT (SELECT count(*) / ? FROM patterns))",
        (_SHARE,),
    ).rowcount
    connection.execute(
        "DELETE FROM weights WHERE NOT EXISTS "
        "(SELECT 1 FROM patterns WHERE patterns.scope = weights.scope AND patterns.pattern = weights.pattern)"
    )
    return deleted
