"""Remarks that people make on incidents: messages of the feedback topic.

A remark changes nothing in the daemon, which ignores it. Consoles show it: acknowledgements and notes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, get_args

import orjson

from daemon.core.messages.feedback import BY_LENGTH, NOTE_LENGTH, message_object, message_text, redacted
from daemon.core.messages.feedback_schema import Action, RemarkDocument
from daemon.errors import DataError

ACTIONS: tuple[str, ...] = get_args(Action)
INCIDENT_LENGTH = 100
_FIELDS = frozenset({"incident", "action", "by", "note"})


@dataclass(frozen=True, slots=True)
class Remark:
    """One person's remark on one incident."""

    incident: str
    action: str
    by: str = ""
    note: str = ""


def parse_remark(value: bytes | None) -> Remark | None:
    """Read one message of the feedback topic; None when it is not about an incident.

    Raises DataError with a sentence that names the field and repeats nothing of the content.
    """
    document = message_object(value)
    if "incident" not in document:
        return None
    if document.keys() - _FIELDS:
        raise DataError(f"unknown field (known with incident: {', '.join(sorted(_FIELDS))})")
    incident = message_text(document, "incident", INCIDENT_LENGTH)
    if not incident:
        raise DataError("incident: must be an incident's id")
    action = message_text(document, "action", 20)
    if action not in ACTIONS:
        raise DataError(f"action: must be one of {', '.join(ACTIONS)}")
    note = redacted(message_text(document, "note", NOTE_LENGTH))
    if action == "note" and not note:
        raise DataError("note: missing")
    return Remark(incident, action, redacted(message_text(document, "by", BY_LENGTH)), note)


def remark_document(incident: str, action: str, *, by: str = "", note: str = "") -> RemarkDocument:
    """Return the message of a remark; secrets are redacted. Raises DataError where `parse_remark` would."""
    parsed = parse_remark(orjson.dumps({"incident": incident, "action": action, "by": by, "note": note}))
    assert parsed is not None, "it names an incident"
    document = {"incident": parsed.incident, "action": parsed.action, "by": parsed.by, "note": parsed.note}
    return cast("RemarkDocument", {name: text for name, text in document.items() if text})
