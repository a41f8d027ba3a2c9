"""The processor of a partition of logs: verdicts, alerts and dead letters from its stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from daemon.core.alerts import Alerting, Provenance
from daemon.core.messages import dead_letter, verdict_record
from daemon.core.stream.chain import Pushed, Stream, Tools
from daemon.core.stream.checkpoint import Checkpoint
from daemon.core.stream.processor import Load, Publishing, SettledAlert, Settlement, Step, baseline_records
from daemon.core.types import Batch, ClosedBy, OutRecord, Reject, TopicPartition, Vector, Verdict

JUDGED_AT_ONCE = 256
NOTHING = Pushed(0, ())


class LogProcessor:
    """Implements `Processor` for a topic of logs."""

    def __init__(self, source: TopicPartition, tools: Tools, publishing: Publishing, resume: Checkpoint | None) -> None:
        self._source = source
        self._stream = Stream(source, tools, resume)
        self._detector = tools.detector
        self._publishing = publishing
        self._alerting = Alerting(source, publishing.alerts, self._detector.refund)
        if resume is not None and resume.state:
            self._alerting.load(resume.state)
        self._outputs: list[OutRecord] = []
        self._alerts: list[SettledAlert] = []

    @property
    def lost(self) -> int:
        return self._stream.lost

    def step(self, batch: Batch | None, vectors: Mapping[str, Vector]) -> Step:
        known = self._stream.known
        pushed = self._stream.push(batch) if batch is not None else NOTHING
        if batch is not None:
            self._outputs += [self._dead_letter(batch, reject) for reject in pushed.rejects]
        self._stream.supply(vectors)
        return self._judge(pushed, known)

    def flush(self) -> Step:
        known = self._stream.known
        self._stream.flush(ClosedBy.IDLE)
        return self._judge(NOTHING, known)

    def skip(self, offset: int) -> None:
        self._stream.skip(offset)

    def take(self) -> Settlement:
        records, self._outputs = self._outputs, []
        alerts, self._alerts = self._alerts, []
        records += baseline_records(self._detector.updates(self._source))
        state = self._alerting.dump()
        incidents = Counter(incident.scope for incident in self._alerting.open)
        return Settlement(records, self._stream.checkpoint(state, self._publishing.config), alerts, incidents)

    def _judge(self, pushed: Pushed, known: int) -> Step:
        began = self._publishing.timer()
        alerts = len(self._alerts)
        about = self._publishing.provenance()
        verdicts = list[Verdict]()
        for verdict in self._stream.judge(JUDGED_AT_ONCE):
            verdicts.append(verdict)
            self._publish(verdict, about)
        anomalous = sum(verdict.judgement.anomalous for verdict in verdicts)
        return Step(
            self._load(),
            pushed.lines,
            pushed.times,
            Counter(reject.reason for reject in pushed.rejects),
            verdicts,
            missing=self._stream.missing(),
            more=len(verdicts) == JUDGED_AT_ONCE,
            replayed=pushed.replayed,
            known=self._stream.known - known,
            suppressed=anomalous - (len(self._alerts) - alerts),
            judging_seconds=self._publishing.timer() - began,
        )

    def _publish(self, verdict: Verdict, about: Provenance) -> None:
        if self._publishing.verdicts:
            self._outputs.append(verdict_record(verdict))
        for published in self._alerting.publish(verdict, about):
            self._outputs.append(published.record)
            if (alert := published.alert) is not None:
                self._alerts.append(SettledAlert(alert["scope"], alert["severity"], alert["id"], verdict.session.end))

    def _load(self) -> Load:
        stream = self._stream
        return Load(stream.open_sessions, stream.waiting, len(self._outputs), stream.unsettled, stream.watermark)

    def _dead_letter(self, batch: Batch, reject: Reject) -> OutRecord:
        publishing = self._publishing
        task = self._source.partition
        return dead_letter(batch, reject, name=publishing.group, task=task, redaction=publishing.redaction)
