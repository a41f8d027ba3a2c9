"""A replica of the daemon on the fake broker: the real pipeline, partitions, processors and detector; a fake engine."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from time import perf_counter

from prometheus_client import CollectorRegistry

from daemon.adapters.cold_file import ColdFile
from daemon.adapters.snapshot_file import SnapshotFile
from daemon.backoff import Backoff
from daemon.core.alerts import Provenance
from daemon.core.detection.detector import Detector, DetectorSettings
from daemon.core.formats import FormatSettings
from daemon.core.incidents import IncidentSettings
from daemon.core.masking.masker import Masker
from daemon.core.multiline import Joining
from daemon.core.repartition import IncomingLines, Place, place_of
from daemon.core.sessions import SessionLimits
from daemon.core.stream import (
    Checkpoint,
    FeedbackProcessor,
    IncidentsProcessor,
    LogProcessor,
    Pace,
    Processor,
    Publishing,
    RepartitionProcessor,
    Tools,
)
from daemon.core.types import TopicPartition
from daemon.metrics import Metrics
from daemon.runtime import (
    BaselineSnapshots,
    ColdScopes,
    Embedder,
    Follower,
    Holding,
    Partition,
    Patience,
    PatternLookup,
    Pipeline,
    Shared,
    SnapshotTerms,
    StallCause,
    StallMonitor,
    Terms,
    WorkerThread,
)
from tests.support.fake_broker import FakeBroker, FakeCluster
from tests.support.fakes import FakeEngine

SECOND = 1_000_000
TOPICS = {
    "logs": 3,
    "feedback": 1,
    "alerts": 1,
    "verdicts": 1,
    "dead_letters": 1,
    "checkpoints": 3,
    "baseline": 3,
    "observations": 1,
}
RELAYED = {**TOPICS, "repartition": 3}
"""The topics with the one for lines on their way to the partition of their key."""
QUICK_LOOK = Patience(look=0.05)
LIMITS = SessionLimits(30 * SECOND, 300 * SECOND, 100, 4_000, 1_000)


class Replica:
    """Runs until stopped; tests may look at `metrics` and `pipeline`."""

    pace = Pace(commit_interval=0.005, checkpoint_interval=0.02)
    init_timeout = 10.0
    look_for_stalls = 0.02
    """Seconds between two looks at what makes no progress."""
    cold_after = 0.02

    def __init__(
        self,
        cluster: FakeCluster,
        *,
        alone: bool = True,
        limits: SessionLimits = LIMITS,
        idle: float = 0.05,
        patience: Patience = QUICK_LOOK,
        stall: float = 60.0,
        repartition: bool = False,
        joining: Joining | None = None,
        snapshot: Path | None = None,
        broker: FakeBroker | None = None,
        holding: Holding | None = None,
        cold: ColdFile | None = None,
        place: Place = place_of,
    ) -> None:
        self.metrics = Metrics(CollectorRegistry())
        self.engine = FakeEngine()
        self.broker = broker or FakeBroker(cluster, alone=alone)
        self._cluster = cluster
        self._limits, self._idle, self._patience = limits, idle, patience
        self._stall = stall
        self._repartition = repartition
        self._joining = joining
        self._snapshot = snapshot
        self._holding, self._place = holding, place
        self._cold = cold
        self.thread = WorkerThread()

    async def start(self) -> None:
        """Start everything; returns once it runs."""
        await self.engine.start()
        settings = DetectorSettings(warm_up=0)
        self.detector = Detector(settings, self.engine.model, self.engine.dimensions, self._cold)
        follower = self.follower = Follower(self.broker, "baseline", self.detector, self.thread, holding=self._holding)
        if self._snapshot is not None:
            of_topic, store = SnapshotTerms("baseline", "1", 3600.0), SnapshotFile(self._snapshot, 1 << 30)
            self.snapshots = BaselineSnapshots(
                of_topic, store, self.broker, self.detector, self.thread, follower, self.metrics
            )
            follower.begin_at(await self.snapshots.load())
        self._helpers = [asyncio.create_task(follower.run()), asyncio.create_task(follower.watch())]
        if self._cold is not None:
            cooling = ColdScopes(self.detector, self.thread, self.metrics, self.cold_after)
            self._helpers.append(asyncio.create_task(cooling.run()))
        co_partitions = self._cluster.counts["checkpoints"]
        terms = Terms(
            "group",
            "checkpoints",
            co_partitions,
            self.pace,
            self._idle,
            self.init_timeout,
            2_000,
            self._judging(),
            {"feedback"},
        )
        self._embedder = Embedder(self.engine, self.metrics)
        lookup = PatternLookup(self.broker, "baseline", self.detector, self.thread)
        shared = Shared(
            self.broker,
            self.thread,
            self.detector,
            self._embedder,
            follower,
            self.metrics,
            terms,
            self.broker.transactions,
            backoff=Backoff(0.001, 15.0),
            preparations={} if self._holding is None else {"feedback": lookup},
        )
        format_ = FormatSettings(sources=self._joining is not None)
        tools = Tools(format_, Masker(), self._limits, self.engine.count_tokens, self.detector, self._joining)
        about = Provenance("1.0", self.engine.model, "config")
        publishing = Publishing("group", "config", verdicts=True, provenance=lambda: about, timer=perf_counter)

        def processor(source: TopicPartition, resume: Checkpoint | None) -> Processor:
            if source.topic == "feedback":
                return FeedbackProcessor(source, self.detector, publishing, resume)
            if source.topic == "observations":
                return IncidentsProcessor(source, IncidentSettings(warm_up=0), publishing, resume)
            if source.topic == "repartition":
                incoming = IncomingLines([f"logs/{n}" for n in range(3)], resume.pieces if resume else {})
                return LogProcessor(source, tools, publishing, resume, incoming)
            if self._repartition:
                return RepartitionProcessor(source, tools, publishing, resume, 3, self._place)
            return LogProcessor(source, tools, publishing, resume)

        await follower.restored()
        self.pipeline = Pipeline(
            self.broker,
            ["logs", "feedback", "observations", *(["repartition"] if "repartition" in self._cluster.counts else [])],
            lambda source: Partition(source, shared, processor),
            self.metrics,
            self._patience,
        )
        sources = [self.thread.delays, follower.delays, self._embedder.delays, self.pipeline.delays]
        limits = dict.fromkeys(StallCause, self._stall)
        self.monitor = StallMonitor(sources, self.broker, self.metrics, limits, every=self.look_for_stalls)
        self._helpers.append(asyncio.create_task(self.monitor.run()))
        self.running = asyncio.create_task(self.pipeline.run())

    def _judging(self) -> set[str]:
        """Return the topics whose lines are judged."""
        return {"repartition"} | (set() if self._repartition else {"logs"})

    async def kill(self) -> None:
        """Stop at once, as after SIGKILL: nothing more is committed or told."""
        for task in (self.running, *self._helpers):
            task.cancel()
        await asyncio.gather(self.running, *self._helpers, return_exceptions=True)
        await self.pipeline.close()
        await self._embedder.close()
        self.thread.close()

    async def stop(self) -> None:
        """Drain and leave."""
        await self.pipeline.drain()
        await self.kill()


async def until(condition: object, seconds: float = 60.0) -> None:
    """Wait until `condition()` holds."""
    assert callable(condition)
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # a test polls from outside
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def replica(cluster: FakeCluster, **options: object):  # type: ignore[no-untyped-def]  # a test's shorthand
    """A replica that runs inside the block, and is killed at its end."""
    replica = Replica(cluster, **options)  # type: ignore[arg-type]
    await replica.start()
    try:
        yield replica
    finally:
        await replica.kill()
