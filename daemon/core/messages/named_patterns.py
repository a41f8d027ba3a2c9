"""Which pattern a message of the feedback topic names, whatever kind of message it is."""

from __future__ import annotations

from daemon.core.messages.feedback import parse_feedback
from daemon.core.messages.mutes import parse_mute
from daemon.core.messages.remarks import parse_remark
from daemon.errors import DataError


def pattern_named(value: bytes | None) -> str | None:
    """Return the pattern of a label or a mute; None for other messages, and for what cannot be read."""
    try:
        if parse_remark(value) is not None:
            return None
        mute = parse_mute(value)
        return parse_feedback(value).pattern if mute is None else mute.pattern or None
    except DataError:
        return None
