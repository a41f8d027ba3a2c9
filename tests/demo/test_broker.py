"""The broker that the demo and the tests stand on, tested as a broker."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from demo.broker import Cluster
from demo.kafka.nodes import choose, cluster_id
from demo.kafka.reaper import Reaper
from tests.support.brokers import Topics, topics_on, unique

ROOT = Path(__file__).parents[2]


def eventually(holds: Callable[[], bool], within: float = 20.0) -> bool:
    """Return whether `holds` comes true within so many seconds."""
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def listens(address: str) -> bool:
    """Return whether a connection to `host:port` is taken."""
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return False
    return True


async def read(servers: str, topic: str, count: int) -> list[bytes | None]:
    """Return the first `count` committed values of a topic."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=servers, auto_offset_reset="earliest", isolation_level="read_committed"
    )
    await consumer.start()
    try:
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def write(servers: str, topic: str, value: bytes) -> None:
    """Write a value to a topic, acknowledged by all replicas in sync."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all")
    await producer.start()
    try:
        await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def test_transactions(topics: Topics) -> None:
    """A read_committed consumer sees committed transactions only."""
    topic = await topics.make("transactions")
    producer = AIOKafkaProducer(bootstrap_servers=topics.bootstrap_servers, transactional_id=unique("id"))
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"aborted")
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(topic, b"committed")
    finally:
        await producer.stop()

    assert [b"committed"] == await read(topics.bootstrap_servers, topic, 1)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_three_nodes(kafka: Cluster) -> None:
    """A record that three nodes acknowledged outlives a killed node, and the killed node comes back."""
    del kafka  # asked for so that a machine without Kafka skips this test too
    with Cluster(nodes=3, settings={"broker.session.timeout.ms": "3000"}) as cluster:
        async with topics_on(cluster.bootstrap_servers) as topics:
            topic = await topics.make("replicated", replicas=3)
        await write(cluster.bootstrap_servers, topic, b"kept")

        cluster.kill(2)
        assert not cluster.running(2)
        assert [b"kept"] == await read(cluster.bootstrap_servers, topic, 1)

        cluster.start_node(2)
        cluster.stop(3)
        assert [True, True, False] == [cluster.running(number) for number in cluster.numbers]
        cluster.pause(1)
        cluster.resume(1)
        await write(cluster.bootstrap_servers, topic, b"and more")
        assert [b"kept", b"and more"] == await read(cluster.bootstrap_servers, topic, 2)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_settings(kafka: Cluster) -> None:
    """A cluster can be told to ask its clients to log in, and then serves only those who do."""
    del kafka
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    settings = {
        "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": f'{plain} user_ann="sham";',
    }
    with Cluster(settings=settings) as cluster:
        known = AIOKafkaProducer(
            bootstrap_servers=cluster.bootstrap_servers,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="PLAIN",
            sasl_plain_username="ann",
            sasl_plain_password="sham",
        )
        await known.start()
        await known.stop()
        stranger = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap_servers, request_timeout_ms=2000)
        with pytest.raises(KafkaConnectionError):
            await stranger.start()
        await stranger.stop()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_left_behind(kafka: Cluster, tmp_path: Path) -> None:
    """No node and no data outlives a process that started a cluster and was killed with SIGKILL."""
    del kafka
    program = """if True:
        import sys
        from demo.broker import Cluster
        cluster = Cluster()
        print(cluster.start(), flush=True)
        sys.stdin.read()
    """
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        address = owner.stdout.readline().strip()
        assert listens(address)
        owner.send_signal(signal.SIGKILL)

    assert eventually(lambda: not listens(address))
    assert eventually(lambda: not list(tmp_path.iterdir()))


def test_reaper(tmp_path: Path) -> None:
    """The reaper removes what it was told of, and leaves what it was told to forget."""
    folder = tmp_path / "data"
    folder.mkdir()
    sleeper = [sys.executable, "-c", "input()"]
    with (
        subprocess.Popen(sleeper, stdin=subprocess.PIPE, start_new_session=True) as doomed,
        subprocess.Popen(sleeper, stdin=subprocess.PIPE, start_new_session=True) as spared,
    ):
        reaper = Reaper()
        reaper.tell("folder", str(folder))
        reaper.tell("process", doomed.pid)
        reaper.tell("process", spared.pid)
        reaper.tell("forget", spared.pid)
        reaper.close()

        assert -signal.SIGKILL == doomed.wait()
        assert spared.poll() is None
        spared.communicate(b"\n")
    assert not folder.exists()


def test_ports() -> None:
    """Nodes get distinct ports, below those the system gives to outgoing connections."""
    nodes = choose(3)
    ports = {port for node in nodes for port in (node.client, node.internal, node.controller)}
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    assert [1, 2, 3] == [node.number for node in nodes]
    assert 9 == len(ports)
    assert max(ports) < first


def test_cluster_ids() -> None:
    """A cluster's id never looks like an option of a command line."""
    ids = [cluster_id() for _ in range(500)]

    assert {22} == {len(each) for each in ids}
    assert not [each for each in ids if "-" in each]


def test_unknown_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """A KAFKA_BACKEND nobody knows is refused by name."""
    monkeypatch.setitem(os.environ, "KAFKA_BACKEND", "podman")

    with pytest.raises(ValueError, match="'podman'"):
        Cluster()
