"""Members of a group: who keeps what when others come and go, by a name (`kafka.instance_id`) or without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from daemon.adapters.kafka import KafkaBroker, KafkaSettings
from daemon.adapters.kafka.membership import KafkaMembership
from daemon.core.types import TopicPartition
from daemon.errors import UnavailableError
from daemon.ports import Membership
from demo.broker import Cluster
from tests.support.brokers import Topics, unique

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

SESSION = 6.0
WITHIN = 40.0


@dataclass
class Holder:
    """A listener that notes what it holds, and what it had to give up."""

    holds: set[int] = field(default_factory=set)
    given_up: set[int] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def revoked(self) -> None:
        pass

    def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        now = {partition.partition for partition in partitions}
        self.given_up |= self.holds - now
        self.holds = now
        self.changed.set()
        return dict.fromkeys(partitions, 0)


@dataclass(frozen=True)
class Group:
    """A topic and a group of members that read it."""

    servers: str
    topic: str
    name: str = field(default_factory=lambda: unique("group"))

    @asynccontextmanager
    async def member(self, instance: str | None = None) -> AsyncIterator[Holder]:
        """Have a member, under a name or not, while inside; what polling raises comes out at the end."""
        settings = KafkaSettings([self.servers], self.name, instance, session_timeout=SESSION)
        broker, holder = KafkaBroker(settings), Holder()
        membership = broker.membership([self.topic])
        try:
            await membership.start(holder)
            async with asyncio.TaskGroup() as group:
                polling = group.create_task(self._poll(membership, holder))
                yield holder
                polling.cancel()
        finally:
            await membership.close()
            await broker.close()

    async def _poll(self, membership: Membership, holder: Holder) -> None:
        while True:
            await membership.poll([TopicPartition(self.topic, partition) for partition in holder.holds], 0.2)


async def until_held(partitions: set[int], *holders: Holder) -> None:
    """Wait until the holders share out exactly these partitions."""
    async with asyncio.timeout(WITHIN):
        while True:
            for holder in holders:
                holder.changed.clear()
            held = sorted(partition for holder in holders for partition in holder.holds)
            if held == sorted(partitions):
                return
            waits = [asyncio.create_task(holder.changed.wait()) for holder in holders]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()


@pytest.fixture
async def group(kafka: Cluster, topics: Topics) -> Group:
    """A group of its own on a topic of four partitions."""
    return Group(kafka.bootstrap_servers, await topics.make("lines", partitions=4))


async def test_a_member_that_comes_back_in_time_finds_its_partitions_and_nobody_elses_move(group: Group) -> None:
    """One of two members ends and is started again within its session: it holds what it held, the other all it had."""
    async with group.member("a") as first:
        async with group.member("b") as second:
            await until_held({0, 1, 2, 3}, first, second)
            first.given_up.clear()
        async with group.member("b") as again:
            await until_held({0, 1, 2, 3}, first, again)
            assert second.holds == again.holds
            assert set() == first.given_up


async def test_partitions_that_are_added_after_every_member_was_started_again_are_taken_up(group: Group) -> None:
    """Kafka does not tell a leader that comes back in time that it leads; it takes up what is added all the same."""
    async with group.member("a") as first, group.member("b") as second:
        await until_held({0, 1, 2, 3}, first, second)
    async with group.member("a") as first, group.member("b") as second:
        await until_held({0, 1, 2, 3}, first, second)
        admin = AIOKafkaAdminClient(bootstrap_servers=group.servers)
        await admin.start()
        await admin.create_partitions({group.topic: NewPartitions(6)})
        await admin.close()
        await until_held({0, 1, 2, 3, 4, 5}, first, second)


async def test_a_member_gets_its_partitions_by_one_rebalance(group: Group) -> None:
    """The only member of a new group has its partitions in the group's first generation."""
    membership, holder = KafkaMembership(KafkaSettings([group.servers], group.name), [group.topic]), Holder()
    await membership.start(holder)
    try:
        await until_held({0, 1, 2, 3}, holder)
        assert 1 == membership.client._coordinator.generation  # nothing public shows it
    finally:
        await membership.close()


async def test_two_processes_under_one_name_do_not_go_on_for_ever(group: Group) -> None:
    """One of them ends, and says which name they share."""
    with pytest.raises(ExceptionGroup) as raised:
        async with group.member("same"), group.member("same"):
            await asyncio.sleep(WITHIN)

    ended, _ = raised.value.split(UnavailableError)
    assert ended is not None
    assert "kafka.instance_id same" in str(ended.exceptions[0])


async def test_members_keep_their_partitions_when_others_join_and_leave(group: Group) -> None:
    """Of two members each gives up one partition to two that join, and gets it or another back when they leave."""
    async with group.member() as first, group.member() as second:
        await until_held({0, 1, 2, 3}, first, second)
        before = {id(holder): set(holder.holds) for holder in (first, second)}
        first.given_up.clear()
        second.given_up.clear()
        async with group.member() as third, group.member() as fourth:
            await until_held({0, 1, 2, 3}, first, second, third, fourth)
            assert [1, 1, 1, 1] == [len(holder.holds) for holder in (first, second, third, fourth)]
            kept = {id(holder): set(holder.holds) for holder in (first, second)}
        await until_held({0, 1, 2, 3}, first, second)
        for holder in (first, second):
            assert kept[id(holder)] < before[id(holder)]
            assert kept[id(holder)] < holder.holds
            assert 1 == len(holder.given_up)
