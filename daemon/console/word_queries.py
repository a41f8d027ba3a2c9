"""What a label of a cause would have silenced: the preview of `normal`.

A label covers the cause that it names and, where that cause is the headline of an incident that the daemon still keeps,
the other symptoms of that incident. An incident is silenced when all of its failures and warnings are covered.
"""

from __future__ import annotations

import sqlite3

from daemon.console.mute_queries import LAST_MESSAGE, Silenced, causes_of, covered
from daemon.console.retention import DAY_MS, latest_time

_WEEK_MS = 7 * DAY_MS
_HELD_MS = 75 * 60_000
"""The daemon keeps an incident for 15 quiet minutes until its end, and for an hour after it."""
_WITH = f"""SELECT id, summary, {LAST_MESSAGE} FROM incidents
WHERE latest > ? AND id IN (SELECT incident FROM causes WHERE cause = ?) ORDER BY latest DESC"""  # noqa: S608
MOST_REACHED = 200
"""Causes that a preview follows."""


def word_would_silence(connection: sqlite3.Connection, scope: str, cause: str, limit: int = 5) -> Silenced:
    """Return the incidents of the 7 days before the latest alert that a label of a cause silences, `limit` by name."""
    latest = latest_time(connection)
    since = latest - _WEEK_MS
    reached = {(scope, cause)}
    for _, _, message in connection.execute(_WITH, (latest - _HELD_MS, cause)):
        listed, head = causes_of(message)
        if head == (scope, cause):
            reached |= {(one.scope, one.cause) for one in listed}
    rows = [row for _, name in sorted(reached)[:MOST_REACHED] for row in connection.execute(_WITH, (since, name))]
    silenced = {
        identity: summary
        for identity, summary, message in rows
        if covered(causes_of(message)[0], lambda one: (one.scope, one.cause) in reached)
    }
    return Silenced(len(silenced), list(silenced.items())[:limit])
