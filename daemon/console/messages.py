"""Alert and feedback messages as rows of the archive.

A topic may hold anything: records of other programs, and messages of an earlier or later version. `read_alert` and
`read_feedback` therefore check every field that they use and raise DataError, and they take an incident's fields as
optional. Texts keep their content here; pages escape them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from daemon.core.messages import message_object, parse_feedback, parse_mute, parse_remark
from daemon.errors import DataError

SEVERITIES = ("info", "warning", "critical")
MAX_NAME = 1_000
"""Longest scope, key or id that is kept; longer ones are cut."""


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """One message of the alerts topic.

    Times are in milliseconds since the epoch: `opened` when the incident began, `time` its latest symptom or session so
    far. `number` counts the messages about it, this one included. `severity` is an index of `SEVERITIES`, `services`
    are scopes, and `causes` the fingerprints of what the incident is about, each with a line of it. `sessions` counts
    its sessions so far. `pattern` is empty while no session has closed. `resolved` is True for the message that an
    incident is over.
    """

    id: str
    incident: str
    event: str
    resolved: bool
    time: int
    opened: int
    number: int
    scope: str
    key: str
    pattern: str
    severity: int
    p_value: float | None
    score: float | None
    summary: str
    services: tuple[str, ...]
    causes: tuple[tuple[str, str], ...]
    sessions: int
    document: bytes


@dataclass(frozen=True, slots=True)
class ArchivedLabel:
    """One label of a pattern; `time` is the record's, in milliseconds since the epoch."""

    time: int
    pattern: str
    scope: str
    verdict: str
    author: str
    note: str


@dataclass(frozen=True, slots=True)
class ArchivedRemark:
    """One remark on an incident; `time` is the record's, in milliseconds since the epoch."""

    time: int
    incident: str
    action: str
    author: str
    note: str


@dataclass(frozen=True, slots=True)
class ArchivedMute:
    """One message that mutes a service (`pattern` empty) or something in it; `until` None ends the mute.

    Both times are in milliseconds since the epoch.
    """

    time: int
    scope: str
    pattern: str
    until: int | None
    author: str
    note: str

    def in_force(self, now_ms: int) -> bool:
        """Return whether its end is still to come."""
        return self.until is not None and self.until > now_ms


def read_alert(value: bytes | None) -> AlertMessage:
    """Read one message of the alerts topic. Raises DataError for anything else."""
    document = message_object(value)
    incident = document.get("incident")
    if not isinstance(incident, dict):
        raise DataError("incident: must be an object")
    end = _time(document, "end")
    resolved = document.get("status") == "resolved"
    scope = _text(document, "scope")
    period = incident.get("period")
    start = period.get("start") if isinstance(period, dict) else None
    since = next((text for text in (incident.get("since"), start) if isinstance(text, str)), None)
    last = incident.get("last_seen")
    severity = document.get("severity")
    return AlertMessage(
        id=_required(document, "id"),
        incident=_required(incident, "id"),
        event="resolved" if resolved else _text(incident, "event") or _text(document, "event") or "updated",
        resolved=resolved,
        time=max(end, milliseconds(last)) if isinstance(last, str) else end,
        opened=min(end, milliseconds(since)) if since else end,
        number=_count(incident.get("messages")) or _count(incident.get("alerts")),
        scope=scope,
        key=_text(document, "key"),
        pattern=_text(document, "pattern" if "pattern" in document else "fingerprint"),
        severity=SEVERITIES.index(severity) if severity in SEVERITIES else 0,
        p_value=_number(document.get("p_value")),
        score=_number(document.get("score")),
        summary=_text(document, "summary"),
        services=_services(incident.get("services")) or (scope,),
        causes=_causes(incident.get("causes")) or ((_text(document, "fingerprint") or _text(document, "pattern"), ""),),
        sessions=_sessions(incident),
        document=value or b"",
    )


def read_feedback(value: bytes | None, time: int) -> ArchivedLabel | ArchivedRemark | ArchivedMute:
    """Read one message of the feedback topic. Raises DataError for anything else."""
    remark = parse_remark(value)
    if remark is not None:
        return ArchivedRemark(time, remark.incident, remark.action, remark.by, remark.note)
    mute = parse_mute(value)
    if mute is not None:
        until = None if mute.until is None else mute.until // 1000
        return ArchivedMute(time, mute.scope[:MAX_NAME], mute.pattern, until, mute.by, mute.note)
    label = parse_feedback(value)
    return ArchivedLabel(time, label.pattern, label.scope or "", label.verdict, label.by, label.note)


def _text(document: Mapping[str, Any], name: str) -> str:
    text = document.get(name)
    return text[:MAX_NAME] if isinstance(text, str) else ""


def _required(document: Mapping[str, Any], name: str) -> str:
    text = _text(document, name)
    if not text:
        raise DataError(f"{name}: missing")
    return text


def _time(document: Mapping[str, Any], name: str) -> int:
    return milliseconds(_required(document, name))


def milliseconds(text: str) -> int:
    """Return an RFC 3339 time in milliseconds since the epoch. Raises DataError."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise DataError("a time is not RFC 3339") from None
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _count(value: object) -> int:
    """Return a count; a list counts as its length (of sessions, say)."""
    if isinstance(value, list):
        return len(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 53 else 0


def _sessions(incident: Mapping[str, Any]) -> int:
    sessions = incident.get("sessions")
    return 0 if sessions == 0 else _count(sessions) or _count(incident.get("alerts")) or 1


def _causes(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list):
        return ()
    items = [item if isinstance(item, dict) else {"cause": item} for item in value[:100]]
    return tuple((_text(item, "cause"), _text(item, "text")) for item in items if _text(item, "cause"))


def _services(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    names = [item.get("scope") or item.get("name") if isinstance(item, dict) else item for item in value[:100]]
    return tuple(name[:MAX_NAME] for name in names if isinstance(name, str) and name)
