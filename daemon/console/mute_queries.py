"""What pages read of mutes: those in force, those that are over, and what one would have silenced."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from daemon.console.messages import ArchivedMute
from daemon.console.retention import DAY_MS, latest_time

_WEEK_MS = 7 * DAY_MS
PAGE = 50
"""Mutes in force on one page."""
MOST_OVER = 20
"""Mutes that are over and still listed."""
MOST_ON_ONE = 10
"""Mutes that the page of one incident names."""
_COLUMNS = "time, scope, pattern, until, author, note"
_LATEST = """mutes WHERE NOT EXISTS (
    SELECT 1 FROM mutes AS later WHERE later.scope = mutes.scope AND later.pattern = mutes.pattern
    AND (later.time, later.offset) > (mutes.time, mutes.offset)
)"""
"""The last message of each service and pattern counts."""
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


@dataclass(frozen=True, slots=True)
class MuteListing:
    """One page of the mutes in force, how many there are, and the latest of those that are over.

    `lines` has a line of each cause that an incident showed.
    """

    active: Sequence[ArchivedMute]
    count: int
    over: Sequence[ArchivedMute]
    lines: Mapping[str, str]


def mutes(connection: sqlite3.Connection, now_ms: int, page: int = 0) -> MuteListing:
    """Return mutes, the latest first."""
    count: int = connection.execute(f"SELECT count(*) FROM {_LATEST} AND until > ?", (now_ms,)).fetchone()[0]  # noqa: S608
    active = connection.execute(
        f"SELECT {_COLUMNS} FROM {_LATEST} AND until > ? ORDER BY time DESC, scope, pattern LIMIT ? OFFSET ?",  # noqa: S608
        (now_ms, PAGE, PAGE * page),
    )
    over = connection.execute(
        f"SELECT {_COLUMNS} FROM {_LATEST} AND ifnull(until, 0) <= ? ORDER BY time DESC, scope, pattern LIMIT ?",  # noqa: S608
        (now_ms, MOST_OVER),
    )
    on_page, others = ([ArchivedMute(*row) for row in rows] for rows in (active, over))
    causes = orjson.dumps([mute.pattern for mute in (*on_page, *others)]).decode()
    lines = connection.execute(
        "SELECT cause, max(line) FROM causes WHERE line != '' AND cause IN (SELECT value FROM json_each(?)) "
        "GROUP BY cause",
        (causes,),
    )
    return MuteListing(on_page, count, others, dict(lines.fetchall()))


def mutes_on(connection: sqlite3.Connection, incident: str, services: Sequence[str], now_ms: int) -> list[ArchivedMute]:
    """Return the mutes in force that cover an incident, the latest first."""
    names = {""} | {
        cause for (cause,) in connection.execute("SELECT cause FROM causes WHERE incident = ?", (incident,))
    }
    names |= {name for (name,) in connection.execute("SELECT pattern FROM alerts WHERE incident = ?", (incident,))}
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM {_LATEST} AND until > ? AND scope IN (SELECT value FROM json_each(?)) "  # noqa: S608
        "AND pattern IN (SELECT value FROM json_each(?)) ORDER BY time DESC LIMIT ?",
        (now_ms, orjson.dumps(list(services)).decode(), orjson.dumps(list(names)).decode(), MOST_ON_ONE),
    )
    return [ArchivedMute(*row) for row in rows]


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
