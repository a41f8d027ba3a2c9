"""Membership in a group through what networks and brokers do: data comes again, without a person, in bounded time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field

import pytest
from aiokafka import AIOKafkaProducer

from daemon.adapters.kafka import KafkaBroker, KafkaSettings
from daemon.core.types import TopicPartition
from daemon.errors import PartitionError, UnavailableError
from daemon.ports import Membership
from demo.broker import Cluster
from tests import conftest
from tests.support.brokers import topics_on, unique
from tests.support.tcp_proxy import TcpProxy

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]

SESSION = 3.0
WITHIN = 60.0


@dataclass
class Reader:
    """A listener that goes on where it stands, as a partition of the daemon does."""

    expected: dict[TopicPartition, int] = field(default_factory=dict)
    ours: set[TopicPartition] = field(default_factory=set)
    values: list[bytes | None] = field(default_factory=list)

    async def revoked(self) -> None:
        self.ours = set()

    def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        self.ours = set(partitions)
        return {partition: self.expected.setdefault(partition, 0) for partition in partitions}

    async def read_until(self, membership: Membership, value: bytes) -> None:
        """Poll until `value` has come."""
        async with asyncio.timeout(WITHIN):
            while value not in self.values:
                try:
                    batches = await membership.poll(self.ours, 0.2)
                except PartitionError:
                    continue
                for fetched in batches:
                    batch = fetched.since(self.expected[fetched.source])
                    self.values += batch.values
                    if len(batch):
                        self.expected[batch.source] = batch.offsets[-1] + 1


@dataclass(frozen=True)
class Line:
    """A broker behind a proxy, a topic on it, a member that reads the topic, and a way to write to it."""

    cluster: Cluster
    proxy: TcpProxy
    membership: Membership
    reader: Reader
    topic: str

    async def write(self, value: bytes) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.cluster.bootstrap_servers)
        await producer.start()
        await producer.send_and_wait(self.topic, value)
        await producer.stop()

    async def comes(self, value: bytes) -> None:
        """Write a value and read it."""
        await self.write(value)
        await self.reader.read_until(self.membership, value)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    cluster: Cluster
    proxy = TcpProxy(lambda: cluster.address(1))
    await proxy.start()
    cluster = Cluster(1, advertised={1: proxy.address}, backend="java")
    try:
        await asyncio.to_thread(cluster.start)
    except UnavailableError as error:
        await proxy.close()
        conftest.lacking(str(error))
    try:
        async with topics_on(cluster.bootstrap_servers) as topics:
            topic = await topics.make("lines", partitions=1)
        settings = KafkaSettings([cluster.bootstrap_servers], unique("group"), session_timeout=SESSION)
        broker, reader = KafkaBroker(settings), Reader()
        membership = broker.membership([topic])
        await membership.start(reader)
        yield Line(cluster, proxy, membership, reader, topic)
        await membership.close()
        await broker.close()
    finally:
        await asyncio.to_thread(cluster.close)
        await proxy.close()


async def test_data_comes_again_after_the_network_was_cut_past_the_session(line: Line) -> None:
    """Nothing passes for longer than the session lasts, and open connections say nothing of it."""
    await line.comes(b"before")

    line.proxy.block()
    polling = asyncio.create_task(line.reader.read_until(line.membership, b"after"))
    await asyncio.sleep(SESSION + 2.0)
    line.proxy.unblock()
    await line.write(b"after")
    await polling

    assert [b"before", b"after"] == line.reader.values


async def test_data_comes_again_after_the_process_stood_still(line: Line) -> None:
    """A process that is frozen past its session has lost its place, and takes it again."""
    await line.comes(b"before")

    time.sleep(SESSION + 2.0)  # noqa: ASYNC251  # standing still is the point
    await line.comes(b"after")

    assert [b"before", b"after"] == line.reader.values


async def test_data_comes_again_after_the_broker_was_killed(line: Line) -> None:
    """The only broker, coordinator of the group, is killed and started again."""
    await line.comes(b"before")

    await asyncio.to_thread(line.cluster.kill, 1)
    polling = asyncio.create_task(line.reader.read_until(line.membership, b"after"))
    await asyncio.to_thread(line.cluster.start_node, 1)
    await line.write(b"after")
    await polling

    assert [b"before", b"after"] == line.reader.values
