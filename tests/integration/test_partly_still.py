"""A real Kafka of which a part fails: within a minute the daemon says which, goes on with the rest, then with all."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka.admin import NewTopic
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

from daemon.config import load_config
from daemon.errors import UnavailableError
from demo.broker import Cluster
from deploy.acls import Acl, daemon_acls
from tests import conftest
from tests.support.brokers import Topics, topics_on, unique
from tests.support.daemons import Daemon
from tests.support.guarded import GUARDED, admin_of, allow, take_away
from tests.support.readiness import goes_on, judge_something, send_line, stalled

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(600)]
ONE_COPY = {"offsets.topic.replication.factor": "1", "offsets.topic.num.partitions": "1"}
"""All groups have one coordinator, and no other broker can take its place."""


async def running(cluster: Cluster) -> AsyncIterator[Cluster]:
    try:
        await asyncio.to_thread(cluster.start)
    except UnavailableError as error:
        conftest.lacking(str(error))
    try:
        yield cluster
    finally:
        await asyncio.to_thread(cluster.close)


@pytest.fixture
async def three_nodes() -> AsyncIterator[Cluster]:
    async for cluster in running(Cluster(3, ONE_COPY, backend="java")):
        yield cluster


@pytest.fixture
async def guarded() -> AsyncIterator[Cluster]:
    async for cluster in running(Cluster(1, GUARDED, backend="java")):
        yield cluster


@dataclass(frozen=True, slots=True)
class PlacedTopics(Topics):
    """Makes the input's partitions on chosen brokers, without copies; other topics are on all brokers."""

    places: tuple[int, ...] = ()

    async def make(
        self, stem: str = "topic", partitions: int = 1, config: Mapping[str, str] | None = None, replicas: int = 3
    ) -> str:
        if stem != "logs":
            return await Topics.make(self, stem, partitions, config, replicas)
        name = unique(stem)
        assignments = {partition: [node] for partition, node in enumerate(self.places)}
        topic = NewTopic(name, -1, -1, replica_assignments=assignments, topic_configs=dict(config or {}))
        answer = await self.admin.create_topics([topic])
        assert [0] == [error[1] for error in answer.topic_errors]
        return name


async def coordinator_of(topics: Topics) -> int:
    """Return the number of the broker that coordinates the groups; asking makes the topic of their offsets."""
    async with asyncio.timeout(60):
        while True:
            try:
                number: int = await topics.admin.find_coordinator("any")
            except GroupCoordinatorNotAvailableError:
                await asyncio.sleep(0.5)
            else:
                return number


async def test_a_partition_without_a_leader_and_a_coordinator_that_is_away(
    three_nodes: Cluster, tmp_path: Path
) -> None:
    """First one partition has no leader, and the other goes on; then the group has no coordinator."""
    cluster = three_nodes
    async with topics_on(cluster.bootstrap_servers) as plain:
        coordinator = await coordinator_of(plain)
        steady, other = [number for number in cluster.numbers if number != coordinator]
        topics = PlacedTopics(plain.admin, plain.bootstrap_servers, (steady, other))
        kafka = {"bootstrap_servers": cluster.bootstrap_servers.split(","), "group_id": unique("group")}
        settings = {
            "engine": {"type": "lite"},
            "kafka": {**kafka, "commit_interval": "100ms", "checkpoint_interval": "1s"},
        }
        daemon = await Daemon.make(topics, tmp_path, partitions=2, settings=settings)
    try:
        await daemon.start()
        await judge_something(daemon, 0)
        await judge_something(daemon, 1)
        await asyncio.sleep(5.0)  # what was judged is in a checkpoint: from the fault on nothing moves

        await asyncio.to_thread(cluster.kill, other)
        after = await stalled(daemon, "partition", f"{daemon.logs}/1 has no leader")
        await judge_something(daemon, 0)
        await asyncio.to_thread(cluster.start_node, other)
        await goes_on(daemon, "partition")
        await judge_something(daemon, 1)
        print(f"a partition without a leader was reported after {after:.0f} s")

        await asyncio.to_thread(cluster.kill, coordinator)
        after = await stalled(daemon, "group", "coordinator of group")
        await asyncio.to_thread(cluster.start_node, coordinator)
        await goes_on(daemon, "group")
        print(f"a coordinator that is away was reported after {after:.0f} s")
        assert 1 == daemon.starts
    finally:
        daemon.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that is soon full."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96m", "none", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        conftest.lacking(f"no file system can be mounted: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture
async def on_small_disk(small_disk: Path) -> AsyncIterator[Cluster]:
    async for cluster in running(Cluster(1, data=small_disk)):
        yield cluster


async def test_a_broker_whose_disk_is_full(on_small_disk: Cluster, small_disk: Path, tmp_path: Path) -> None:
    """Kafka ends when its only disk is full. When there is room and it runs again, the daemon goes on."""
    cluster, filling = on_small_disk, small_disk / "filling"
    async with topics_on(cluster.bootstrap_servers) as topics:
        daemon = await Daemon.make(topics, tmp_path, settings={"engine": {"type": "lite"}})
    try:
        await daemon.start()
        await judge_something(daemon)
        with filling.open("wb") as file, suppress(OSError):
            while True:
                file.write(bytes(1 << 16))
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(20):
                await send_line(daemon)
        after = await stalled(daemon, "kafka", "127.0.0.1")
        print(f"a full disk was reported after {after:.0f} s; the broker runs: {cluster.running(1)}")
        filling.unlink()
        await asyncio.to_thread(cluster.kill, 1)
        await asyncio.to_thread(cluster.start_node, 1)
        await goes_on(daemon, "kafka")
    finally:
        daemon.close()


async def test_rights_that_are_taken_away(guarded: Cluster, tmp_path: Path) -> None:
    """The rights to write and to read are taken away while the daemon works, and given back."""
    inside = f"127.0.0.1:{guarded._plan.nodes[0].internal}"
    security = {"protocol": "SASL_PLAINTEXT", "mechanism": "PLAIN", "username": "strayline", "password": "sham"}
    kafka = {
        "bootstrap_servers": [guarded.bootstrap_servers],
        "group_id": unique("group"),
        "commit_interval": "100ms",
        "security": security,
    }
    async with topics_on(inside) as topics:
        daemon = await Daemon.make(topics, tmp_path, settings={"engine": {"type": "lite"}, "kafka": kafka})
    daemon.servers = inside
    async with admin_of(guarded.bootstrap_servers) as admin:
        await allow(admin, "strayline", daemon_acls(load_config(daemon.config)))
        try:
            await daemon.start()
            await judge_something(daemon)

            writing = [Acl("topic", daemon.topics["verdicts"], ("Write",))]
            await take_away(admin, "strayline", writing)
            await send_line(daemon)
            after = await stalled(daemon, "partition", "no right to")
            await allow(admin, "strayline", writing)
            await goes_on(daemon, "partition")
            print(f"the right to write was missed after {after:.0f} s")

            reading = [Acl("topic", daemon.logs, ("Read",))]
            await take_away(admin, "strayline", reading)
            await send_line(daemon)
            after = await stalled(daemon, "group", f"no right to read {daemon.logs}")
            await allow(admin, "strayline", reading)
            await goes_on(daemon, "group")
            print(f"the right to read was missed after {after:.0f} s")
            assert daemon.process is not None
            assert daemon.process.poll() is None
        finally:
            daemon.close()
