"""What one partition has to say since its last commit: the pure half of a partition, owned by the detector's thread.

A lane turns batches into outputs and holds them until `take`. `take` returns everything that must become true at once:
the records to publish, the baseline's changes and the checkpoint that says what they account for. If that transaction
does not commit, the lane is thrown away and a new one starts from the last checkpoint that did; there is no undo here.

`SessionLane` reads logs; `FeedbackLane` reads what people say of patterns. Both look the same to the pipeline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from daemon.core.alerts import Alerting, AlertSettings, Provenance
from daemon.core.detection import Detector, is_label
from daemon.core.messages import Feedback, dead_letter, parse_feedback, verdict_record
from daemon.core.stream.chain import Pushed, Stream, Tools
from daemon.core.stream.checkpoint import Checkpoint
from daemon.core.types import Batch, ClosedBy, OutRecord, Pattern, Reject, TopicPartition, Update, Vector, Verdict
from daemon.errors import DataError

FEEDBACK_CLASS = "daemon.core.messages.feedback.parse_feedback"
JUDGED_AT_ONCE = 256
NOTHING = Pushed(0, (), 0)


@dataclass(frozen=True, slots=True)
class Publishing:
    """What every lane of a process shares: the group's name, what is published, and where alerts come from.

    `timer` returns seconds of any clock; it only measures, nothing depends on it.
    """

    group: str
    config: str
    verdicts: bool
    alerts: AlertSettings
    provenance: Callable[[], Provenance]
    timer: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Load:
    """What a lane holds: open sessions, sessions that await judging, outputs not yet taken, lines not yet settled."""

    open_sessions: int = 0
    waiting: int = 0
    outputs: int = 0
    unsettled: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did. `missing` are patterns to embed; whoever embeds them owes their vectors to a later step.

    `more` says that sessions are ready to be judged which this step left for the next, to keep steps short. `replayed`
    lines were settled before a restart; `known` sessions needed no embedding; `suppressed` anomalous ones continue an
    incident of which that need not be told.
    """

    load: Load
    lines: int = 0
    clamped: int = 0
    rejects: Mapping[str, int] = field(default_factory=dict)
    verdicts: Sequence[Verdict] = ()
    feedback: Sequence[str] = ()
    missing: Sequence[Pattern] = ()
    more: bool = False
    replayed: int = 0
    known: int = 0
    suppressed: int = 0
    judging_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Settlement:
    """One transaction's content. `alerts` are scope, severity, id and session end of the alerts among the records;
    `incidents` are how many are open, by scope."""

    records: Sequence[OutRecord]
    checkpoint: Checkpoint
    alerts: Sequence[tuple[str, str, str, int]] = ()
    incidents: Mapping[str, int] = field(default_factory=dict)


class Lane(Protocol):
    """What the pipeline drives, one a partition."""

    def step(self, batch: Batch | None, vectors: Mapping[str, Vector]) -> Step:
        """Take in a batch (or none) and vectors that were owed; judge what can be judged."""
        ...

    def flush(self) -> Step:
        """Close open sessions: nothing has come for a while."""
        ...

    @property
    def lost(self) -> int:
        """Records that held unsettled lines and were gone when they were read again."""
        ...

    def skip(self, offset: int) -> None:
        """Go on at `offset`; what lay before it is gone."""
        ...

    def take(self) -> Settlement:
        """Hand over everything since the last `take`."""
        ...


def baseline_records(updates: Sequence[Update]) -> list[OutRecord]:
    """Return updates as records of the baseline's topic.

    What a partition learns goes to its own partition there, which the pipeline fills in. A label is everybody's: it has
    one place, so that taking it back deletes the only record there is.
    """
    return [OutRecord("baseline", u.key, u.value, partition=0 if is_label(u.key) else None) for u in updates]


