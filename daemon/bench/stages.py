"""The daemon's chain stage by stage: the same stream as in the daemon, with a clock in it.

What a partition observes goes through the incidents' own processor, as it would from the topic of observations.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from time import process_time

from daemon.bench.clock import Clock
from daemon.bench.standin import StandIn
from daemon.core.alerts import Provenance, case_of
from daemon.core.incidents import IncidentSettings
from daemon.core.observations import dump_observations
from daemon.core.stream import (
    IncidentsProcessor,
    Publishing,
    Stream,
    Tools,
    baseline_records,
    checkpoint_records,
    drive,
)
from daemon.core.types import Batch, OutRecord, TopicPartition

COMMIT_LINES = 50_000
OBSERVATIONS = TopicPartition("observations", 0)


class Chain:
    """One partition's chain, and the incidents that it makes.

    `commits` is what would go to Kafka: the records and the offset of each transaction. `told` are those of the
    incidents.
    """

    def __init__(
        self,
        source: TopicPartition,
        tools: Tools,
        engine: StandIn,
        about: Provenance,
        incidents: IncidentSettings,
    ) -> None:
        self.clock = Clock()
        self.sessions = 0
        self.commits: list[tuple[Sequence[OutRecord], int]] = []
        self.told: list[tuple[Sequence[OutRecord], int]] = []
        self._stream = Stream(source, replace(tools, timed=self._timed))
        self._detector = tools.detector
        self._engine = engine
        self._about = about
        publishing = Publishing("bench", about.config, verdicts=False, provenance=lambda: about, timer=process_time)
        self._incidents = IncidentsProcessor(OBSERVATIONS, incidents, publishing, None)
        self._observed = 0
        self._lines = 0

    async def run(self, batches: Sequence[Batch]) -> None:
        """Process batches of the partition."""
        for batch in batches:
            await self._run(batch)
            self._lines += len(batch)
            if self._lines >= COMMIT_LINES:
                self.finish()

    async def _run(self, batch: Batch) -> None:
        while len(batch):
            pushed = self._stream.push(batch)
            async for verdict in drive(self._stream, self._engine.embed):
                self.sessions += 1
                if verdict.judgement.anomalous:
                    with self.clock("observe"):
                        self._stream.observer.case(case_of(verdict, self._about))
            batch = batch.last(pushed.unread)

    def forget(self) -> None:
        """Begin to measure: drop the times and transactions of everything so far."""
        self.clock, self.sessions, self.commits, self.told = Clock(), 0, [], []

    def finish(self) -> None:
        """Put everything since the last transaction into one more, and one of the incidents."""
        with self.clock("take"):
            self._lines = 0
            outputs = [record.at(0) for record in baseline_records(self._detector.updates(self._stream.source))]
            observations = self._stream.observer.take(self._stream.watermark)
            observed = dump_observations(observations)
            outputs.append(OutRecord("observations", b"bench", observed, (), 0))
            checkpoint = self._stream.checkpoint("bench")
            outputs += checkpoint_records(checkpoint, b"bench", 0)
            self.commits.append((outputs, checkpoint.low))
        with self.clock("incidents"):
            self._tell(observed)

    def _tell(self, observed: bytes) -> None:
        """Let the incidents' processor take in a record of observations, and put what it makes into a transaction."""
        self._incidents.step(Batch(OBSERVATIONS, [self._observed], [0], [b"bench"], [observed]), {})
        self._observed += 1
        settlement = self._incidents.take()
        alerts = [record.at(0) for record in settlement.records]
        checkpoint = checkpoint_records(settlement.checkpoint, b"bench", 0)
        self.told.append(([*alerts, *checkpoint], settlement.checkpoint.low))

    def _timed(self, stage: str) -> AbstractContextManager[None]:
        return self.clock(stage)
