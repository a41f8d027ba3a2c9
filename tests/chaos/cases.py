"""The controls, which must fail the audit, and what has its own course: a changed configuration, lost input, members
with names."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from daemon.core.positions import offset_of
from daemon.core.stream.checkpoint import Checkpoint
from tests.chaos.faults import Scene, kill_all, zombie
from tests.chaos.feeder import Feeder
from tests.chaos.findings import find, judge
from tests.chaos.play import STATIC, Changes, Run, feeder_for, now_ms
from tests.chaos.replica import CONTROLS
from tests.chaos.stage import Names, Stage, Times
from tests.chaos.stub import Stub
from tests.support.audit import Place

PARTITIONS = 3
FED = 60
"""Lines of each partition that must be read before the harm begins."""
RETURN = 15.0
"""Seconds within which a static member must be back."""
TWIN = "another process has the kafka.instance_id twin too"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Ground:
    """What all cases share."""

    stage: Stage
    stub: Stub
    folder: Path
    times: Times
    rate: float
    say: Say

    async def run(
        self, name: str, *, replicas: int = 2, control: str | None = None, changes: Changes | None = None
    ) -> tuple[Run, Feeder]:
        """Make a topic of its own, start a run and a feeder on it, and wait until it is under way."""
        names = Names(name, f"{name}-logs", PARTITIONS)
        await self.stage.make_input(names.input, PARTITIONS)
        run = Run(self.stage, self.stub, names, self.folder / name, self.times, replicas, control)
        run.changes = changes or {}
        feeder = feeder_for(self.stage, names, seed=7, rate=self.rate)
        await run.open()
        feeder.start()
        if behind := await run.progress.reaches(dict.fromkeys(range(PARTITIONS), FED), 90.0):
            run.stuck.append(f"partitions {behind} did not start")
        return run, feeder

    def scene(self, run: Run) -> Scene:
        """Return what faults work on."""
        return Scene(self.stage, run.names, run.crew, self.stub, self.times, random.Random(7))


async def control(ground: Ground, part: str) -> list[str]:
    """Leave one part of the design out: the audit must find something."""
    run, feeder = await ground.run(f"without-{part}", control=part)
    try:
        scene = ground.scene(run)
        for fault in (zombie, kill_all, zombie):
            await fault(scene)
            await asyncio.sleep(4.0)
        await feeder.stop()
        run.patience = 30.0  # a design with a part missing need not come to an end
        found = await run.close()
    finally:
        await run.abandon()
    ground.say(f"control, {part}: {found.audit}")
    return [f"the control {part} was not noticed by the audit"] if found.audit.clean else []


async def changed_configuration(ground: Ground) -> list[str]:
    """Replicas are killed, and start again with other session limits; then with another model, which is refused."""
    run, feeder = await ground.run("changed")
    others: tuple[Changes, ...] = (
        {"sessions": {"gap": "3s", "max_age": "6s", "max_lines": 3}},
        {"sessions": {"gap": "20s", "max_lines": 1_000}, "input": {"masks": [{"name": "USER", "pattern": "u[0-9]+"}]}},
    )
    try:
        for changes in others:
            run.changes = changes
            run.configure(changes)
            await kill_all(ground.scene(run))
            await asyncio.sleep(6.0)
        await feeder.stop()
        found = await run.close()
        problems = [*judge(found, None, run.states).problems, *run.stuck]
        for model in ({"model": "another"}, {"dimensions": 48}):
            run.configure({"engine": model})
            problems += await _refused(run, model)
    finally:
        await run.abandon()
    ground.say(f"changed configuration: {found.audit}")
    return problems


async def _refused(run: Run, model: object) -> list[str]:
    run.crew.ended.clear()
    await run.crew.start()
    for _ in range(300):
        if run.crew.ended:
            break
        await asyncio.sleep(0.1)
    await run.crew.stop()
    refused = any("exit 78" in words and "the baseline was made with" in words for words in run.crew.ended)
    return [] if refused else [f"{model} was not refused: {run.crew.ended}"]


async def lost_input(ground: Ground) -> list[str]:
    """Retention deletes lines that were not read yet, or that open sessions held, while no replica runs."""
    run, feeder = await ground.run("retention")
    try:
        await run.crew.stop(0.0)
        await asyncio.sleep(10.0)
        checkpoint = run.progress.checkpoints[0]
        first = checkpoint.next + 20
        await feeder.stop()
        await ground.stage.delete_before(run.names.input, 0, first)
        await run.crew.start()
        await run.close()
        gone = _gone(run.names, checkpoint, first)
        found = await find(ground.stage.true_servers, run.names, gone)
        told = _told(run)
    finally:
        await run.abandon()
    ground.say(f"retention took {len(gone)} lines unread, the daemon told of {told}: {found.audit}")
    problems = [*judge(found, None, run.states).problems, *run.stuck]
    return problems if told == len(gone) else [*problems, f"{len(gone)} lines were lost to retention, {told} told"]


def _gone(names: Names, checkpoint: Checkpoint, first: int) -> list[Place]:
    held = {offset_of(int(position)) for position in checkpoint.unsettled}
    offsets = [offset for offset in range(first) if offset in held or offset >= checkpoint.next]
    return [(names.input, 0, offset, 0) for offset in offsets]


def _told(run: Run) -> int:
    """Return how many lost records the replicas' logs speak of."""
    return sum(event["records"] for event in _events(run, "replica-*", "input_lost"))


def _events(run: Run, replicas: str, event: str) -> list[dict[str, Any]]:
    """Return what the replicas' logs tell of `event`."""
    lines = [line for log in run.folder.glob(f"{replicas}/log") for line in log.read_text().splitlines()]
    return [orjson.loads(line) for line in lines if f'"{event}"' in line]


async def static_members(ground: Ground) -> list[str]:
    """A static member is killed and comes back in time: no partition moves. Then both replicas go by one name."""
    static: Changes = {"kafka": {**STATIC["kafka"], "session_timeout": f"{RETURN:g}s"}}
    run, feeder = await ground.run("static", changes=static)
    try:
        scene, problems = ground.scene(run), []
        before = _given_up(run)
        for number in range(run.replicas):
            run.crew.kill(number)
            back = await run.recovery(now_ms(), RETURN)
            ground.say(f"static member {number} killed: all partitions moved again after {back} s")
            problems += [] if back is not None else [f"a static member was not back within {RETURN:g} s"]
        if moved := _given_up(run) - before:
            problems.append(f"partitions moved {moved} times though static members were back in time")
        run.configure({"kafka": {"instance_id": "twin"}})
        await kill_all(scene)
        problems += await _end_as_twins(run)
        run.configure(static)
        await kill_all(scene)
        await feeder.stop()
        found = await run.close()
    finally:
        await run.abandon()
    ground.say(f"static members: {found.audit}")
    return [*problems, *judge(found, None, run.states).problems, *run.stuck]


def _given_up(run: Run) -> int:
    return sum(len(event["given_up"]) for event in _events(run, "replica-*", "assigned"))


async def _end_as_twins(run: Run) -> list[str]:
    """Wait until a replica has ended and says that another has its name."""
    for _ in range(300):
        if any(TWIN in words for words in run.crew.ended):
            return []
        await asyncio.sleep(0.1)
    return [f"nobody noticed that two replicas go by one name: {run.crew.ended}"]


async def all_cases(ground: Ground) -> list[str]:
    """Perform every case and every control; return what is wrong."""
    problems = [*await changed_configuration(ground), *await lost_input(ground), *await static_members(ground)]
    for part in CONTROLS:
        problems += await control(ground, part)
    return problems
