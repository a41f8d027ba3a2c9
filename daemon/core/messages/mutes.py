"""Mutes: nothing is told of a service until a time. They are messages of the feedback topic.

A mute covers a whole service, or one pattern or cause in it. It always has an end. `unmute` ends it at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from re import compile as pattern
from typing import cast, get_args

import orjson

from daemon.core.messages.feedback import BY_LENGTH, NOTE_LENGTH, message_object, message_text, redacted
from daemon.core.messages.feedback_schema import MuteAction, MuteDocument
from daemon.core.messages.json import rfc3339
from daemon.errors import DataError

MUTE_ACTIONS: tuple[str, ...] = get_args(MuteAction)
_FINGERPRINT = pattern("[0-9a-f]{16}")
_FIELDS = frozenset({"action", "scope", "pattern", "until", "by", "note"})


@dataclass(frozen=True, slots=True)
class Mute:
    """One person's mute. `pattern` is empty for the whole service; `until` in microseconds, None ends it."""

    scope: str
    pattern: str
    until: int | None
    by: str = ""
    note: str = ""


def parse_mute(value: bytes | None) -> Mute | None:
    """Read one message of the feedback topic; None when it is not a mute.

    Raises DataError with a sentence that names the field and repeats nothing of the content.
    """
    document = message_object(value)
    if "action" not in document or "incident" in document:
        return None
    if document.keys() - _FIELDS:
        raise DataError(f"unknown field (known with action: {', '.join(sorted(_FIELDS))})")
    action, scope = message_text(document, "action", 20), message_text(document, "scope", 1000)
    if action not in MUTE_ACTIONS:
        raise DataError(f"action: must be one of {', '.join(MUTE_ACTIONS)}, or name an incident")
    if not scope:
        raise DataError("scope: missing")
    fingerprint = message_text(document, "pattern", 100)
    if fingerprint and not _FINGERPRINT.fullmatch(fingerprint):
        raise DataError("pattern: must be 16 hexadecimal digits")
    by, note = (
        redacted(message_text(document, name, limit)) for name, limit in (("by", BY_LENGTH), ("note", NOTE_LENGTH))
    )
    until = _until(message_text(document, "until", 40)) if action == "mute" else None
    return Mute(scope, fingerprint, until, by, note)


def mute_document(
    scope: str, pattern: str = "", *, until: int | None = None, by: str = "", note: str = ""
) -> MuteDocument:
    """Return the message of a mute, with `until` None of its end; secrets are redacted.

    Raises DataError where `parse_mute` would.
    """
    document = {"action": "unmute" if until is None else "mute", "scope": scope, "pattern": pattern}
    document |= {"until": rfc3339(until) if until is not None else "", "by": by, "note": note}
    parsed = parse_mute(orjson.dumps({name: text for name, text in document.items() if text or name == "scope"}))
    assert parsed is not None, "it has an action and no incident"
    document |= {"by": parsed.by, "note": parsed.note}
    return cast("MuteDocument", {name: text for name, text in document.items() if text})


def _until(text: str) -> int:
    try:
        when = datetime.fromisoformat(text)
        return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1e6)
    except (ValueError, OverflowError):
        raise DataError("until: must be a time such as 2026-11-26T18:00:00Z") from None
