"""What pages read from the archive: incidents, their alerts, feedback, similar incidents, totals."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from daemon.console.messages import ArchivedLabel, ArchivedRemark

PAGE = 50
"""Incidents on one page of the list."""
MAX_ALERTS = 500
"""Alerts of an incident that its page draws."""
MOST_CHOICES, LONGEST_CHOICE = 200, 120
"""Services to choose from, and the characters of the longest: the page stays small."""
SPARK_BUCKETS = 24
_CAUSE = re.compile(r"([0-9a-f]{16})-")
_ALERT_COLUMNS = "id, incident, event, time, scope, key, pattern, severity, p_value, score, summary"
_INCIDENT_COLUMNS = """id, state, severity, services, keys, summary, opened, latest, sessions, (
    SELECT iif(action = 'acknowledge', author, NULL) FROM remarks
    WHERE incident = incidents.id AND action != 'note' ORDER BY time DESC, offset DESC LIMIT 1
) AS acknowledged"""


@dataclass(frozen=True, slots=True)
class ArchivedIncident:
    """One incident of the list. Times are in milliseconds; `acknowledged` is who did so, None if nobody has. `spark`
    counts its alerts in equal steps of its life.
    """

    id: str
    state: str
    severity: int
    services: Sequence[str]
    keys: Sequence[str]
    summary: str
    opened: int
    latest: int
    sessions: int
    acknowledged: str | None = None
    spark: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class ArchivedAlert:
    """One alert, without its document."""

    id: str
    incident: str
    event: str
    time: int
    scope: str
    key: str
    pattern: str
    severity: int
    p_value: float | None
    score: float | None
    summary: str

    @property
    def cause(self) -> str:
        """What a label of the alert names: its headline's cause, with which its id begins, or else its pattern."""
        begin = _CAUSE.match(self.id)
        return begin[1] if begin else self.pattern

    @property
    def can_be_labelled(self) -> bool:
        """Whether it is about a line: a silence is not."""
        return self.cause.strip("0") != ""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which incidents to list. `state` is ``open``, ``resolved`` or empty for both; `text` is searched in summaries."""

    state: str = "open"
    service: str = ""
    text: str = ""
    page: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """What the archive holds; `latest` is the time of the last alert in milliseconds, 0 when there is none."""

    open: int
    incidents: int
    alerts: int
    latest: int


def totals(connection: sqlite3.Connection) -> Totals:
    """Return what the archive holds."""
    opened, incidents = connection.execute("SELECT sum(state = 'open'), count(*) FROM incidents").fetchone()
    alerts, latest = connection.execute("SELECT count(*), max(time) FROM alerts").fetchone()
    return Totals(opened or 0, incidents, alerts, latest or 0)


def services(connection: sqlite3.Connection) -> list[str]:
    """Return the scopes of alerts to choose from, sorted: all but those with long names, at most `MOST_CHOICES`."""
    rows = connection.execute(
        "SELECT DISTINCT scope FROM alerts WHERE length(scope) <= ? ORDER BY scope LIMIT ?",
        (LONGEST_CHOICE, MOST_CHOICES),
    )
    return [scope for (scope,) in rows]


def incidents(connection: sqlite3.Connection, wanted: Filter) -> tuple[list[ArchivedIncident], int]:
    """Return one page of incidents, and how many match: open and not acknowledged first, then gravest, then latest."""
    conditions, values = ["1"], list[object]()
    if wanted.state:
        conditions.append("state = ?")
        values.append(wanted.state)
    if wanted.service:
        conditions.append("EXISTS (SELECT 1 FROM json_each(services) WHERE value = ?)")
        values.append(wanted.service)
    if wanted.text:
        conditions.append("(instr(lower(summary), lower(?)) OR instr(lower(keys), lower(?)))")
        values += [wanted.text, wanted.text]
    where = " AND ".join(conditions)  # fixed texts; what comes from outside is bound below
    count: int = connection.execute(f"SELECT count(*) FROM incidents WHERE {where}", values).fetchone()[0]  # noqa: S608
    rows = connection.execute(
        f"SELECT {_INCIDENT_COLUMNS} FROM incidents WHERE {where} "  # noqa: S608
        "ORDER BY state, acknowledged IS NOT NULL, severity DESC, latest DESC, id LIMIT ? OFFSET ?",
        [*values, PAGE, PAGE * max(wanted.page, 0)],
    )
    listed = [_incident(row) for row in rows]
    sparks = _sparks(connection, listed)
    return [replace(view, spark=sparks[view.id]) for view in listed], count


@dataclass(frozen=True, slots=True)
class ArchivedCase:
    """What one incident's page shows.

    `chosen` is the alert whose lines it shows, `document` that alert's message, and `latest` the newest message.
    """

    incident: ArchivedIncident
    alerts: Sequence[ArchivedAlert]
    chosen: ArchivedAlert
    document: Mapping[str, Any]
    latest: Mapping[str, Any]
    labels: Sequence[ArchivedLabel]
    remarks: Sequence[ArchivedRemark]
    similar: Sequence[ArchivedIncident]

    @property
    def firing(self) -> list[ArchivedAlert]:
        """Its alerts without the messages that it is over."""
        return [alert for alert in self.alerts if alert.event != "resolved"] or list(self.alerts)


def case_of(connection: sqlite3.Connection, identity: str, wanted: str = "") -> ArchivedCase | None:
    """Return an incident's case: of the alert `wanted`, else of its gravest; None when there is no such incident."""
    view, alerts = incident(connection, identity), alerts_of(connection, identity)
    if view is None or not alerts:
        return None
    firing = [alert for alert in alerts if alert.event != "resolved"] or alerts
    gravest = max(firing, key=lambda alert: (alert.severity, alert.score or 0.0))
    chosen = next((alert for alert in firing if alert.id == wanted), gravest)
    return ArchivedCase(
        incident=view,
        alerts=alerts,
        chosen=chosen,
        document=document(connection, chosen.id) or {},
        latest=document(connection, alerts[-1].id) or {},
        labels=feedback_on(connection, _named(firing)[:100]),
        remarks=remarks_on(connection, identity),
        similar=similar(connection, identity),
    )


