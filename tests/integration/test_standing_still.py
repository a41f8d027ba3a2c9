"""A real Kafka that is frozen, gone, or refuses us: within a minute the daemon says so, and why, and then goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from daemon.errors import UnavailableError
from demo.broker import Cluster
from tests import conftest
from tests.support.brokers import topics_on
from tests.support.daemons import Daemon

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    made = Cluster(1, backend="java")
    try:
        await asyncio.to_thread(made.start)
    except UnavailableError as error:
        conftest.lacking(str(error))
    try:
        yield made
    finally:
        await asyncio.to_thread(made.close)


@pytest.fixture
async def daemon(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Daemon]:
    async with topics_on(cluster.bootstrap_servers) as topics:
        it = await Daemon.make(topics, tmp_path, settings={"engine": {"type": "lite"}})
    await it.start()
    try:
        await judge_something(it)
        yield it
    finally:
        it.close()


async def judge_something(daemon: Daemon) -> None:
    """Send a line and wait until its session is judged."""
    before = sum_of(daemon)
    producer = AIOKafkaProducer(bootstrap_servers=daemon.servers)
    await producer.start()
    line = {"time": time.time(), "scope": "shop", "key": f"k{before}", "message": "GET /cart"}
    await producer.send_and_wait(daemon.logs, orjson.dumps(line))
    await producer.stop()
    async with asyncio.timeout(120):
        while sum_of(daemon) <= before:  # noqa: ASYNC110  # another process is looked at
            await asyncio.sleep(0.2)


def sum_of(daemon: Daemon) -> float:
    """Return how many sessions have been judged."""
    lines = daemon.get("/metrics")[1].splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("strayline_sessions_judged_total{"))


async def readiness(daemon: Daemon, status: int, seconds: float) -> tuple[float, str]:
    """Wait for a status of /readyz; return after how many seconds it came, and its body."""
    began = time.monotonic()
    while True:
        got, body = await asyncio.to_thread(daemon.get, "/readyz")
        passed = time.monotonic() - began
        if got == status:
            return passed, body
        assert passed < seconds, f"/readyz is {got} after {passed:.0f} s: {body}"
        await asyncio.sleep(0.5)


async def test_a_frozen_broker_is_reported_within_a_minute(cluster: Cluster, daemon: Daemon) -> None:
    """The only broker stops answering while nothing is under way: connections stay open, and nothing fails."""
    cluster.pause(1)
    try:
        after, body = await readiness(daemon, 503, 60.0)
        assert after < 60.0
        assert "does not answer" in body
        assert 1.0 == daemon.metric("stalled", '{cause="kafka"}')
        assert "strayline_consumer_lag_records{" not in daemon.get("/metrics")[1]
        assert 200 == daemon.get("/healthz")[0]
    finally:
        cluster.resume(1)
    await readiness(daemon, 200, 120.0)
    await judge_something(daemon)
    stalls = [event for event in daemon.events() if event["event"] in ("stalled", "stall_ended")]
    assert ["stalled", "stall_ended"] == [event["event"] for event in stalls if event["cause"] == "kafka"]
    assert "does not answer" in stalls[0]["why"]


async def test_a_broker_that_is_gone_is_reported_within_a_minute(cluster: Cluster, daemon: Daemon) -> None:
    """The only broker is killed, and started again after the daemon has said so."""
    cluster.kill(1)
    _, body = await readiness(daemon, 503, 60.0)

    await asyncio.to_thread(cluster.start_node, 1)
    await readiness(daemon, 200, 120.0)
    await judge_something(daemon)

    assert "no Kafka listens there" in body
