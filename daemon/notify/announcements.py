"""What the alerts topic says of an incident, checked, and what a route makes of it.

A topic may hold anything: records of other programs, and messages of another version. `read_announcement` checks every
field that it uses. Texts are redacted by the daemon; they may still hold anything that a log line can hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from daemon.core.messages import message_object
from daemon.errors import DataError

MAX_NAME = 200
"""Longest id that is accepted, and longest name of a service that is shown."""
GRAVITY = {"info": 0, "warning": 1, "critical": 2}


class Stage(StrEnum):
    """What a receiver is told of an incident."""

    OPENED = "opened"
    REOPENED = "reopened"
    ESCALATED = "escalated"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Announcement:
    """One message of the alerts topic.

    `number` counts the messages about the incident, this one included. `services` are in order of time. `since` and
    `last_seen` are event times with a time zone. `document` is the whole message.
    """

    id: str
    incident: str
    event: str
    resolved: bool
    severity: str
    summary: str
    why: str
    services: tuple[str, ...]
    number: int
    since: datetime
    last_seen: datetime
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Notification:
    """What one route tells its receiver.

    `service` is the incident's first one, the same in all stages. `was` is the severity that was told before, None
    when nothing was. `url` leads to the incident in a console; it may be empty.
    """

    stage: Stage
    said: Announcement
    service: str
    was: str | None
    url: str = ""

    @property
    def title(self) -> str:
        """Severity or end, services, and the incident in a sentence."""
        services = ", ".join(name[:MAX_NAME] for name in self.said.services[:5])
        head = "resolved" if self.stage is Stage.RESOLVED else self.said.severity
        return f"[{head}] {services}: {self.said.summary}"


def read_announcement(value: bytes | None) -> Announcement:
    """Read one message of the alerts topic. Raises DataError for anything else; it names the field."""
    document = message_object(value)
    incident = document.get("incident")
    if not isinstance(incident, dict):
        raise DataError("incident: must be an object")
    severity = _text(document, "severity")
    if severity not in GRAVITY:
        raise DataError(f"severity: must be one of {', '.join(GRAVITY)}")
    services = incident.get("services")
    if not isinstance(services, list) or not services or not all(isinstance(name, str) for name in services):
        raise DataError("incident.services: must be a list of names")
    number = incident.get("messages")
    if not isinstance(number, int) or isinstance(number, bool):
        raise DataError("incident.messages: must be a number")
    return Announcement(
        id=_name(document, "id"),
        incident=_name(incident, "id"),
        event=_text(incident, "event"),
        resolved=document.get("status") == "resolved",
        severity=severity,
        summary=_text(document, "summary"),
        why=_text(document, "why"),
        services=tuple(services),
        number=number,
        since=_time(incident, "since"),
        last_seen=_time(incident, "last_seen"),
        document=document,
    )


def _text(document: Mapping[str, Any], name: str) -> str:
    text = document.get(name)
    if not isinstance(text, str):
        raise DataError(f"{name}: must be text")
    return text


def _name(document: Mapping[str, Any], name: str) -> str:
    text = _text(document, name)
    if not text or len(text) > MAX_NAME or not text.isprintable() or not text.isascii() or set(text) & set(' <>"'):
        raise DataError(f"{name}: must be a name of at most {MAX_NAME} printable ASCII characters")
    return text


def _time(document: Mapping[str, Any], name: str) -> datetime:
    try:
        time = datetime.fromisoformat(_text(document, name))
    except ValueError:
        raise DataError(f"{name}: must be a time, RFC 3339") from None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
