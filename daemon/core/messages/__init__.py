"""The messages that leave and enter the daemon: their types, their JSON, their envelopes."""

from daemon.core.messages.codec import cloud_event, encode, rfc3339, verdict_document, verdict_record
from daemon.core.messages.dead_letters import dead_letter
from daemon.core.messages.feedback import Feedback, label_document, parse_feedback
from daemon.core.messages.schema import (
    ALERT_SCHEMA,
    AlertDocument,
    ContrastDocument,
    ContrastLine,
    FeedbackDocument,
    IncidentDocument,
    IncidentEventKind,
    Label,
    LineDocument,
    NeighbourDocument,
    ResolvedDocument,
    ResolveReason,
    Severity,
    Why,
)
from daemon.core.positions import place

__all__ = [
    "ALERT_SCHEMA",
    "AlertDocument",
    "ContrastDocument",
    "ContrastLine",
    "Feedback",
    "FeedbackDocument",
    "IncidentDocument",
    "IncidentEventKind",
    "Label",
    "LineDocument",
    "NeighbourDocument",
    "ResolveReason",
    "ResolvedDocument",
    "Severity",
    "Why",
    "cloud_event",
    "dead_letter",
    "encode",
    "label_document",
    "parse_feedback",
    "place",
    "rfc3339",
    "verdict_document",
    "verdict_record",
]
