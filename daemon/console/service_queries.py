"""What the page of services reads from the archive: each service's alerts over time, and its open incidents."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.console.retention import latest_time

ON_ONE = 100
"""Services on one page."""
STEPS = 48
"""Steps of a service's curve."""
SPANS = {"1h": 3_600_000, "1d": 86_400_000, "7d": 7 * 86_400_000}
"""Lengths of time to choose from, in milliseconds."""


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One service in a span of time. `curve` counts its alerts in `STEPS` equal steps; `latest` is in milliseconds."""

    scope: str
    open: int
    alerts: int
    critical: int
    latest: int
    curve: Sequence[int]


@dataclass(frozen=True, slots=True)
class ServiceListing:
    """One page of services, how many there are, the curve of all of them, and the span's end in milliseconds."""

    services: Sequence[ServiceView]
    count: int
    rate: Sequence[int]
    end: int


def service_listing(connection: sqlite3.Connection, span_ms: int, page: int = 0) -> ServiceListing:
    """Return services, those with most alerts first. The span ends with the latest alert of all."""
    end = latest_time(connection)
    begin = end - span_ms
    curves: dict[str, list[int]] = {}
    rows = connection.execute(
        "SELECT scope, min((time - ?) * ? / ?, ?), count(*) FROM alerts "
        "WHERE time > ? AND event != 'resolved' GROUP BY 1, 2",
        (begin, STEPS, span_ms, STEPS - 1, begin),
    )
    for scope, step, count in rows:
        curves.setdefault(scope, [0] * STEPS)[step] = count
    opened = dict(
        connection.execute(
            "SELECT each.value, count(*) FROM incidents, json_each(incidents.services) AS each "
            "WHERE state = 'open' GROUP BY 1"
        ).fetchall()
    )
    views = [
        ServiceView(scope, opened.get(scope, 0), alerts, critical, latest, curves.get(scope, [0] * STEPS))
        for scope, alerts, critical, latest in connection.execute(
            "SELECT scope, sum(time > ?), sum(time > ? AND severity = 2), max(time) FROM alerts "
            "WHERE event != 'resolved' GROUP BY scope ORDER BY 2 DESC, scope LIMIT ? OFFSET ?",
            (begin, begin, ON_ONE, ON_ONE * page),
        )
    ]
    count = connection.execute("SELECT count(DISTINCT scope) FROM alerts WHERE event != 'resolved'").fetchone()[0]
    rate = [sum(counts) for counts in zip(*curves.values(), strict=True)]
    return ServiceListing(views, count, rate, end)
