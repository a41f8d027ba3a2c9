"""The documents that leave the daemon, as types: what a program that reads the topics may rely on.

They are plain dictionaries at run time, so nothing converts them. `docs/schema/*.json` is generated from this file by
`json_schema`, descriptions included: the sentence under a field is what a reader of the schema sees.
Fields are only ever added within a major version; the version is part of the CloudEvents type and of `schema`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, NotRequired, TypedDict

from daemon.core.messages.document_schema import DocumentCase

VERDICT_SCHEMA: Final = "urn:strayline:schema:verdict:1"
ALERT_SCHEMA: Final = "urn:strayline:schema:alert:2"

Time = Annotated[str, ("format", "date-time")]
Share = Annotated[float, ("minimum", 0), ("maximum", 1)]
Fingerprint = Annotated[str, ("pattern", "^[0-9a-f]{16}$")]
AlertId = Annotated[str, ("pattern", "^[0-9a-f]{16}-[0-9a-f]{16}$")]
Count = Annotated[int, ("minimum", 0)]
Severity = Literal["info", "warning", "critical"]
Label = Literal["normal", "anomalous"]
Why = Literal["new", "rare", "severe", "count", "usual"]
IncidentEvent = Literal["opened", "reopened", "escalated", "updated", "resolved"]
ClueKind = Literal["new", "burst", "back", "silent", "missing"]
Closed = Literal["gap", "age", "lines", "tokens", "pin", "idle", "flush", "whole"]


class PartDocument(TypedDict):
    """Lines of a session that lie in one partition of the input."""

    topic: str
    """Input topic."""
    partition: int
    """Partition of that topic."""
    positions: list[str]
    """Every line there: ranges of offsets ("120-131", "140"); lines 2 to 5 of one record are "140:2-5"."""


class SourceDocument(PartDocument):
    """Where the lines of a session lie in the input: in one partition, or, with input.repartition, in others too."""

    others: NotRequired[list[PartDocument]]
    """The lines in other partitions, with input.repartition; `topic` and `partition` are those of the first line."""


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
    closed_by: Closed
    """Why the session ended; whole: it is a document."""
    pattern: Fingerprint
    """Fingerprint of the canonical form; equal sessions of a scope share it."""
    score: float
    """Distance to the baseline; larger is stranger. Comparable within a scope only."""
    similarity: float | None
    """Cosine to the nearest normal pattern; null when there was none yet."""
    p_value: Share | None
    """Share of the scope's recent traffic at least as strange; null while the scope warms up."""
    anomalous: bool
    """Whether the session carries a clue, so that it may be part of an incident."""
    clues: list[Literal["new", "failure", "mixture", "label", "departure"]]
    """Why it may matter. new: a line of unknown wording; failure: a rare line that reads like a warning or failure;
    mixture: known lines as they are seldom together; label: feedback calls the pattern anomalous; departure: a document
    departs from its standard."""
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


class CauseDocument(TypedDict):
    """One symptom of an incident: what was seen, in which service, and why it matters."""

    scope: str
    """The service or tenant."""
    cause: Fingerprint
    """Fingerprint of what it is about: the wording of a line. Zeros where it is not about a line."""
    kind: ClueKind
    """new: never seen in the window; burst: far more often than ever; back: after long absence; silent: it stopped;
    missing: a usual line is not there."""
    severity: Severity
    """critical: it reads like a failure; warning: like a warning; info: it is harmless."""
    time: Time
    """Event time when it was first seen in this incident, RFC 3339."""
    text: str
    """The first such line, redacted."""
    why: str
    """A sentence: how often something like it happens here."""
    period_s: float | None
    """Seconds between things as strange as this one in this service; null when there was none before."""
    sessions: Count
    """Closed sessions of the incident that show it."""


class ReleaseDocument(TypedDict):
    """A version of a service that began when an incident did."""

    scope: str
    """The service or tenant."""
    version: str
    """Its version, as its lines state it (`input.fields.version`), redacted."""
    since: Time
    """Event time of the first line that stated it, RFC 3339."""
    causes: Count
    """New kinds of harmless lines that came with it so far."""


class IncidentDocument(TypedDict):
    """What belongs together: symptoms that began at one moment, of one cause or one wording, in any services."""

    id: str
    """Deterministic; the same in every message about the incident."""
    event: IncidentEvent
    """What this message says of it. opened, reopened and escalated are told, and count against the budget."""
    since: Time
    """Event time of its first symptom, RFC 3339."""
    last_seen: Time
    """Event time of its latest symptom or session, RFC 3339."""
    services: list[str]
    """The services it was seen in, in order."""
    causes: list[CauseDocument]
    """Its symptoms, in the order in which they were seen."""
    sessions: Count
    """Closed sessions that belong to it so far."""
    messages: Count
    """Messages about it so far, this one included."""
    release: NotRequired[ReleaseDocument]
    """Present when a new version of the headline's service began when the incident did."""
    muted: NotRequired[str]
    """Present when it was not told in time, because of a mute that has ended: by whom, and what else was missed."""


class AlertDocument(TypedDict):
    """News of an incident, with its headline and its most telling session whole.

    While no session of the incident has closed yet, `verdict` is null and `session` holds the line that was seen.
    """

    schema: Literal["urn:strayline:schema:alert:2"]
    """Names this schema and its major version."""
    id: AlertId
    """Deterministic and unique: the fingerprint of the headline's cause, a dash, a hash of the incident and message."""
    status: Literal["firing", "resolved"]
    """resolved: the incident has been quiet."""
    severity: Severity
    """The gravest of its symptoms. critical: a failure; warning: a warning; info: harmless news, such as a release."""
    summary: Annotated[str, ("maxLength", 200)]
    """The incident in at most 200 characters."""
    why: str
    """The headline's reason in a sentence: how often something like it happens here."""
    period_s: float | None
    """Seconds between things as strange as the headline in its service; null when there was none before."""
    budget: str
    """The most incidents that may be told in a day, as configured."""
    held_back: Count
    """Incidents of this service that the budget has held back so far."""
    fingerprint: Fingerprint
    """Stable over repetitions: the headline's cause."""
    scope: str
    """The service of the headline."""
    key: str
    """Session key of the line or session that is shown."""
    start: Time
    """Least event time of what is shown, RFC 3339."""
    end: Time
    """Greatest event time of what is shown, RFC 3339."""
    incident: IncidentDocument
    """The incident."""
    verdict: AlertId | None
    """Id of the verdict of the session that is shown; null while none has closed."""
    pattern: Fingerprint | None
    """Fingerprint of that session's pattern; null as above."""
    lines: Count
    """Number of lines of what is shown."""
    tokens: Count
    """Tokens of those lines; 0 while the session is open."""
    closed_by: Closed | None
    """Why the session ended; null as above."""
    score: float | None
    """How strange the session is for its scope; null as above."""
    similarity: float | None
    """Cosine to the nearest normal pattern; null as above, and when there was none yet."""
    p_value: Share | None
    """Share of the scope's recent traffic at least as strange; null as above."""
    source: SourceDocument
    """Where the lines lie."""
    seen: Count | None
    """Sessions in the scope's window when the session was judged; null as above."""
    label: Label | None
    """What feedback said of the pattern."""
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
    document: NotRequired[DocumentCase]
    """Present with input.format document: the document beside its standard. `session` then holds its clauses."""
    model: str
    """The embedding model and its size."""
    config: str
    """Hash of the configuration it was judged under."""
    baseline: str
    """How far the baseline's topic had been read."""
