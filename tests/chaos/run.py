"""A run: write input, inject faults one after another, then let everything settle and audit what was published.

After each fault the run waits until every partition commits again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.cluster import Changes, ProxiedCluster, RunTopics, Timeouts, write_config
from tests.chaos.faults import FAULTS, Targets
from tests.chaos.load_generator import SCOPES, LoadGenerator
from tests.chaos.progress import Progress
from tests.chaos.replica_set import ReplicaSet
from tests.chaos.run_audit import RunAudit, State, audit_run
from tests.chaos.topic_reader import end_offsets, read_all
from tests.support.embedding_server import EmbeddingServer

RECOVERY_LIMIT = 60.0
"""Seconds after a fault within which every partition must commit again."""
STATIC: Changes = {"kafka": {"instance_id": "${REPLICA}"}}
SCATTERED: Changes = {"input": {"multiline": "java"}, "sessions": {"gap": "3m", "max_age": "30m"}}
"""For lines that go to the partition of their key: joined before, in sessions that only the end of the run cuts."""
SHARED_OUT: Changes = {"detector": {"baselines": "served"}}
CLOSE_ALL = {"idle_flush": "1s"}


def now_ms() -> int:
    """Return the time in milliseconds, as brokers stamp records."""
    return int(time.time() * 1000)


@dataclass
class InjectedFault:
    """One fault: when it began and was over (ms), and how long until the last partition committed again (s)."""

    name: str
    began: int
    over: int
    kills: int
    recovery: float | None = None


@dataclass
class Run:
    """One consumer group's work on one input topic. At the end it has `settle_limit` seconds to reach the last line."""

    cluster: ProxiedCluster
    engine: EmbeddingServer
    topics: RunTopics
    folder: Path
    timeouts: Timeouts
    size: int = 3
    control: str | None = None
    settle_limit: float = 240.0
    changes: Changes = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = self.folder / "config.yaml"
        self.replicas = ReplicaSet(self.folder, self.config, self.size, self.control)
        self.progress = Progress(self.cluster.direct_servers, self.topics)
        self.between = Progress(self.cluster.direct_servers, self.topics, between=True) if self.topics.between else None
        self.injected: list[InjectedFault] = []
        self.too_slow: list[str] = []
        self.states: list[State] = []

    async def start(self) -> None:
        """Create the topics and start the replicas."""
        await self.cluster.create_outputs(self.topics)
        self.write_configuration(self.changes)
        for progress in self._followed():
            progress.start()
        await self.replicas.start()

    def _followed(self) -> list[Progress]:
        """Return the progress of every topic that the replicas read lines from."""
        return [self.progress, *([self.between] if self.between else [])]

    def write_configuration(self, changes: Changes) -> None:
        """Write the configuration that replicas read at their next start."""
        write_config(self.config, self.topics, self.cluster.servers, self.engine.url, self.timeouts, changes)

    async def inject(self, targets: Targets, name: str) -> InjectedFault:
        """Inject one fault, and wait until every partition has committed since it was over."""
        fault, _ = FAULTS[name]
        kills, began = self.replicas.kills, now_ms()
        await fault(targets)
        injected = InjectedFault(name, began, now_ms(), self.replicas.kills - kills)
        self.injected.append(injected)
        injected.recovery = await self.recovery(injected.over, RECOVERY_LIMIT + 30.0)
        if injected.recovery is None or injected.recovery > RECOVERY_LIMIT:
            offsets = [
                {p: commit.next for p, commit in progress.last_commits().items()} for progress in self._followed()
            ]
            self.too_slow.append(
                f"{name}: not all partitions committed within {RECOVERY_LIMIT:.0f} s ({offsets}, {injected.recovery})"
            )
        return injected

    async def recovery(self, since: int, seconds: float) -> float | None:
        """Wait until every partition has committed since `since` (ms); return after how many seconds, or None."""
        deadline = time.monotonic() + seconds
        while True:
            recoveries = [progress.recovery(since) for progress in self._followed()]
            known = [seconds for seconds in recoveries if seconds is not None]
            if len(known) == len(recoveries):
                return max(known)
            if time.monotonic() > deadline:
                return None
            await asyncio.sleep(0.2)

    async def finish(self) -> RunAudit:
        """Let the replicas read to the end and close every open session; keep their states, and audit the run."""
        servers = self.cluster.direct_servers
        ends = await end_offsets(servers, self.topics.input, self.topics.partitions)
        if behind := await self.progress.reach(ends, self.settle_limit):
            self._note_unfinished("read", behind, ends)
        await self.replicas.stop()
        sent_on = await self._sent_on()
        sessions = {**self.changes.get("sessions", {}), **CLOSE_ALL}
        self.write_configuration({**self.changes, "sessions": sessions})
        await self.replicas.start()
        if behind := await self.progress.reach(ends, self.settle_limit, settled=True):
            self._note_unfinished("settled", behind, ends)
        if self.between and (behind := await self.between.reach(sent_on, self.settle_limit, settled=True)):
            self.too_slow.append(f"partitions {behind} between were not settled to their ends: {sent_on}")
        await asyncio.sleep(1.0)
        self.states = list(await self.replicas.detector_states())
        await self.replicas.stop()
        for progress in self._followed():
            await progress.stop()
        return await audit_run(servers, self.topics)

    async def _sent_on(self) -> dict[int, int]:
        """Return, for each partition of the topic between, the offset after its last record with lines."""
        if not self.topics.between:
            return {}
        records = await read_all(self.cluster.direct_servers, self.topics.by_role["repartition"], self.topics.between)
        return {record.partition: record.offset + 1 for record in records}

    def _note_unfinished(self, what: str, behind: Sequence[int], ends: Mapping[int, int]) -> None:
        commits = self.progress.last_commits()
        self.too_slow.append(f"partitions {behind} were not {what} to their ends: {commits}, {ends}")

    async def close(self) -> None:
        """Leave no process behind."""
        for progress in self._followed():
            await progress.stop()
        await self.replicas.close()


def schedule(source: random.Random, only: Sequence[str] = ()) -> list[str]:
    """Return the faults of one round in random order, each as often as FAULTS says."""
    names = [name for name, (_, times) in FAULTS.items() for _ in range(times) if not only or name in only]
    source.shuffle(names)
    return names


def load_generator(
    cluster: ProxiedCluster, topics: RunTopics, seed: int, rate: float, scopes: int = SCOPES
) -> LoadGenerator:
    """Return a generator whose lines begin half a day ago, because their clock runs faster than the wall clock."""
    return LoadGenerator(
        cluster.servers,
        topics.input,
        topics.partitions,
        seed=seed,
        start_ms=now_ms() - 12 * 3_600_000,
        rate=rate,
        scattered=bool(topics.between),
        scopes=scopes,
    )
