"""The documents that leave the daemon, as types: what a program that reads the topics may rely on.

They are plain dictionaries at run time, so nothing converts them. `docs/schema/*.json` is generated from this file by
`json_schema`, descriptions included: the sentence under a field is what a reader of the schema sees.
Fields are only ever added within a major version; the version is part of the CloudEvents type and of `schema`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, NotRequired, TypedDict

VERDICT_SCHEMA: Final = "urn:strayline:schema:verdict:1"
ALERT_SCHEMA: Final = "urn:strayline:schema:alert:1"
FEEDBACK_SCHEMA: Final = "urn:strayline:schema:feedback:1"

Time = Annotated[str, ("format", "date-time")]
Share = Annotated[float, ("minimum", 0), ("maximum", 1)]
Fingerprint = Annotated[str, ("pattern", "^[0-9a-f]{16}$")]
AlertId = Annotated[str, ("pattern", "^[0-9a-f]{16}-[0-9a-f]{16}$")]
Count = Annotated[int, ("minimum", 0)]
Severity = Literal["info", "warning", "critical"]
Label = Literal["normal", "anomalous"]
Why = Literal["new", "rare", "severe", "count", "usual"]
Word = Literal["normal", "anomalous", "forget"]
Action = Literal["acknowledge", "unacknowledge", "note"]
IncidentEventKind = Literal["opened", "updated", "ongoing", "reopened", "resolved"]
ResolveReason = Literal["quiet", "learned", "displaced"]


class SourceDocument(TypedDict):
    """Where the lines of a session lie in the input."""

    topic: str
    """Input topic."""
    partition: int
    """Partition of that topic."""
    positions: list[str]
    """Every line of the session: ranges of offsets ("120-131", "140"); lines 2 to 5 of one record are "140:2-5"."""


class VerdictDocument(TypedDict):
    """What was judged of one session. Every input line is in exactly one verdict or in one dead letter."""

    id: AlertId
    """Deterministic and unique: the pattern's fingerprint, a dash, a hash of source and first position."""
    scope: str
    """The service or tenant whose baseline the session was compared with."""
    key: str
    """What the lines of the session have in common: a host, a request, a process."""
    start: Time
    """Least event time of the lines, RFC 3339, UTC, milliseconds."""
    end: Time
    """Greatest event time of the lines, RFC 3339, UTC, milliseconds."""
    lines: Count
    """Number of lines."""
    tokens: Count
    """Tokens of all lines by the engine's tokenizer."""
    closed_by: Literal["gap", "age", "lines", "tokens", "pin", "idle", "flush"]
    """Why the session ended."""
    pattern: Fingerprint
    """Fingerprint of the canonical form; equal sessions of a scope share it."""
    score: float
    """Distance to the baseline; larger is stranger. Comparable within a scope only."""
    similarity: float | None
    """Cosine to the nearest normal pattern; null when there was none yet."""
    p_value: Share | None
    """Share of the scope's recent traffic at least as strange; null while the scope warms up."""
    anomalous: bool
    """Whether the session is an alert."""
    learned: bool
    """Whether the session was added to the baseline."""
    phase: Literal["warm_up", "live", "teach"]
    """In which part of its scope's life the session was judged."""
    source: SourceDocument
    """Where the lines lie."""


class LineDocument(TypedDict):
    """One distinct line of the session."""

    text: str
    """The first such line, redacted; cut with a mark when very long."""
    count: Count
    """How often it stands in the session."""
    expected: Count | None
    """How often it stands in the normal pattern that the contrast is with; null when there is none."""
    first: str
    """Position of the first one: offset, or offset:line for a record of many lines."""
    last: str
    """Position of the last one."""
    why: Why
    """What is odd about it: never seen, seldom seen, reads like a failure, repeats unusually; or nothing."""
    contribution: Share
    """Share of the score it causes, 0 to 1; with the missing lines' shares they add up to 1, or are all 0."""
    share: Share | None
    """Share of the scope's sessions that have such a line, 0 to 1; null when it was not looked up."""
    novelty: Share | None
    """How far it is from the lines of normal traffic: 0 is seen before, 1 shares no word; null beyond the first 64."""
    nearest_normal: str | None
    """The line of normal traffic nearest to it (itself, masked, when it was seen before); null when there is none."""


