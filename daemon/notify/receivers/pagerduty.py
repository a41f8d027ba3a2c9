"""PagerDuty: Events API v2. The incident is the `dedup_key`, so what is sent again is recognised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from daemon.core.text import clean
from daemon.notify.announcements import MAX_NAME, Notification, Stage
from daemon.notify.receivers.base import OnceReceiver, read_secret
from daemon.notify.receivers.http_post import post

EVENTS = "https://events.pagerduty.com/v2/enqueue"
_SUMMARY = 1_024
_SHOWN, _LONGEST = 5, 500


def pagerduty_event(told: Notification, routing_key: str) -> dict[str, Any]:
    """Return the event of a notification."""
    said = told.said
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": "resolve" if told.stage is Stage.RESOLVED else "trigger",
        "dedup_key": f"strayline/{said.incident}",
    }
    if told.stage is Stage.RESOLVED:
        return event
    event["payload"] = {
        "summary": clean(told.title)[:_SUMMARY],
        "source": clean(told.service)[:MAX_NAME],
        "severity": said.severity,
        "timestamp": said.last_seen.isoformat(),
        "component": clean(told.service)[:MAX_NAME],
        "class": told.stage,
        "custom_details": {
            "why": clean(said.why),
            "services": [clean(name)[:MAX_NAME] for name in said.services],
            "lines": _lines(said.document),
            "alert": said.id,
            "label it normal": f"strayline label {said.id} normal",
        },
    }
    if told.url:
        event |= {"client": "strayline", "client_url": told.url}
    return event


def _lines(document: Mapping[str, Any]) -> list[str]:
    """Return the first lines of the session, as many as are shown."""
    session = document.get("session")
    lines = session if isinstance(session, list) else []
    texts = [line["text"] for line in lines if isinstance(line, dict) and isinstance(line.get("text"), str)]
    return [clean(text)[:_LONGEST] for text in texts[:_SHOWN]]


@dataclass(slots=True)
class PagerDuty(OnceReceiver):
    """One service of PagerDuty; `routing_key_file` holds its integration key."""

    routing_key_file: Path
    url: str = EVENTS
    ca: Path | None = None

    async def send(self, told: Notification) -> None:
        """Deliver a message once. Raises DeliveryError."""
        key = await read_secret(self.routing_key_file)
        await post(self.url, orjson.dumps(pagerduty_event(told, key)), {}, ca=self.ca, secrets=[key])
