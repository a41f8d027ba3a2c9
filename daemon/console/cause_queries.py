"""What pages read of causes: how often each was told, when last, and what people said of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST = 150
_CAUSES = """
SELECT cause, count(*), max(latest), incidents.id, iif(line != '', line, summary), services, (
    SELECT verdict FROM feedback WHERE pattern = cause ORDER BY time DESC, offset DESC LIMIT 1
) FROM causes JOIN incidents ON incidents.id = causes.incident
WHERE cause != '' AND (
    ? = '' OR instr(lower(iif(line != '', line, summary)), lower(?)) OR instr(lower(services), lower(?))
)
GROUP BY cause ORDER BY 2 DESC, 3 DESC, cause LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class CauseView:
    """One cause: its incidents, the latest of them with its time in milliseconds, a line of it, and the last label."""

    cause: str
    incidents: int
    latest: int
    incident: str
    line: str
    services: str
    label: str | None


def causes(connection: sqlite3.Connection, text: str = "") -> list[CauseView]:
    """Return the causes that were told most often, at most `MOST`; `text` is searched in lines and services."""
    return [CauseView(*row) for row in connection.execute(_CAUSES, (text, text, text, MOST))]


def said_of(connection: sqlite3.Connection, incidents: Sequence[str]) -> Mapping[str, list[str]]:
    """Return what people said of incidents, in a few words each: labels of their causes, then the latest notes."""
    by_incident: dict[str, list[str]] = {}
    for incident in incidents:
        labels = connection.execute(
            "SELECT DISTINCT verdict, author FROM feedback WHERE verdict != 'forget' AND pattern IN "
            "(SELECT cause FROM causes WHERE incident = ?) ORDER BY time DESC LIMIT 2",
            (incident,),
        )
        phrases = [f"{verdict}, said by {author or 'somebody'}" for verdict, author in labels]
        notes = connection.execute(
            "SELECT note, author FROM remarks WHERE incident = ? AND note != '' "
            "ORDER BY time DESC, offset DESC LIMIT 2",
            (incident,),
        )
        by_incident[incident] = phrases + [f"“{note}”, {author or 'somebody'}" for note, author in notes]
    return by_incident
