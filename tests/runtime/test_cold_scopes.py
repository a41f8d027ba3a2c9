"""Scopes that nobody uses go to the disk and come back while a replica works: nothing else is seen of it."""

from __future__ import annotations

import asyncio
import errno
import random
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import orjson
import pytest
from structlog.testing import capture_logs

from daemon.adapters.cold_file import ColdFile
from daemon.core.detection import Extent, scopes
from daemon.core.types import Update
from daemon.errors import ColdScopeError
from daemon.runtime import ColdScopes, Gauges
from tests.runtime.test_shared_out import (
    LINES,
    LOGS,
    OTHERS,
    SCOPES,
    alone,
    assign,
    feed,
    split,
    start,
    stop,
    taken_in,
    verdicts,
)
from tests.support.fake_broker import FakeCluster
from tests.support.replica import TOPICS, Replica, replica

ROUNDS = 4


@pytest.fixture(autouse=True)
def _all_scopes_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scopes, "SMALL", 0)


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[ColdFile]:
    """Files of their own for any number of replicas."""
    return (ColdFile(tmp_path, 1 << 30) for _ in iter(int, 1))


async def cold(member: Replica) -> int:
    """Return how many scopes of a replica are on the disk."""
    return (await member.thread(member.detector.cold)).scopes


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until what `condition` returns is true."""
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110  # a test polls from outside
            await asyncio.sleep(0.005)


def state(member: Replica) -> list[Update]:
    """Return all that its detector holds; call in its thread."""
    return list(member.detector.dump())


async def settle(member: Replica) -> None:
    """Commit all that there is to commit."""
    for partition in member.pipeline.partitions:
        await partition.settle()


async def all_cold(member: Replica) -> None:
    """Wait until every scope of a replica is on the disk."""

    async def are() -> bool:
        return await cold(member) == len(await member.thread(member.detector.scopes))

    await eventually(are)


def sample(member: Replica, name: str) -> float:
    return member.metrics.registry.get_sample_value(f"strayline_{name}") or 0.0


@pytest.mark.parametrize("seed", range(3))
async def test_verdicts_are_the_same_wherever_scopes_and_partitions_move(seed: int, disks: Iterator[ColdFile]) -> None:
    """Every replica moves its scopes to the disk all the time, and partitions move between them."""
    rng, cluster = random.Random(seed), FakeCluster(TOPICS)
    members = [await start(cluster, cold=next(disks)) for _ in range(2)]
    try:
        for number in range(ROUNDS):
            given = split(rng, members)
            await assign(cluster, given)
            feed(cluster, LINES, LINES * number)
            if rng.random() < 0.5:
                await asyncio.sleep(rng.random() * 0.1)
                await assign(cluster, split(rng, members))
            if rng.random() < 0.3:
                await members.pop(rng.randrange(len(members))).kill()
                members.append(await start(cluster, cold=next(disks)))
                await assign(cluster, split(rng, members))
            await taken_in(cluster, members)
            await asyncio.gather(*map(settle, members))
            await asyncio.gather(*map(all_cold, members))
        await asyncio.gather(*(member.pipeline.drain() for member in members))
    finally:
        await stop(members)

    assert await alone(ROUNDS) == verdicts(cluster)


async def test_feedback_and_records_of_another_replica_reach_a_cold_scope(disks: Iterator[ColdFile]) -> None:
    """One replica judges, the other only follows, and both have all scopes on the disk in between."""
    cluster = FakeCluster(TOPICS)
    members = one, two = [await start(cluster, cold=next(disks), holding=None) for _ in range(2)]
    try:
        await assign(cluster, {one: LOGS, two: OTHERS})
        for number in range(2):
            feed(cluster, LINES, LINES * number)
            await taken_in(cluster, members)
            await settle(one)
            await asyncio.gather(*map(all_cold, members))
        scope = SCOPES[0]
        pattern = (await two.thread(two.detector.patterns, scope))[0].pattern
        cluster.append("feedback", orjson.dumps({"pattern": pattern, "verdict": "normal", "by": "ann"}))
        for member in members:

            async def labelled(member: Replica = member) -> bool:
                return pattern in await member.thread(member.detector.labels, scope)

            await eventually(labelled)
        await asyncio.gather(*map(all_cold, members))
        states = [await member.thread(state, member) for member in members]
    finally:
        await stop(members)

    assert states[0] == states[1]


async def test_a_snapshot_has_what_is_on_the_disk(tmp_path: Path, disks: Iterator[ColdFile]) -> None:
    """A replica whose scopes are all cold writes the snapshot without bringing one back, and it serves the next."""
    cluster, path = FakeCluster(TOPICS), tmp_path / "snapshot"
    async with replica(cluster, snapshot=path, cold=next(disks)) as one:
        feed(cluster, LINES)
        await taken_in(cluster, [one])
        await one.pipeline.drain()
        assert len(SCOPES) == len(await one.thread(one.detector.scopes))
        await all_cold(one)
        await one.snapshots.write()
        assert len(SCOPES) == await cold(one)
        saved = await one.thread(state, one)
    async with replica(cluster, snapshot=path) as two:
        assert saved == await two.thread(state, two)


class _Full(ColdFile):
    """A disk that is full."""

    def put(self, content: bytes) -> Extent:
        raise OSError(errno.ENOSPC, "No space left on device")


async def test_a_full_disk_is_told_once_a_turn_and_changes_nothing(tmp_path: Path) -> None:
    """The scopes stay in memory, the log and a metric say why, and the next turn tries again."""
    cluster = FakeCluster(TOPICS)
    async with replica(cluster, idle=60.0) as one:
        feed(cluster, LINES)
        await taken_in(cluster, [one])
        one.detector._changelog.scopes._packer._storage = _Full(tmp_path, 1)
        cooling = ColdScopes(one.detector, one.thread, one.metrics, 3600.0)

        async def failed() -> bool:
            await cooling.end_turn()
            return sample(one, "baseline_cold_failures_total") == 2

        with capture_logs() as logs:
            await eventually(failed)
        assert await cold(one) == 0
        assert 2 == sum(entry["event"] == "scopes_stay_in_memory" for entry in logs)
        await one.pipeline.drain()
    assert await alone(1) == verdicts(cluster)


async def test_a_scope_that_the_disk_does_not_return_ends_the_process(disks: Iterator[ColdFile]) -> None:
    """Nothing is judged without it; the next process restores it from the topic and judges what was left."""
    cluster = FakeCluster(TOPICS)
    disk = next(disks)
    async with replica(cluster, cold=disk, idle=60.0) as one:
        feed(cluster, LINES)
        await taken_in(cluster, [one])
        await settle(one)
        await all_cold(one)
        await one.thread(_damage, disk)
        feed(cluster, LINES, LINES)
        with pytest.raises(ColdScopeError, match="cannot be read back"):
            await asyncio.wait_for(one.running, 60)
    async with replica(cluster, cold=next(disks), idle=60.0) as two:
        await taken_in(cluster, [two])
        await two.pipeline.drain()
    assert await alone(2) == verdicts(cluster)


def _damage(disk: ColdFile) -> None:
    """Make everything on the disk unreadable."""
    disk.read = _fails  # type: ignore[method-assign]


def _fails(place: Extent) -> bytes:
    raise OSError(errno.EIO, "Input/output error")


async def test_the_metrics_say_what_is_on_the_disk(disks: Iterator[ColdFile]) -> None:
    """Scopes, bytes and returns are those of the detector."""
    cluster = FakeCluster(TOPICS)
    async with replica(cluster, cold=next(disks)) as one:
        gauges = Gauges(one.metrics, one.thread, one.detector, lambda: True)
        feed(cluster, LINES)
        await taken_in(cluster, [one])
        await settle(one)
        await all_cold(one)
        await gauges._set_scopes()
        assert len(SCOPES) == sample(one, "baseline_cold_scopes")
        assert sample(one, "baseline_cold_bytes") > 0
        feed(cluster, LINES, LINES)
        await taken_in(cluster, [one])
        await gauges._set_scopes()
        assert sample(one, "baseline_cold_returns_total") > 0
