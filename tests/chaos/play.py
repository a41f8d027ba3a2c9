"""A run: feed, harm, wait until every partition moves again, harm again; then settle everything and look."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.crew import Crew
from tests.chaos.faults import FAULTS, Scene
from tests.chaos.feeder import Feeder
from tests.chaos.findings import Findings, State, find
from tests.chaos.stage import Names, Stage, Times, write_config
from tests.chaos.stub import Stub
from tests.chaos.watching import Progress, ends_of

PATIENCE = 60.0
Changes = Mapping[str, Mapping[str, object]]
STATIC: Changes = {"kafka": {"instance_id": "${REPLICA}"}}
CLOSE_ALL: Changes = {"sessions": {"idle_flush": "1s"}}


def now_ms() -> int:
    """The time, as brokers stamp it."""
    return int(time.time() * 1000)


@dataclass
class Happened:
    """One fault: when it began and had passed (ms), and how long until the last partition had moved again (s)."""

    name: str
    began: int
    passed: int
    kills: int
    recovery: float | None = None


@dataclass
class Run:
    """One group's work on one input topic. `patience` seconds are waited, at the end, for the last line."""

    stage: Stage
    stub: Stub
    names: Names
    folder: Path
    times: Times
    replicas: int = 3
    control: str | None = None
    patience: float = 240.0
    changes: Changes = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = self.folder / "config.yaml"
        self.crew = Crew(self.folder, self.config, self.replicas, self.control)
        self.progress = Progress(self.stage.true_servers, self.names)
        self.happened: list[Happened] = []
        self.stuck: list[str] = []
        self.states: list[State] = []

    async def open(self) -> None:
        """Make the topics and start the replicas."""
        await self.stage.make_outputs(self.names)
        self.configure(self.changes)
        self.progress.start()
        await self.crew.start()

    def configure(self, changes: Changes) -> None:
        """Write the configuration that replicas find at their next start."""
        write_config(self.config, self.names, self.stage.servers, self.stub.url, self.times, changes)

    async def harm(self, scene: Scene, name: str) -> Happened:
        """Let one fault happen, and wait until every partition has moved since it passed."""
        fault, _ = FAULTS[name]
        kills, began = self.crew.kills, now_ms()
        await fault(scene)
        it = Happened(name, began, now_ms(), self.crew.kills - kills)
        self.happened.append(it)
        it.recovery = await self.recovery(it.passed, PATIENCE + 30.0)
        if it.recovery is None or it.recovery > PATIENCE:
            stands = {p: commit.next for p, commit in self.progress.last().items()}
            self.stuck.append(f"{name}: not all partitions moved within {PATIENCE:.0f} s ({stands}, {it.recovery})")
        return it

    async def recovery(self, passed: int, seconds: float) -> float | None:
        """Wait until every partition has moved since `passed` (ms), and return how long that took, or None."""
        deadline = time.monotonic() + seconds
        while True:
            recovery = self.progress.recovery(passed)
            if recovery is not None or time.monotonic() > deadline:
                return recovery
            await asyncio.sleep(0.2)

    async def close(self) -> Findings:
        """Read to the end, close every session that is open, note every replica's state, and read what came of it."""
        servers = self.stage.true_servers
        ends = await ends_of(servers, self.names.input, self.names.partitions)
        if behind := await self.progress.reaches(ends, self.patience):
            self.stuck.append(f"partitions {behind} were not read to their ends: {self.progress.last()}, {ends}")
        await self.crew.stop()
        self.configure({**self.changes, "sessions": {**self.changes.get("sessions", {}), **CLOSE_ALL["sessions"]}})
        await self.crew.start()
        if behind := await self.progress.reaches(ends, self.patience, settled=True):
            self.stuck.append(f"partitions {behind} were not settled to their ends: {self.progress.last()}, {ends}")
        await asyncio.sleep(1.0)
        self.states = list(await self.crew.dumps())
        await self.crew.stop()
        await self.progress.stop()
        return await find(servers, self.names)

    async def abandon(self) -> None:
        """Leave no process behind."""
        await self.progress.stop()
        await self.crew.close()


def schedule(dice: random.Random, only: Sequence[str] = ()) -> list[str]:
    """Return the faults of one round, each as often as it is to come, shuffled."""
    names = [name for name, (_, times) in FAULTS.items() for _ in range(times) if not only or name in only]
    dice.shuffle(names)
    return names


def feeder_for(stage: Stage, names: Names, seed: int, rate: float) -> Feeder:
    """Return a feeder whose lines begin half a day ago: their clock runs ahead of the world's."""
    start = now_ms() - 12 * 3_600_000
    return Feeder(stage.servers, names.input, names.partitions, seed=seed, start_ms=start, rate=rate)
