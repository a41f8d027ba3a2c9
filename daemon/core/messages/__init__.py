"""The messages that leave and enter the daemon.

* A **document** is a dictionary whose keys and types are declared: a verdict or an alert in `schema`, feedback in
  `feedback_schema`. `json_schema` derives the published JSON Schemas from those types.
* `encode` is the only way from a document to bytes (`json`); `cloud_event` writes the headers around it.
* `verdict_record` and `dead_letter` make whole records. Alerts are made in `daemon.core.alerts`.
* `parse_feedback` reads labels of patterns, `parse_remark` remarks on incidents, `parse_mute` mutes. `label_document`,
  `remark_document` and `mute_document` write what they accept.
"""

from daemon.core.messages.cloudevents import cloud_event
from daemon.core.messages.dead_letters import REFUSED_TEXT, dead_letter, refused_session
from daemon.core.messages.document_schema import DepartureDocument, DocumentCase, SideDocument
from daemon.core.messages.feedback import VERDICTS, Feedback, label_document, message_object, parse_feedback
from daemon.core.messages.feedback_schema import FeedbackDocument
from daemon.core.messages.json import encode, rfc3339
from daemon.core.messages.json_schema import schemas
from daemon.core.messages.mutes import Mute, mute_document, parse_mute
from daemon.core.messages.named_patterns import pattern_named
from daemon.core.messages.remarks import Remark, parse_remark, remark_document
from daemon.core.messages.schema import (
    ALERT_SCHEMA,
    AlertDocument,
    CauseDocument,
    ContrastDocument,
    ContrastLine,
    IncidentDocument,
    Label,
    LineDocument,
    NeighbourDocument,
    Severity,
    Why,
)
from daemon.core.messages.verdict import verdict_document, verdict_record

__all__ = [
    "ALERT_SCHEMA",
    "REFUSED_TEXT",
    "VERDICTS",
    "AlertDocument",
    "CauseDocument",
    "ContrastDocument",
    "ContrastLine",
    "DepartureDocument",
    "DocumentCase",
    "Feedback",
    "FeedbackDocument",
    "IncidentDocument",
    "Label",
    "LineDocument",
    "Mute",
    "NeighbourDocument",
    "Remark",
    "Severity",
    "SideDocument",
    "Why",
    "cloud_event",
    "dead_letter",
    "encode",
    "label_document",
    "message_object",
    "mute_document",
    "parse_feedback",
    "parse_mute",
    "parse_remark",
    "pattern_named",
    "refused_session",
    "remark_document",
    "rfc3339",
    "schemas",
    "verdict_document",
    "verdict_record",
]
