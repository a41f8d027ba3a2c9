"""A short run of the harness: a few kinds of faults, and one control. `make chaos` is the long run."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from daemon.errors import UnavailableError
from tests import conftest
from tests.chaos.cluster import RunTopics, Timeouts, proxied_cluster
from tests.chaos.run import SCATTERED, load_generator
from tests.chaos.run_audit import problems_of, sessions_cut
from tests.chaos.scenarios import Environment, control
from tests.support.embedding_server import EmbeddingServer

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="module"),
]

FAULTS = (
    "replica killed",
    "replica frozen, then thawed",
    "broker killed",
    "engine gone",
    "all replicas killed",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def environment(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Environment]:
    """Three Kafka nodes and an engine, for both tests."""
    engine = EmbeddingServer()
    await engine.start()
    try:
        async with proxied_cluster() as cluster:
            yield Environment(cluster, engine, tmp_path_factory.mktemp("chaos"), Timeouts(), 12.0, print)
    except UnavailableError as error:
        conftest.lacking(str(error))
    finally:
        await engine.stop()


async def test_nothing_is_lost_and_nothing_comes_twice_whatever_dies(environment: Environment) -> None:
    """Replicas and a broker die, and what comes out equals what comes out without faults, the baseline included."""
    topics = RunTopics("short", "short-logs", 3)
    await environment.cluster.create_input(topics.input, topics.partitions)
    run = environment.new_run(topics, size=2)
    targets = environment.targets(run)
    generator = load_generator(environment.cluster, topics, 3, environment.rate)
    try:
        await run.start()
        generator.start()
        await run.progress.reach(dict.fromkeys(range(topics.partitions), 20), 60.0)
        for name in FAULTS:
            await run.inject(targets, name)
        await generator.stop()
        audited = await run.finish()
    finally:
        await run.close()
    reference_run = environment.new_run(RunTopics("calm", topics.input, topics.partitions), size=1)
    try:
        await reference_run.start()
        reference = await reference_run.finish()
    finally:
        await reference_run.close()
    assert [] == run.too_slow
    assert [] == problems_of(audited, reference, [*run.states, *reference_run.states])


async def test_lines_that_go_to_the_partition_of_their_key_are_whole_whatever_dies(environment: Environment) -> None:
    """Two replicas and a broker die; scattered sessions with traces in them come out once, and none is cut."""
    topics = RunTopics("scattered", "scattered-logs", 3, between=2)
    await environment.cluster.create_input(topics.input, topics.partitions)
    run = environment.new_run(topics, size=2)
    run.changes = SCATTERED
    targets = environment.targets(run)
    generator = load_generator(environment.cluster, topics, 3, environment.rate)
    try:
        await run.start()
        generator.start()
        await run.progress.reach(dict.fromkeys(range(topics.partitions), 20), 60.0)
        for name in ("replica killed", "broker killed", "all replicas killed"):
            await run.inject(targets, name)
        await generator.stop()
        audited = await run.finish()
    finally:
        await run.close()
    assert [] == run.too_slow
    assert [] == [*problems_of(audited, None, run.states), *sessions_cut(audited)]


async def test_the_audit_notices_a_design_with_a_part_missing(environment: Environment) -> None:
    """Replicas that trust the group's offset instead of the checkpoint fail the same audit."""
    assert [] == await control(environment, "group-offset")
