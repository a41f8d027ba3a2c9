"""The documents that people send to the daemon, as types: labels of patterns, remarks on incidents, and mutes.

As with `schema`, `docs/schema/feedback.json` is generated from this file, descriptions included.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, NotRequired, TypedDict

from daemon.core.messages.schema import AlertId, Fingerprint, Time

FEEDBACK_SCHEMA: Final = "urn:strayline:schema:feedback:1"

Word = Literal["normal", "anomalous", "forget"]
Action = Literal["acknowledge", "unacknowledge", "note"]
MuteAction = Literal["mute", "unmute"]


class FeedbackDocument(TypedDict):
    """What a person says of a pattern: `alert`, or `pattern` with or without its `scope`."""

    alert: NotRequired[AlertId]
    """Id of an alert or verdict: its pattern is meant."""
    scope: NotRequired[str]
    """Scope of the pattern."""
    pattern: NotRequired[Fingerprint]
    """Fingerprint of a pattern (16 hexadecimal digits)."""
    verdict: Word
    """normal silences the pattern and its relatives, anomalous keeps it alarming, forget takes back what was said."""
    by: NotRequired[str]
    """Who says so."""
    note: NotRequired[str]
    """Why."""


class RemarkDocument(TypedDict):
    """What a person says of an incident. The daemon passes over it; consoles show it."""

    incident: Annotated[str, ("minLength", 1), ("maxLength", 100)]
    """Id of the incident."""
    action: Action
    """acknowledge: somebody looks at it; unacknowledge takes that back; note: a note on it."""
    by: NotRequired[str]
    """Who says so."""
    note: NotRequired[str]
    """The note, or a reason."""


class MuteDocument(TypedDict):
    """What a person wants to hear nothing of until a time: a service, or one pattern or cause of it."""

    action: MuteAction
    """mute: nothing is told of it until then, and what happened meanwhile is told afterwards; unmute: end it now."""
    scope: Annotated[str, ("minLength", 1)]
    """The service."""
    pattern: NotRequired[Fingerprint]
    """Fingerprint of a pattern or of an incident's cause; without it, the whole service."""
    until: NotRequired[Time]
    """When it ends, compared with the times of lines, RFC 3339. A mute has one."""
    by: NotRequired[str]
    """Who says so."""
    note: NotRequired[str]
    """Why."""
