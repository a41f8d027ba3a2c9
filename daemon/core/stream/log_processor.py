"""The processor of a partition of logs: verdicts, observations and dead letters from its stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from daemon.core.alerts import case_of
from daemon.core.messages import REFUSED_TEXT, dead_letter, refused_session, verdict_record
from daemon.core.observations import dump_observations
from daemon.core.repartition import IncomingLines
from daemon.core.stream.chain import Stream, Tools
from daemon.core.stream.checkpoint import Checkpoint
from daemon.core.stream.closing_times import ClosingTimes
from daemon.core.stream.line_reader import Pushed
from daemon.core.stream.processor import Load, Publishing, Settlement, Step, baseline_records
from daemon.core.stream.report_clock import ReportClock
from daemon.core.types import Batch, ClosedBy, OutRecord, RefusedText, Reject, TopicPartition, Vector, Verdict

JUDGED_AT_ONCE = 1024
"""Sessions that a step judges: it takes a quarter of a second at most, where each of them must be assessed, and few
steps cost less than many, since every one ends a run and wakes the event loop."""
NOTHING = Pushed(0, ())


class LogProcessor:
    """Implements `Processor` for a topic of logs, or, with `incoming`, for the topic of repartitioned lines."""

    def __init__(
        self,
        source: TopicPartition,
        tools: Tools,
        publishing: Publishing,
        resume: Checkpoint | None,
        incoming: IncomingLines | None = None,
    ) -> None:
        self._source = source
        self._incoming = incoming
        self._stream = Stream(source, tools, resume, incoming=incoming)
        self._detector = tools.detector
        self._publishing = publishing
        self._outputs: list[OutRecord] = []
        self._clock = ReportClock()
        self._closing = ClosingTimes()
        self._published: list[float] = []

    @property
    def lost(self) -> int:
        return self._stream.lost

    @property
    def announces(self) -> bool:
        return False

    def step(self, batch: Batch | None, vectors: Mapping[str, Vector | RefusedText]) -> Step:
        known, began = self._stream.known, self._publishing.timer()
        pushed = NOTHING
        if batch is not None:
            self._clock.idle = 0.0
            pushed = self._stream.push(batch)
            self._outputs += [self._dead_letter(batch, reject) for reject in pushed.rejects]
            if self._writers_are_idle() and not self._stream.replaying:
                self._stream.flush(ClosedBy.IDLE)
        self._stream.supply(vectors)
        return self._judge(pushed, known, began)

    def flush(self, idle: float) -> Step:
        known, began = self._stream.known, self._publishing.timer()
        if self._incoming is not None and not self._incoming.clocks.quiet(idle):
            return self._judge(NOTHING, known, began)
        self._clock.idle = idle
        self._stream.flush(ClosedBy.IDLE)
        return self._judge(NOTHING, known, began)

    def skip(self, offset: int) -> None:
        self._stream.skip(offset)

    def take(self) -> Settlement:
        records, self._outputs = self._outputs, []
        records += baseline_records(self._detector.updates(self._source))
        now = self._now
        observations = self._stream.observer.take(now)
        if observations or self._clock.is_due(now):
            self._clock.told = now
            key = str(self._source).encode()
            records.append(OutRecord("observations", key, dump_observations(observations), partition=0))
        published, self._published = self._published, []
        return Settlement(records, self._stream.checkpoint(config=self._publishing.config), closed=published)

    @property
    def _now(self) -> int | None:
        """Stream time: that of the latest lines, plus the time for which nothing has followed them."""
        if self._incoming is not None:
            return self._incoming.clocks.now
        return self._clock.now(self._stream.watermark)

    def _judge(self, pushed: Pushed, known: int, closed: float) -> Step:
        """Judge what can be judged; what a step closes counts as closed when the step began."""
        self._closing.note(self._stream.waiting, closed)
        began = self._publishing.timer()
        verdicts = list(self._stream.judge(JUDGED_AT_ONCE))
        times = self._closing.take(len(verdicts) + len(self._stream.refused))
        self._publish(verdicts, times)
        rejects = Counter(reject.reason for reject in pushed.rejects)
        for session, pattern, refusal in self._stream.refused:
            origins = self._incoming.origins(session.positions) if self._incoming is not None else None
            name, detail = self._publishing.group, refusal.detail
            self._outputs.append(refused_session(self._source, session, pattern, detail, name=name, origins=origins))
            rejects[REFUSED_TEXT] += 1
        self._stream.refused.clear()
        return Step(
            self._load(),
            pushed.lines,
            pushed.times,
            rejects,
            verdicts,
            missing=self._stream.missing(),
            more=len(verdicts) == JUDGED_AT_ONCE,
            replayed=pushed.replayed,
            known=self._stream.known - known,
            relayed=self._incoming is not None,
            judging_seconds=self._publishing.timer() - began,
            cuts=pushed.cuts,
            unread=pushed.unread,
        )

    def _publish(self, verdicts: Sequence[Verdict], times: Sequence[float]) -> None:
        """Put what is published of the verdicts among the outputs; `times` are those at which their sessions closed."""
        every = self._publishing.verdicts
        for verdict, time in zip(verdicts, times, strict=False):
            if not every and not verdict.judgement.anomalous:
                continue
            self._published.append(time)
            placed = self._placed(verdict)
            if every:
                self._outputs.append(verdict_record(placed))
            if verdict.judgement.anomalous:
                self._stream.observer.case(case_of(placed, self._publishing.provenance()))

    def _writers_are_idle(self) -> bool:
        """Whether lines come from other partitions, and none of these has more."""
        return self._incoming is not None and self._incoming.clocks.quiet()

    def _placed(self, verdict: Verdict) -> Verdict:
        """Return a verdict with the places of its lines in the input, where they were repartitioned."""
        if self._incoming is None:
            return verdict
        return verdict._replace(origins=self._incoming.origins(verdict.session.positions))

    def _load(self) -> Load:
        stream = self._stream
        idle = self._clock.idle > 0 or self._writers_are_idle()
        outputs = len(self._outputs) + stream.observer.waiting + (idle and self._clock.is_due(self._now))
        listening = stream.holds or self._clock.listens(stream.watermark)
        return Load(stream.open_sessions, stream.waiting, outputs, stream.unsettled, listening, stream.watermark)

    def _dead_letter(self, batch: Batch, reject: Reject) -> OutRecord:
        publishing = self._publishing
        task = self._source.partition
        return dead_letter(batch, reject, name=publishing.group, task=task, redaction=publishing.redaction)
