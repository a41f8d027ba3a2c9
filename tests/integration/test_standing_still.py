"""A real Kafka that is frozen, gone, or refuses us: within a minute the daemon says so, and why, and then goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.errors import UnavailableError
from demo.broker import Cluster
from tests import conftest
from tests.support.brokers import topics_on
from tests.support.daemons import Daemon
from tests.support.readiness import judge_something, readiness

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
        running = await Daemon.make(topics, tmp_path, settings={"engine": {"type": "lite"}})
    await running.start()
    try:
        await judge_something(running)
        yield running
    finally:
        running.close()


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
