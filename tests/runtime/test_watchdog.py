"""What makes no progress is noticed: the position is set again, the group is joined again, then the process ends."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from daemon.core.types import Batch, TopicPartition
from daemon.errors import PartitionError, UnavailableError
from daemon.runtime import Patience
from tests.runtime.test_pipeline import feed, outcome, settled
from tests.support.fake_broker import FakeCluster, FakeMembership
from tests.support.replica import TOPICS, Replica, until

QUICK = Patience(reseek=0.2, rejoin=0.6, give_up=1.5, start=1.0, look=0.05)


async def started(cluster: FakeCluster, patience: Patience = QUICK) -> Replica:
    """A replica whose watchdog is quick."""
    replica = Replica(cluster, patience=patience)
    await replica.start()
    return replica


def steps(replica: Replica) -> set[str]:
    """The steps that the watchdog has taken."""
    return {step for step in ("reseek", "rejoin") if replica.metrics.watchdog.labels(step)._value.get()}


def deafen(membership: FakeMembership, *, resumes: int) -> None:
    """Have a membership deliver nothing until every partition's position was set `resumes` times."""
    plain_poll, plain_resume = membership.poll, membership.resume
    resumed: dict[TopicPartition, int] = {}

    async def poll(partitions: Collection[TopicPartition], seconds: float) -> list[Batch]:
        if all(resumed.get(p, 0) >= resumes for p in partitions if p.topic == "logs"):
            return await plain_poll(partitions, seconds)
        await asyncio.sleep(0.01)
        return []

    def resume(partition: TopicPartition, offset: int) -> bool:
        resumed[partition] = resumed.get(partition, 0) + 1
        return plain_resume(partition, offset)

    membership.poll, membership.resume = poll, resume  # type: ignore[method-assign]  # for this one only


async def test_a_partition_without_data_has_its_position_set_anew() -> None:
    """Fetching that was lost track of goes on from where the partition stands."""
    cluster = FakeCluster(TOPICS)
    expected = feed(cluster, 60)
    replica = await started(cluster, Patience(reseek=0.2, rejoin=20.0, give_up=30.0, look=0.05))
    deafen(replica.broker.memberships[-1], resumes=2)

    await until(lambda: settled(cluster, expected))
    await replica.kill()

    assert {"reseek"} == steps(replica)
    assert outcome(cluster, expected).clean


async def test_a_membership_without_data_is_replaced() -> None:
    """Where no position helps, the group is joined again with a new membership."""
    cluster = FakeCluster(TOPICS)
    expected = feed(cluster, 60)
    replica = await started(cluster)
    deafen(replica.broker.memberships[-1], resumes=1_000_000)

    await until(lambda: settled(cluster, expected))
    await replica.kill()

    assert "rejoin" in steps(replica)
    assert 2 <= len(replica.broker.memberships)
    assert outcome(cluster, expected).clean


async def test_a_process_that_gets_no_data_at_all_ends() -> None:
    """Polling that never comes back, in any membership, ends the process with what it waited for."""
    cluster = FakeCluster(TOPICS)
    feed(cluster, 60)
    replica = await started(cluster, Patience(reseek=0.1, rejoin=20.0, give_up=0.5, look=0.05))
    deafen(replica.broker.memberships[-1], resumes=1_000_000)

    with pytest.raises(UnavailableError, match="without data"):
        await asyncio.wait_for(asyncio.shield(replica.running), 20.0)
    await replica.kill()


async def test_a_partition_that_cannot_be_started_ends_the_process() -> None:
    """A producer that never starts is tried for a while, then somebody else is to try."""

    def refuse(step: str, source: TopicPartition) -> None:
        if step == "init" and source == TopicPartition("logs", 1):
            raise PartitionError("init: told to fail")

    replica = await started(FakeCluster(TOPICS, refuse))

    with pytest.raises(UnavailableError, match="logs/1 could not be started"):
        await asyncio.wait_for(asyncio.shield(replica.running), 20.0)
    await replica.kill()