class SessionLane:
    """The lane of a partition of logs."""

    def __init__(self, source: TopicPartition, tools: Tools, publishing: Publishing, resume: Checkpoint | None) -> None:
        self._stream = Stream(source, tools, resume)
        self._detector: Detector = tools.detector
        self._source = source
        self._publishing = publishing
        self._alerting = Alerting(source, publishing.alerts, self._detector.refund)
        if resume is not None and resume.state:
            self._alerting.load(resume.state)
        self._outputs: list[OutRecord] = []
        self._alerts: list[tuple[str, str, str, int]] = []

    @property
    def lost(self) -> int:
        """Records that held unsettled lines and are gone."""
        return self._stream.lost

    def step(self, batch: Batch | None, vectors: Mapping[str, Vector]) -> Step:
        pushed, rejects, known = NOTHING, Counter[str](), self._stream.known
        if batch is not None:
            pushed = self._stream.push(batch)
            for reject in pushed.rejects:
                self._outputs.append(self._dead_letter(batch, reject))
                rejects[reject.reason] += 1
        self._stream.supply(vectors)
        return self._judge(pushed, rejects, known)

    def flush(self) -> Step:
        known = self._stream.known
        self._stream.flush(ClosedBy.IDLE)
        return self._judge(NOTHING, Counter(), known)

    def skip(self, offset: int) -> None:
        self._stream.skip(offset)

    def take(self) -> Settlement:
        records, self._outputs = self._outputs, []
        alerts, self._alerts = self._alerts, []
        records += baseline_records(self._detector.updates(self._source))
        state = self._alerting.dump()
        incidents = Counter(incident.scope for incident in self._alerting.open)
        return Settlement(records, self._stream.checkpoint(state, self._publishing.config), alerts, incidents)

    def _judge(self, pushed: Pushed, rejects: Counter[str], known: int) -> Step:
        began = self._publishing.timer()
        verdicts: list[Verdict] = []
        alerts = len(self._alerts)
        about = self._publishing.provenance()
        for verdict in self._stream.judge(JUDGED_AT_ONCE):
            verdicts.append(verdict)
            if self._publishing.verdicts:
                self._outputs.append(verdict_record(verdict))
            self._alert(self._alerting.records(verdict, about), verdict)
        seconds = self._publishing.timer() - began
        stream = self._stream
        return Step(
            Load(stream.open_sessions, stream.waiting, len(self._outputs), stream.unsettled),
            pushed.lines,
            pushed.clamped,
            rejects,
            verdicts,
            missing=self._stream.missing(),
            more=len(verdicts) == JUDGED_AT_ONCE,
            replayed=pushed.replayed,
            known=self._stream.known - known,
            suppressed=sum(verdict.judgement.anomalous for verdict in verdicts) - (len(self._alerts) - alerts),
            judging_seconds=seconds,
        )

    def _alert(self, records: Sequence[OutRecord], verdict: Verdict) -> None:
        self._outputs += records
        for record in records:
            headers = dict(record.headers)
            if headers.get("ce_id") == verdict.id.encode():
                severity = headers["ce_severity"].decode()
                self._alerts.append((verdict.session.scope, severity, verdict.id, verdict.session.end))

    def _dead_letter(self, batch: Batch, reject: Reject) -> OutRecord:
        return dead_letter(batch, reject, name=self._publishing.group, task=self._source.partition)


class FeedbackLane:
    """The lane of a partition of feedback: labels go into the baseline, what cannot be read becomes a dead letter."""

    def __init__(
        self, source: TopicPartition, detector: Detector, publishing: Publishing, resume: Checkpoint | None
    ) -> None:
        self._source = source
        self._detector = detector
        self._publishing = publishing
        self._next = resume.next if resume else 0
        self._outputs: list[OutRecord] = []
        self._said = 0

    @property
    def lost(self) -> int:
        return 0

    def step(self, batch: Batch | None, vectors: Mapping[str, Vector]) -> Step:  # noqa: ARG002  # nothing is owed
        if batch is None:
            return self.flush()
        rejects, said = Counter[str](), []
        for row, (offset, value) in enumerate(zip(batch.offsets, batch.values, strict=True)):
            try:
                word = parse_feedback(value)
                scope = self._scope_of(word)
            except DataError as error:
                reject = Reject(row, offset, "bad_feedback", str(error))
                self._outputs.append(
                    dead_letter(
                        batch, reject, name=self._publishing.group, task=self._source.partition, where=FEEDBACK_CLASS
                    )
                )
                rejects[reject.reason] += 1
                continue
            self._detector.label(
                scope,
                word.pattern,
                word.label,
                source=self._source,
                at=batch.timestamps[row] * 1000,
                by=word.by,
                note=word.note,
            )
            said.append(word.verdict)
        self._next = batch.offsets[-1] + 1
        self._said += len(said)
        return Step(self._load(), rejects=rejects, feedback=said)

    def _scope_of(self, word: Feedback) -> str:
        scope = word.scope or self._detector.scope_of(word.pattern)
        if scope is None:
            raise DataError(f"pattern {word.pattern} is not in the baseline; name its scope")
        return scope

    def flush(self) -> Step:
        return Step(self._load())

    def skip(self, offset: int) -> None:
        self._next = max(self._next, offset)

    def take(self) -> Settlement:
        records, self._outputs, self._said = self._outputs, [], 0
        records += baseline_records(self._detector.updates(self._source))
        return Settlement(records, Checkpoint(self._next, config=self._publishing.config))

    def _load(self) -> Load:
        # A label is an output: it waits for its commit like an alert.
        return Load(outputs=len(self._outputs) + self._said)
