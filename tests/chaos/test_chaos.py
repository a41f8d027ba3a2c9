"""A short run of the harness: each kind of harm once or twice, and one control. `make chaos` is the long one."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from daemon.errors import UnavailableError
from tests import conftest
from tests.chaos.cases import Ground, control
from tests.chaos.faults import Scene
from tests.chaos.findings import judge
from tests.chaos.play import Run, feeder_for
from tests.chaos.stage import Names, Times, stage
from tests.chaos.stub import Stub

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="module"),
]

SHORT = (
    "replica killed",
    "replica frozen, then thawed",
    "broker killed",
    "engine gone",
    "all replicas killed",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    """Three Kafka nodes for both tests, and an engine."""
    stub = Stub()
    await stub.start()
    try:
        async with stage() as on:
            yield Ground(on, stub, tmp_path_factory.mktemp("chaos"), Times(), 12.0, print)
    except UnavailableError as error:
        conftest.lacking(str(error))
    finally:
        await stub.stop()


async def test_nothing_is_lost_and_nothing_comes_twice_whatever_dies(ground: Ground) -> None:
    """Replicas and a broker die, and what comes out equals what comes out without faults, the baseline included."""
    names = Names("short", "short-logs", 3)
    await ground.stage.make_input(names.input, names.partitions)
    run = Run(ground.stage, ground.stub, names, ground.folder / "short", ground.times, replicas=2)
    scene = Scene(ground.stage, names, run.crew, ground.stub, ground.times, random.Random(3))
    feeder = feeder_for(ground.stage, names, 3, ground.rate)
    try:
        await run.open()
        feeder.start()
        await run.progress.reaches(dict.fromkeys(range(names.partitions), 20), 60.0)
        for name in SHORT:
            await run.harm(scene, name)
        await feeder.stop()
        found = await run.close()
    finally:
        await run.abandon()
    calm = Run(
        ground.stage, ground.stub, Names("calm", names.input, names.partitions), ground.folder / "calm", ground.times, 1
    )
    try:
        await calm.open()
        without = await calm.close()
    finally:
        await calm.abandon()
    assert [] == run.stuck
    assert [] == judge(found, without, [*run.states, *calm.states]).problems


async def test_the_audit_notices_a_design_with_a_part_missing(ground: Ground) -> None:
    """Replicas that trust the group's offset instead of the checkpoint fail the same audit."""
    assert [] == await control(ground, "group-offset")
