"""The processor of a partition of feedback: labels go to the baseline, what cannot be parsed becomes a dead letter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from daemon.core.detection import Detector
from daemon.core.messages import Feedback, Mute, dead_letter, parse_feedback, parse_mute, parse_remark
from daemon.core.observations import MuteOrder, Observations, Said, cause_of, dump_observations
from daemon.core.stream.checkpoint import Checkpoint
from daemon.core.stream.processor import Load, Publishing, Settlement, Step, baseline_records
from daemon.core.types import Batch, OutRecord, RefusedText, Reject, TopicPartition, Vector
from daemon.errors import DataError

LATEST_MS = 253_402_300_800_000
"""Upper bound of a record's timestamp, which a producer may set to anything: the year 10000."""
FULL = "its scope has detector.max_labels labels, or is unknown where there are detector.max_scopes; forget one first"
FEEDBACK_CLASS = "daemon.core.messages.feedback.parse_feedback"


class FeedbackProcessor:
    """Implements `Processor` for the topic of feedback. It has no sessions and needs no vectors."""

    def __init__(
        self, source: TopicPartition, detector: Detector, publishing: Publishing, resume: Checkpoint | None
    ) -> None:
        self._source = source
        self._detector = detector
        self._publishing = publishing
        self._next = resume.next if resume else 0
        self._outputs: list[OutRecord] = []
        self._labels = 0
        self._said: list[Said] = []
        self._mutes: list[MuteOrder] = []

    @property
    def lost(self) -> int:
        return 0

    @property
    def announces(self) -> bool:
        return False

    def step(self, batch: Batch | None, vectors: Mapping[str, Vector | RefusedText]) -> Step:  # noqa: ARG002  # it asks for none
        if batch is None:
            return self.flush(0.0)
        rejected, verdicts = list(batch.refused()), list[str]()
        for row in batch.readable():
            offset, value = batch.offsets[row], batch.values[row]
            try:
                if parse_remark(value) is not None:  # on an incident: only consoles show it
                    continue
                if (mute := parse_mute(value)) is not None:
                    self._mute(mute)
                    continue
                feedback = parse_feedback(value)
                scope = self._scope_of(feedback)
            except DataError as error:
                rejected.append(Reject(row, offset, "bad_feedback", str(error)))
                continue
            if not self._has_room(scope, feedback):
                rejected.append(Reject(row, offset, "too_many_labels", FULL))
                continue
            self._label(scope, feedback, min(batch.timestamps[row], LATEST_MS) * 1000)
            verdicts.append(feedback.verdict)
        self._next = batch.offsets[-1] + 1
        self._labels += len(verdicts)
        self._outputs += [self._dead_letter(batch, reject) for reject in rejected]
        return Step(self._load(), rejects=Counter(reject.reason for reject in rejected), feedback=verdicts)

    def flush(self, idle: float) -> Step:  # noqa: ARG002  # it waits for nothing
        return Step(self._load())

    def skip(self, offset: int) -> None:
        self._next = max(self._next, offset)

    def take(self) -> Settlement:
        records, self._outputs, self._labels = self._outputs, [], 0
        records += baseline_records(self._detector.updates(self._source))
        if self._said or self._mutes:
            key = str(self._source).encode()
            value = dump_observations(Observations(str(self._source), said=self._said, mutes=self._mutes))
            self._said, self._mutes = [], []
            records.append(OutRecord("observations", key, value, partition=0))
        return Settlement(records, Checkpoint(self._next, config=self._publishing.config))

    def _scope_of(self, feedback: Feedback) -> str | None:
        """Return the scope of the pattern; None when an alert's id names the cause of an incident, not a pattern."""
        scope = feedback.scope or self._detector.scope_of(feedback.pattern)
        if scope is None and not feedback.of_alert:
            raise DataError(f"pattern {feedback.pattern} is not in the baseline; name its scope")
        return scope

    def _has_room(self, scope: str | None, feedback: Feedback) -> bool:
        """Return False for a label of a scope that has as many as it may have; others may still be taken back."""
        return scope is None or feedback.label is None or self._detector.has_room_for_label(scope, feedback.pattern)

    def _mute(self, mute: Mute) -> None:
        """Pass a mute to the incidents stage, which decides what is told."""
        causes = [mute.pattern, *self._causes(mute.scope, mute.pattern)] if mute.pattern else []
        self._mutes.append(MuteOrder(mute.scope, mute.pattern, mute.until, causes, mute.by))

    def _causes(self, scope: str | None, pattern: str) -> list[str]:
        """Return the causes of a pattern's lines that are not harmless."""
        lines = () if scope is None else self._detector.lines_of(scope, pattern)
        return [cause.id for line, _ in lines if (cause := cause_of(line)).score > 0]

    def _label(self, scope: str | None, feedback: Feedback, at: int) -> None:
        """Label the pattern, and pass the label to the incidents stage, with the causes that it is about."""
        causes = [feedback.pattern, *self._causes(scope, feedback.pattern)]
        self._said.append(Said(scope or "", feedback.pattern, feedback.verdict, causes))
        if scope is None:
            return
        self._detector.label(
            scope,
            feedback.pattern,
            feedback.label,
            source=self._source,
            at=at,
            by=feedback.by,
            note=feedback.note,
        )

    def _dead_letter(self, batch: Batch, reject: Reject) -> OutRecord:
        publishing, task = self._publishing, self._source.partition
        redaction = publishing.redaction
        return dead_letter(batch, reject, name=publishing.group, task=task, where=FEEDBACK_CLASS, redaction=redaction)

    def _load(self) -> Load:
        # A label or mute is an output: it waits for its commit like an alert.
        return Load(outputs=len(self._outputs) + self._labels + len(self._mutes))