class NeighbourDocument(TypedDict):
    """A pattern of normal traffic near the session."""

    pattern: Fingerprint
    """Its fingerprint."""
    similarity: float
    """Cosine to the session's pattern."""
    weight: Share
    """Its share of the scope's traffic, 0 to 1."""
    first_seen: Time
    """Event time, RFC 3339."""
    last_seen: Time
    """Event time, RFC 3339."""
    label: Label | None
    """What feedback said of it."""
    text: str
    """Its lines, masked, each as "count x line"; cut with a mark when very long."""


class ContrastLine(TypedDict):
    """One difference between the session and a normal pattern."""

    text: str
    """The line: an example where the session has it, else masked."""
    count: Count
    """How often the session has it."""
    expected: Count
    """How often the normal pattern has it; 1 where only the bulk of traffic has it."""
    share: Share | None
    """Share of the scope's sessions that have such a line; null when it was not looked up."""
    contribution: Share
    """Share of the score this difference causes, 0 to 1."""


class ContrastDocument(TypedDict):
    """The session against the most similar pattern of `nearest` that is established, most telling difference first."""

    pattern: Fingerprint | None
    """That pattern; null when there is none yet."""
    only_here: list[ContrastLine]
    """Lines that pattern does not have."""
    missing_here: list[ContrastLine]
    """Lines that pattern has, or most sessions have, and this session does not."""
    more: list[ContrastLine]
    """Lines both have, more often here."""
    fewer: list[ContrastLine]
    """Lines both have, less often here."""
    usual: Count
    """Number of lines of the session that both have equally often."""


class IncidentDocument(TypedDict):
    """Alerts of one scope and partition about one cause."""

    id: str
    """Deterministic; the same in every alert of the incident."""
    event: IncidentEventKind
    """What this alert did to it. A reader who wants one message an incident takes opened, reopened and resolved."""
    since: Time
    """Event time of its first alert, RFC 3339."""
    last_seen: Time
    """Event time of its latest alert, RFC 3339."""
    alerts: Count
    """Alerts so far, this one included."""


class AlertDocument(VerdictDocument):
    """An anomalous session and the case against it: all of its verdict, and what a person wants to know."""

    schema: Literal["urn:strayline:schema:alert:1"]
    """Names this schema and its major version."""
    status: Literal["firing"]
    """A session that is anomalous."""
    severity: Severity
    """critical: p at most 0.001, or confirmed anomalous by feedback; warning: p at most 0.01; else info."""
    summary: Annotated[str, ("maxLength", 200)]
    """The case in at most 200 characters."""
    fingerprint: Fingerprint
    """Stable over repetitions: the pattern."""
    budget: str
    """What the operator can afford, as configured: a share of sessions, or a rate."""
    seen: Count
    """Sessions in the scope's window when this one was judged."""
    label: Label | None
    """What feedback said of this pattern."""
    parts: dict[str, float]
    """Raw values of the score's components."""
    session: list[LineDocument]
    """The distinct lines, the most telling first."""
    omitted: Count
    """Distinct lines left out of `session` to keep the message small: the least telling ones."""
    nearest: list[NeighbourDocument]
    """The nearest normal patterns, nearest first."""
    contrast: ContrastDocument
    """What differs from the nearest normal pattern."""
    incident: IncidentDocument
    """The incident it belongs to."""
    model: str
    """The embedding model and its size."""
    config: str
    """Hash of the configuration it was judged under."""
    baseline: str
    """How far the baseline's topic had been read."""


class ResolvedDocument(TypedDict):
    """An incident that is over."""

    schema: Literal["urn:strayline:schema:alert:1"]
    """Names this schema and its major version."""
    id: str
    """Deterministic and unique."""
    status: Literal["resolved"]
    """The incident has been quiet."""
    scope: str
    """The service or tenant."""
    severity: Severity
    """The gravest of its alerts."""
    summary: Annotated[str, ("maxLength", 200)]
    """The case in at most 200 characters."""
    fingerprint: Fingerprint
    """The pattern that opened it."""
    reason: ResolveReason
    """quiet: no alert for a while; learned: its pattern is normal by now; displaced: too many others are open."""
    start: Time
    """Event time of its first alert, RFC 3339."""
    end: Time
    """Event time of its latest alert, RFC 3339."""
    incident: IncidentDocument
    """The incident."""
    config: str
    """Hash of the configuration it was judged under."""


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
