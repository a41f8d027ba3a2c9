"""The negative controls, which must fail the audit, and three scenarios of their own: a changed configuration, input
that retention deletes, and static members."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from daemon.core.positions import offset_of
from daemon.core.stream import Checkpoint
from tests.chaos.cluster import Changes, ProxiedCluster, RunTopics, Timeouts
from tests.chaos.faults import Targets, freeze_replica, kill_all
from tests.chaos.load_generator import LoadGenerator
from tests.chaos.replica import CONTROLS
from tests.chaos.run import STATIC, Run, load_generator, now_ms
from tests.chaos.run_audit import audit_run, problems_of
from tests.support.audit import Place
from tests.support.embedding_server import EmbeddingServer

PARTITIONS = 3
WARM_UP = 60
"""Lines of each partition that must be read before the first fault."""
STATIC_SESSION = 15.0
"""Session time-out of static members in seconds: each must be back within it."""
TWIN = "another process has the kafka.instance_id twin too"
Log = Callable[[str], None]


@dataclass(frozen=True)
class Environment:
    """What all scenarios share."""

    cluster: ProxiedCluster
    engine: EmbeddingServer
    folder: Path
    timeouts: Timeouts
    rate: float
    log: Log

    def new_run(self, topics: RunTopics, size: int, control: str | None = None) -> Run:
        """Return a run with a folder of its own, not started yet."""
        return Run(self.cluster, self.engine, topics, self.folder / topics.run, self.timeouts, size, control)

    async def start_run(
        self, name: str, *, size: int = 2, control: str | None = None, changes: Changes | None = None
    ) -> tuple[Run, LoadGenerator]:
        """Create an input topic, start a run and a load generator on it, and wait until lines are read."""
        topics = RunTopics(name, f"{name}-logs", PARTITIONS)
        await self.cluster.create_input(topics.input, PARTITIONS)
        run = self.new_run(topics, size, control)
        run.changes = changes or {}
        generator = load_generator(self.cluster, topics, seed=7, rate=self.rate)
        await run.start()
        generator.start()
        if behind := await run.progress.reach(dict.fromkeys(range(PARTITIONS), WARM_UP), 90.0):
            run.too_slow.append(f"partitions {behind} did not start")
        return run, generator

    def targets(self, run: Run) -> Targets:
        """Return what faults of a run act on."""
        return Targets(self.cluster, run.topics, run.replicas, self.engine, self.timeouts, random.Random(7))


async def control(environment: Environment, part: str) -> list[str]:
    """Remove one part of the design: the audit must object."""
    run, generator = await environment.start_run(f"without-{part}", control=part)
    try:
        targets = environment.targets(run)
        for fault in (freeze_replica, kill_all, freeze_replica):
            await fault(targets)
            await asyncio.sleep(4.0)
        await generator.stop()
        run.settle_limit = 30.0  # without a part of the design a run may never settle
        audited = await run.finish()
    finally:
        await run.close()
    environment.log(f"control, {part}: {audited.audit}")
    return [f"the control {part} passed the audit"] if audited.audit.clean else []


async def changed_configuration(environment: Environment) -> list[str]:
    """Replicas are killed and start again with other session limits, then with another model, which is refused."""
    run, generator = await environment.start_run("changed")
    others: tuple[Changes, ...] = (
        {"sessions": {"gap": "3s", "max_age": "6s", "max_lines": 3}},
        {"sessions": {"gap": "20s", "max_lines": 1_000}, "input": {"masks": [{"name": "USER", "pattern": "u[0-9]+"}]}},
    )
    try:
        for changes in others:
            run.changes = changes
            run.write_configuration(changes)
            await kill_all(environment.targets(run))
            await asyncio.sleep(6.0)
        await generator.stop()
        audited = await run.finish()
        problems = [*problems_of(audited, None, run.states), *run.too_slow]
        for model in ({"model": "another"}, {"dimensions": 48}):
            run.write_configuration({"engine": model})
            problems += await _refused(run, model)
    finally:
        await run.close()
    environment.log(f"changed configuration: {audited.audit}")
    return problems


async def _refused(run: Run, model: object) -> list[str]:
    run.replicas.unexpected_exits.clear()
    await run.replicas.start()
    for _ in range(300):
        if run.replicas.unexpected_exits:
            break
        await asyncio.sleep(0.1)
    await run.replicas.stop()
    refused = any(
        "exit 78" in last_line and "the baseline was made with" in last_line
        for last_line in run.replicas.unexpected_exits
    )
    return [] if refused else [f"{model} was not refused: {run.replicas.unexpected_exits}"]


async def lost_input(environment: Environment) -> list[str]:
    """While no replica runs, retention deletes lines that are unread or belong to open sessions."""
    run, generator = await environment.start_run("retention")
    try:
        await run.replicas.stop(0.0)
        await asyncio.sleep(10.0)
        checkpoint = run.progress.checkpoints[0]
        first = checkpoint.next + 20
        await generator.stop()
        await environment.cluster.delete_records_before(run.topics.input, 0, first)
        await run.replicas.start()
        await run.finish()
        deleted = _deleted_unread(run.topics, checkpoint, first)
        audited = await audit_run(environment.cluster.direct_servers, run.topics, deleted)
        reported = _reported_lost(run)
    finally:
        await run.close()
    environment.log(f"retention deleted {len(deleted)} lines unread, the daemon reported {reported}: {audited.audit}")
    problems = [*problems_of(audited, None, run.states), *run.too_slow]
    if reported != len(deleted):
        problems.append(f"retention deleted {len(deleted)} lines unread, {reported} were reported")
    return problems


def _deleted_unread(topics: RunTopics, checkpoint: Checkpoint, first: int) -> list[Place]:
    unsettled = {offset_of(int(position)) for position in checkpoint.unsettled}
    offsets = [offset for offset in range(first) if offset in unsettled or offset >= checkpoint.next]
    return [(topics.input, 0, offset, 0) for offset in offsets]


def _reported_lost(run: Run) -> int:
    """Return how many lost records the replicas' logs report."""
    return sum(event["records"] for event in _events(run, "replica-*", "input_lost"))


