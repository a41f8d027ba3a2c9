"""What pages read of mutes: those in force, those that are over, and what one would have silenced."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.console.messages import ArchivedMute
from daemon.console.retention import DAY_MS, latest_time

_WEEK_MS = 7 * DAY_MS
_LATEST = """
SELECT time, scope, pattern, until, author, note FROM mutes WHERE NOT EXISTS (
    SELECT 1 FROM mutes AS later WHERE later.scope = mutes.scope AND later.pattern = mutes.pattern
    AND (later.time, later.offset) > (mutes.time, mutes.offset)
) ORDER BY time DESC LIMIT 200
"""
_OF_SERVICE = "EXISTS (SELECT 1 FROM json_each(services) WHERE value = ?)"
_OF_PATTERN = """(id IN (SELECT incident FROM causes WHERE cause = ?) OR
id IN (SELECT incident FROM alerts WHERE pattern = ? AND scope = ?))"""


@dataclass(frozen=True, slots=True)
class Silenced:
    """What a mute would have silenced in the 7 days before the latest alert: incidents, and the latest of them."""

    incidents: int
    latest: Sequence[tuple[str, str]]


def mutes(connection: sqlite3.Connection, now_ms: int) -> tuple[list[ArchivedMute], list[ArchivedMute]]:
    """Return the mutes in force and the others, the latest first; of each service and pattern the last word counts."""
    rows = [ArchivedMute(*row) for row in connection.execute(_LATEST)]
    return [row for row in rows if row.in_force(now_ms)], [row for row in rows if not row.in_force(now_ms)]


def mutes_on(connection: sqlite3.Connection, incident: str, services: Sequence[str], now_ms: int) -> list[ArchivedMute]:
    """Return the mutes in force that cover an incident."""
    names = {""} | {
        cause for (cause,) in connection.execute("SELECT cause FROM causes WHERE incident = ?", (incident,))
    }
    names |= {name for (name,) in connection.execute("SELECT pattern FROM alerts WHERE incident = ?", (incident,))}
    return [mute for mute in mutes(connection, now_ms)[0] if mute.scope in services and mute.pattern in names]


def would_silence(connection: sqlite3.Connection, scope: str, pattern: str) -> Silenced:
    """Return what a mute of a service (`pattern` empty), or of a pattern or cause in it, would have silenced."""
    since = latest_time(connection) - _WEEK_MS
    where, values = (_OF_PATTERN, [pattern, pattern, scope]) if pattern else (_OF_SERVICE, [scope])
    rows = connection.execute(
        f"SELECT id, summary FROM incidents WHERE latest > ? AND {where} ORDER BY latest DESC",  # noqa: S608
        [since, *values],
    ).fetchall()
    return Silenced(len(rows), rows[:5])
