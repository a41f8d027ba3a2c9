"""A daemon on a real Kafka whose own parts stand still: it says which and why, and goes on when the fault is over.

The limits are seconds here; tests/runtime/test_stalls.py holds the real ones to a minute.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BufferedWriter

import orjson
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from demo.broker import Cluster
from tests.support.brokers import topics_on, unique
from tests.support.daemons import Daemon
from tests.support.embedding_server import EmbeddingServer
from tests.support.readiness import goes_on, judge_something, send_line, stalled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]


@dataclass
class ImpatientDaemon(Daemon):
    """Reports a stall after seconds, and holds its detector's thread on a signal."""

    def _spawn(self, stderr: BufferedWriter) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.support.short_limits", "run", "--config", str(self.config)]
        return subprocess.Popen(command, stderr=stderr)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[EmbeddingServer]:
    started = EmbeddingServer()
    await started.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(
    kafka: Cluster, server: EmbeddingServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Daemon]:
    """One daemon for all tests: what they do to it is over at their end."""
    engine = {"type": "openai", "model": "stub", "url": server.url, "timeout": "2s"}
    async with topics_on(kafka.bootstrap_servers) as topics:
        made = await ImpatientDaemon.make(topics, tmp_path_factory.mktemp("stuck"), settings={"engine": engine})
    try:
        await made.start()
        await judge_something(made)
        yield made
    finally:
        made.close()


async def test_an_engine_that_does_not_answer(daemon: Daemon, server: EmbeddingServer) -> None:
    """The embedding server hangs with a new pattern; what waited is judged once it answers."""
    server.set_mode("hang")
    try:
        await send_line(daemon, message="disk full on sda1")
        await stalled(daemon, "engine", "no answer for")
    finally:
        server.set_mode("ok")
    await goes_on(daemon, "engine")


async def test_a_detector_whose_thread_does_not_return(daemon: Daemon) -> None:
    """A call in the detector's thread does not return: /readyz says so first, then /healthz asks for a restart."""
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGUSR1)
    try:
        await send_line(daemon)
        await stalled(daemon, "detector", "has not returned from")
        async with asyncio.timeout(30):
            while daemon.get("/healthz")[0] != 503:  # noqa: ASYNC110  # polls another process
                await asyncio.sleep(0.5)
    finally:
        daemon.process.send_signal(signal.SIGUSR2)
    await goes_on(daemon, "detector")
    assert 200 == daemon.get("/healthz")[0]


async def test_a_baseline_that_is_not_followed(daemon: Daemon) -> None:
    """A producer of another process leaves a transaction open in the baseline topic: no replica reads past it."""
    stuck = AIOKafkaProducer(bootstrap_servers=daemon.servers, transactional_id=unique("stuck"))
    await stuck.start()
    try:
        await stuck.begin_transaction()
        await stuck.send_and_wait(daemon.topics["baseline"], b"{}", b"stuck")
        await stalled(daemon, "baseline", f"holds back {daemon.topics['baseline']}/0 from offset")
        await stuck.abort_transaction()
    finally:
        await stuck.stop()
    await goes_on(daemon, "baseline")


async def test_event_time_that_does_not_move(daemon: Daemon) -> None:
    """Lines keep coming and none is later than those before; the first later one ends it."""
    sending = asyncio.create_task(repeat_a_line(daemon))
    try:
        await stalled(daemon, "event_time", "none is later")
    finally:
        sending.cancel()
    await send_line(daemon)
    await goes_on(daemon, "event_time")


async def repeat_a_line(daemon: Daemon) -> None:
    """Send one line again and again, until cancelled."""
    line = {"time": time.time(), "scope": "shop", "key": "k", "message": "GET /cart"}
    producer = AIOKafkaProducer(bootstrap_servers=daemon.servers)
    await producer.start()
    try:
        while True:
            await producer.send_and_wait(daemon.logs, orjson.dumps(line))
            await asyncio.sleep(0.1)
    finally:
        await producer.stop()
