"""Labels that people give to patterns: reads and writes messages of the feedback topic.

A message names one pattern. An alert's id begins with its pattern's fingerprint, and a fingerprint covers its scope,
so an id alone is enough.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast, get_args

import orjson

from daemon.core.masking import RedactionSettings, redact
from daemon.core.messages.feedback_schema import FeedbackDocument, Word
from daemon.errors import DataError

VERDICTS: tuple[str, ...] = get_args(Word)
"""What a person may say of a pattern: the labels, and `forget`, which takes a label back."""
NOTE_LENGTH = 500
BY_LENGTH = 100
_PATTERN = re.compile(r"[0-9a-f]{16}")
_ALERT = re.compile(r"([0-9a-f]{16})-[0-9a-f]{16}")
_FIELDS = frozenset({"alert", "scope", "pattern", "verdict", "by", "note"})


@dataclass(frozen=True, slots=True)
class Feedback:
    """One person's verdict on one pattern. `scope` is None where the message names only an id.

    `of_alert`: `pattern` is what an alert's id begins with: the pattern of a verdict, or the cause of an incident.
    """

    pattern: str
    verdict: str
    scope: str | None = None
    by: str = ""
    note: str = ""
    of_alert: bool = False

    @property
    def label(self) -> str | None:
        """The label to set; None takes the label back."""
        return None if self.verdict == "forget" else self.verdict


def parse_feedback(value: bytes | None) -> Feedback:
    """Read one message. Raises DataError with a sentence that names the field and repeats nothing of the content."""
    document = message_object(value)
    unknown = sorted(document.keys() - _FIELDS)
    if unknown:
        raise DataError(f"unknown field (known: {', '.join(sorted(_FIELDS))})")
    verdict = message_text(document, "verdict", 20)
    if verdict not in VERDICTS:
        raise DataError(f"verdict: must be one of {', '.join(VERDICTS)}")
    return Feedback(
        pattern=_pattern_of(document),
        verdict=verdict,
        of_alert="alert" in document,
        scope=message_text(document, "scope", 1000) or None,
        by=redacted(message_text(document, "by", BY_LENGTH)),
        note=redacted(message_text(document, "note", NOTE_LENGTH)),
    )


def label_document(
    target: str, verdict: str, *, scope: str | None = None, by: str = "", note: str = ""
) -> FeedbackDocument:
    """Return the message that gives `target`, the id of an alert or a pattern, a verdict; secrets are redacted.

    Raises DataError when the target is neither or the verdict is not one of normal, anomalous, forget:
    `parse_feedback` accepts what this returns.
    """
    document: dict[str, object] = {"alert" if _ALERT.fullmatch(target) else "pattern": target, "verdict": verdict}
    document |= {name: text for name, text in (("scope", scope), ("by", by), ("note", note)) if text}
    parsed = parse_feedback(orjson.dumps(document))
    document |= {name: text for name, text in (("by", parsed.by), ("note", parsed.note)) if text}
    return cast("FeedbackDocument", document)


def message_object(value: bytes | None) -> dict[str, Any]:
    """Return a message's JSON object. Raises DataError for anything else."""
    if not value:
        raise DataError("empty message")
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise DataError(f"not JSON: line {error.lineno} column {error.colno}") from None
    if not isinstance(document, dict):
        raise DataError("not a JSON object")
    return document


def message_text(document: dict[str, object], name: str, limit: int) -> str:
    """Return a field's text, empty when it is absent. Raises DataError for another type or a longer text."""
    text = document.get(name)
    if text is None:
        return ""
    if not isinstance(text, str):
        raise DataError(f"{name}: must be a string")
    if len(text) > limit:
        raise DataError(f"{name}: longer than {limit:,} characters")
    return text


def redacted(text: str) -> str:
    """Return a text redacted as a line is, because it goes into the baseline's topic; e-mail addresses stay."""
    return redact(text, RedactionSettings(emails=False)) if text else ""


def _pattern_of(document: dict[str, object]) -> str:
    alert, pattern = message_text(document, "alert", 100), message_text(document, "pattern", 100)
    if bool(alert) == bool(pattern):
        raise DataError("give either alert or pattern")
    if pattern:
        if not _PATTERN.fullmatch(pattern):
            raise DataError("pattern: must be 16 hexadecimal digits")
        return pattern
    match = _ALERT.fullmatch(alert)
    if not match:
        raise DataError("alert: must be an alert's id, 16 hexadecimal digits, a dash, 16 more")
    return match[1]
