"""Alertmanager: `POST /api/v2/alerts`.

Labels are an alert's identity, so an incident has the same ones in every message: its id, its first service and its
severity. When it becomes graver, the alert with the old severity ends in the same request. Alertmanager keeps alerts in
memory and ends what nobody renews; firing ones are therefore sent again every minute, and end by themselves an hour
after `strayline notify` is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from aiohttp import encode_basic_auth

from daemon.core.text import clean
from daemon.notify.announcements import MAX_NAME, Notification, Stage
from daemon.notify.receivers.base import read_secret
from daemon.notify.receivers.http_post import post

RENEW_S = 60.0
LASTS = timedelta(hours=1)
ALERT_NAME = "StraylineIncident"


def alerts_of(told: Notification, now: datetime, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the alerts of one notification: the incident's, and the one that it replaces."""
    over = told.stage is Stage.RESOLVED
    severity = told.was if over and told.was is not None else told.said.severity
    alerts = [_alert(told, severity, labels, now=now, over=over)]
    if told.was is not None and told.was != severity:
        alerts.append(_alert(told, told.was, labels, now=now, over=True))
    return alerts


def _alert(
    told: Notification, severity: str, labels: Mapping[str, str], *, now: datetime, over: bool
) -> dict[str, Any]:
    said = told.said
    # Times of lines may be ahead of the clock; an end before the start is refused.
    ends = min(said.last_seen, now) if over else now + LASTS
    identity = {"incident": said.incident, "service": clean(told.service)[:MAX_NAME], "severity": severity}
    return {
        "labels": {**labels, "alertname": ALERT_NAME, **identity},
        "annotations": {
            "summary": clean(said.summary),
            "why": clean(said.why),
            "services": ", ".join(clean(name)[:MAX_NAME] for name in said.services),
            "stage": told.stage,
            "alert": said.id,
        },
        "startsAt": min(said.since, ends).isoformat(),
        "endsAt": ends.isoformat(),
        **({"generatorURL": told.url} if told.url else {}),
    }


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """One Alertmanager. `token_file` holds a bearer token, or `password_file` the password of `username`."""

    url: str
    labels: Mapping[str, str] = field(default_factory=dict)
    username: str | None = None
    password_file: Path | None = None
    token_file: Path | None = None
    ca: Path | None = None
    renew_s: float | None = RENEW_S
    now: Callable[[], datetime] = _now

    async def send(self, told: Notification) -> None:
        """Deliver a message once. Raises DeliveryError."""
        await self._post(alerts_of(told, self.now(), self.labels))

    async def renew(self, firing: Sequence[Notification]) -> None:
        """Send again what is still firing. Raises DeliveryError."""
        now = self.now()
        if alerts := [_alert(told, told.said.severity, self.labels, now=now, over=False) for told in firing]:
            await self._post(alerts)

    async def _post(self, alerts: Sequence[dict[str, Any]]) -> None:
        secrets, headers = [], {}
        if self.token_file is not None:
            secrets.append(await read_secret(self.token_file))
            headers["Authorization"] = f"Bearer {secrets[0]}"
        elif self.username is not None and self.password_file is not None:
            secrets.append(await read_secret(self.password_file))
            headers["Authorization"] = encode_basic_auth(self.username, secrets[0], "utf-8")
        url = f"{self.url.rstrip('/')}/api/v2/alerts"
        await post(url, orjson.dumps(alerts), headers, ca=self.ca, secrets=secrets)
