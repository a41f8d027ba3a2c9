"""The daemon's chain taken apart: every stage over the same batches, one after the other, each under the clock."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.bench.clock import Clock
from daemon.bench.standin import StandIn
from daemon.core.alerts import Alerting, AlertSettings, Provenance
from daemon.core.formats import make_format
from daemon.core.sessions import Patterns, Sessionizer
from daemon.core.stream import Checkpoint, Tools
from daemon.core.types import Batch, OutRecord, Pattern, Session, Verdict, session_id

COMMIT_LINES = 50_000


class Chain:
    """One partition's chain over a detector that has seen the patterns; `commits` is what would go to Kafka."""

    def __init__(self, tools: Tools, engine: StandIn, about: Provenance) -> None:
        self.clock = Clock()
        self.sessions = 0
        self.commits: list[tuple[Sequence[OutRecord], int]] = []
        self._tools = tools
        self._engine = engine
        self._about = about
        self._format = make_format(tools.format)
        self._sessionizer = Sessionizer(tools.limits, tools.count_tokens)
        self._patterns = Patterns()
        self._outputs: list[OutRecord] = []
        self._lines = 0
        self._last: Batch | None = None
        self._alerting: Alerting | None = None

    def run(self, batches: Sequence[Batch]) -> None:
        """Take in batches of one partition."""
        alerting = self._alerting = self._alerting or Alerting(
            batches[0].source, AlertSettings(), self._tools.detector.refund
        )
        for batch in batches:
            with self.clock("format"):
                lines = self._format.parse(batch).lines
            with self.clock("mask"):
                lines = self._tools.masker.apply(lines)
            with self.clock("sessionize"):
                sessions = self._sessionizer.push(lines)
            with self.clock("render"):
                patterns = [self._patterns.of(session) for session in sessions]
            verdicts = self._judge(batch, sessions, patterns)
            with self.clock("publish"):
                for verdict in verdicts:
                    self._outputs += alerting.records(verdict, self._about)
                self._outputs += alerting.tick(self._sessionizer.watermark or 0, self._about)
            self.sessions += len(sessions)
            self._lines += len(batch)
            self._last = batch
            if self._lines >= COMMIT_LINES:
                self.finish()

    def forget(self) -> None:
        """Begin to measure: what was spent and would be committed so far is of no interest."""
        self.clock, self.sessions, self.commits = Clock(), 0, []

    def finish(self) -> None:
        """Put what has come since the last commit into one more."""
        if self._last is not None and self._alerting is not None:
            with self.clock("take"):
                self._take(self._last, self._alerting)
        self._lines = 0

    def _judge(self, batch: Batch, sessions: Sequence[Session], patterns: Sequence[Pattern]) -> list[Verdict]:
        detector, source = self._tools.detector, batch.source
        with self.clock("cache"):
            vectors = [detector.vector(pattern) for pattern in patterns]
        known = [
            self._engine.vector(pattern.text) if vector is None else vector
            for pattern, vector in zip(patterns, vectors, strict=True)
        ]
        with self.clock("judge"):
            judgements = [
                detector.judge(pattern, vector, end=session.end, source=source)
                for pattern, vector, session in zip(patterns, known, sessions, strict=True)
            ]
        with self.clock("publish"):
            return [
                Verdict(session_id(pattern.id, source, int(session.positions[0])), source, session, pattern, judgement)
                for session, pattern, judgement in zip(sessions, patterns, judgements, strict=True)
            ]

    def _take(self, batch: Batch, alerting: Alerting) -> None:
        outputs, self._outputs = self._outputs, []
        outputs += [OutRecord("baseline", u.key, u.value, (), 0) for u in self._tools.detector.updates(batch.source)]
        positions = self._sessionizer.open_positions()
        checkpoint = Checkpoint(batch.offsets[-1] + 1, self._sessionizer.watermark, positions, alerting.dump(), "bench")
        outputs.append(OutRecord("checkpoints", b"bench", checkpoint.encode(), (), 0))
        self.commits.append((outputs, checkpoint.low))
