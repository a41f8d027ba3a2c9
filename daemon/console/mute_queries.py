"""What pages read of mutes: those in force, those that are over, and what one would have silenced."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

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

LAST_MESSAGE = "(SELECT document FROM alerts WHERE incident = incidents.id ORDER BY number DESC LIMIT 1)"
"""The last message about an incident, as SQL."""


@dataclass(frozen=True, slots=True)
class Silenced:
    """What a mute would have silenced in the 7 days before the latest alert: incidents, and the latest of them."""

    incidents: int
    latest: Sequence[tuple[str, str]]


def mutes(connection: sqlite3.Connection, now_ms: int) -> tuple[list[ArchivedMute], list[ArchivedMute]]:
    """Return the mutes in force and the others, the latest first; the last message of a service and pattern counts."""
    rows = [ArchivedMute(*row) for row in connection.execute(_LATEST)]
    return [row for row in rows if row.in_force(now_ms)], [row for row in rows if not row.in_force(now_ms)]


def mutes_on(connection: sqlite3.Connection, incident: str, services: Sequence[str], now_ms: int) -> list[ArchivedMute]:
    """Return the mutes in force that cover an incident."""
    names = {""} | {
        cause for (cause,) in connection.execute("SELECT cause FROM causes WHERE incident = ?", (incident,))
    }
    names |= {name for (name,) in connection.execute("SELECT pattern FROM alerts WHERE incident = ?", (incident,))}
    return [mute for mute in mutes(connection, now_ms)[0] if mute.scope in services and mute.pattern in names]


def would_silence(connection: sqlite3.Connection, scope: str, pattern: str, limit: int = 5) -> Silenced:
    """Return what a mute of a service (`pattern` empty), or of a pattern or cause in it, would have silenced.

    At most `limit` of the incidents are named. An incident that has another failure or warning is told in spite of the
    mute (`covers`), so it is not among them.
    """
    since = latest_time(connection) - _WEEK_MS
    where, values = (_OF_PATTERN, [pattern, pattern, scope]) if pattern else (_OF_SERVICE, [scope])
    rows = connection.execute(
        f"SELECT id, summary, {LAST_MESSAGE} FROM incidents WHERE latest > ? AND {where} ORDER BY latest DESC",  # noqa: S608
        [since, *values],
    )
    silenced = [(identity, summary) for identity, summary, last in rows if covers(last, scope, pattern)]
    return Silenced(len(silenced), silenced[:limit])


def covers(message: bytes | None, scope: str, pattern: str) -> bool:
    """Return whether a mute keeps an incident untold, by its last message: all that may be told of it is muted.

    A `pattern` that is not a cause of the incident is a session's: it stands for all that the session shows.
    """
    causes, _ = causes_of(message)
    if pattern and pattern not in {one.cause for one in causes}:
        return True
    return covered(causes, lambda one: one.scope == scope and (not pattern or one.cause == pattern))


@dataclass(frozen=True, slots=True)
class ToldCause:
    """One cause in a message about an incident; `harmless` causes are told only together with others."""

    scope: str
    cause: str
    harmless: bool


def causes_of(message: bytes | None) -> tuple[list[ToldCause], tuple[str, str]]:
    """Return an incident's causes as a message lists them, and scope and cause of its headline."""
    document = orjson.loads(message or b"{}")
    incident = document.get("incident")
    listed = incident.get("causes") if isinstance(incident, dict) else None
    causes = [cause for cause in listed if isinstance(cause, dict)] if isinstance(listed, list) else []
    told = [ToldCause(str(c.get("scope")), str(c.get("cause")), c.get("severity") == "info") for c in causes]
    return told, (str(document.get("scope")), str(document.get("fingerprint")))


def covered(causes: Sequence[ToldCause], reached: Callable[[ToldCause], bool]) -> bool:
    """Return whether all causes that may be told are covered: the failures and warnings, or else the harmless ones.

    Without causes nothing is left to tell, so this is True.
    """
    return all(reached(one) for one in [one for one in causes if not one.harmless] or causes)