def incident(connection: sqlite3.Connection, identity: str) -> ArchivedIncident | None:
    """Return one incident, None when there is none of this id."""
    row = connection.execute(f"SELECT {_INCIDENT_COLUMNS} FROM incidents WHERE id = ?", (identity,)).fetchone()  # noqa: S608
    if row is None:
        return None
    view = _incident(row)
    return replace(view, spark=_sparks(connection, [view])[view.id])


def alerts_of(connection: sqlite3.Connection, identity: str) -> list[ArchivedAlert]:
    """Return the latest alerts of an incident, in order of time."""
    rows = connection.execute(
        f"SELECT {_ALERT_COLUMNS} FROM alerts "  # noqa: S608
        "WHERE incident = ? ORDER BY time DESC, event = 'resolved' DESC, number DESC, id LIMIT ?",
        (identity, MAX_ALERTS),
    ).fetchall()
    return [ArchivedAlert(*row) for row in reversed(rows)]


def alert(connection: sqlite3.Connection, identity: str) -> ArchivedAlert | None:
    """Return one alert, None when there is none of this id or it is the end of an incident."""
    row = connection.execute(
        f"SELECT {_ALERT_COLUMNS} FROM alerts WHERE id = ? AND event != 'resolved'",  # noqa: S608
        (identity,),
    ).fetchone()
    return None if row is None else ArchivedAlert(*row)


def document(connection: sqlite3.Connection, alert: str) -> dict[str, Any] | None:
    """Return an alert's message, None when there is none of this id."""
    row = connection.execute("SELECT document FROM alerts WHERE id = ?", (alert,)).fetchone()
    return None if row is None else orjson.loads(row[0])


def similar(connection: sqlite3.Connection, identity: str, limit: int = 5) -> list[ArchivedIncident]:
    """Return other incidents with a cause of this one, the latest first."""
    rows = connection.execute(
        f"SELECT {_INCIDENT_COLUMNS} FROM incidents WHERE id != ? AND id IN ("  # noqa: S608
        "SELECT incident FROM causes WHERE cause IN (SELECT cause FROM causes WHERE incident = ?)"
        ") ORDER BY latest DESC LIMIT ?",
        (identity, identity, limit),
    )
    return [_incident(row) for row in rows]


def feedback_on(connection: sqlite3.Connection, patterns: Sequence[str], limit: int = 20) -> list[ArchivedLabel]:
    """Return the feedback on these patterns, the latest first."""
    marks = ", ".join("?" for _ in patterns)
    rows = connection.execute(
        "SELECT time, pattern, scope, verdict, author, note FROM feedback "  # noqa: S608
        f"WHERE pattern IN ({marks}) ORDER BY time DESC, offset DESC LIMIT ?",
        [*patterns, limit],
    )
    return [ArchivedLabel(*row) for row in rows]


def remarks_on(connection: sqlite3.Connection, identity: str, limit: int = 20) -> list[ArchivedRemark]:
    """Return the remarks on an incident, the latest first."""
    rows = connection.execute(
        "SELECT time, incident, action, author, note FROM remarks WHERE incident = ? "
        "ORDER BY time DESC, offset DESC LIMIT ?",
        (identity, limit),
    )
    return [ArchivedRemark(*row) for row in rows]


def _named(alerts: Iterable[ArchivedAlert]) -> list[str]:
    """Return what labels may name: the causes and patterns of alerts."""
    names = [name for alert in alerts for name in (alert.cause, alert.pattern)]
    return [name for name in dict.fromkeys(names) if name]


def _incident(row: Sequence[Any]) -> ArchivedIncident:
    identity, state, severity, scopes, keys, *rest = row
    return ArchivedIncident(identity, state, severity, orjson.loads(scopes), orjson.loads(keys), *rest)


def _sparks(connection: sqlite3.Connection, listed: Sequence[ArchivedIncident]) -> Mapping[str, list[int]]:
    counts = {view.id: [0] * SPARK_BUCKETS for view in listed}
    spans = {view.id: (view.opened, max(view.latest - view.opened, 1)) for view in listed}
    marks = ", ".join("?" for _ in listed)
    rows = connection.execute(
        f"SELECT incident, time FROM alerts WHERE incident IN ({marks}) AND event != 'resolved'",  # noqa: S608
        [view.id for view in listed],
    )
    for identity, time in rows:
        opened, length = spans[identity]
        bucket = (time - opened) * SPARK_BUCKETS // length
        counts[identity][min(max(bucket, 0), SPARK_BUCKETS - 1)] += 1
    return counts