def _events(run: Run, replicas: str, event: str) -> list[dict[str, Any]]:
    """Return the entries of the replicas' logs that are named `event`."""
    lines = [line for log in run.folder.glob(f"{replicas}/log") for line in log.read_text().splitlines()]
    return [orjson.loads(line) for line in lines if f'"{event}"' in line]


async def static_members(environment: Environment) -> list[str]:
    """Static members are killed and are back in time: no partition moves. Then both replicas have one name."""
    static: Changes = {"kafka": {**STATIC["kafka"], "session_timeout": f"{STATIC_SESSION:g}s"}}
    run, generator = await environment.start_run("static", changes=static)
    try:
        targets, problems = environment.targets(run), []
        before = _revoked(run)
        for number in range(run.size):
            run.replicas.kill(number)
            back = await run.recovery(now_ms(), STATIC_SESSION)
            environment.log(f"static member {number} killed: all partitions committed again after {back} s")
            problems += [] if back is not None else [f"a static member was not back within {STATIC_SESSION:g} s"]
        if moved := _revoked(run) - before:
            problems.append(f"partitions moved {moved} times though static members were back in time")
        run.write_configuration({"kafka": {"instance_id": "twin"}})
        await kill_all(targets)
        problems += await _second_of_one_name_ends(run)
        run.write_configuration(static)
        await kill_all(targets)
        await generator.stop()
        audited = await run.finish()
    finally:
        await run.close()
    environment.log(f"static members: {audited.audit}")
    return [*problems, *problems_of(audited, None, run.states), *run.too_slow]


def _revoked(run: Run) -> int:
    return sum(len(event["given_up"]) for event in _events(run, "replica-*", "assigned"))


async def _second_of_one_name_ends(run: Run) -> list[str]:
    """Wait until one replica has ended because another has its name."""
    for _ in range(300):
        if any(TWIN in last_line for last_line in run.replicas.unexpected_exits):
            return []
        await asyncio.sleep(0.1)
    return [f"no replica ended though two have one name: {run.replicas.unexpected_exits}"]


async def run_scenarios(environment: Environment) -> list[str]:
    """Run every scenario and every control; return what is wrong."""
    problems: list[str] = []
    for scenario in (changed_configuration, lost_input, static_members):
        problems += await scenario(environment)
    for part in CONTROLS:
        problems += await control(environment, part)
    return problems
