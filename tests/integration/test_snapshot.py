"""A real daemon that starts again has its baselines from its snapshot, or else from the topic: the same ones."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.support.brokers import Topics
from tests.support.daemons import Daemon

pytestmark = pytest.mark.timeout(300)
SETTINGS = {"engine": {"type": "lite"}, "detector": {"warm_up": 20}}
SESSIONS = 40


@pytest.fixture
async def daemon(topics: Topics, tmp_path: Path) -> AsyncIterator[Daemon]:
    snapshot = {"folder": str(tmp_path / "cache"), "interval": "1s"}
    made = await Daemon.make(topics, tmp_path, partitions=2, settings={**SETTINGS, "snapshot": snapshot})
    yield made
    made.close()


async def send(daemon: Daemon) -> None:
    """Write sessions of two lines over both partitions, in seven patterns."""
    async with AIOKafkaProducer(bootstrap_servers=daemon.servers) as producer:
        for number in range(SESSIONS):
            for text in (f"request for page {'abcdefg'[number % 7]} of shop", f"answer in {number} ms"):
                line = {"time": 1_700_000_000 + 40 * number, "scope": "shop", "key": f"k{number}", "message": text}
                await producer.send(daemon.logs, json.dumps(line).encode(), partition=number % 2)


async def told(daemon: Daemon, event: str, count: int = 1) -> None:
    """Wait until the log of this run says so."""
    async with asyncio.timeout(60):
        while sum(entry["event"] == event for entry in daemon.events()) < count:  # noqa: ASYNC110  # a test polls from outside
            await asyncio.sleep(0.1)


async def patterns(daemon: Daemon, expected: int) -> None:
    """Wait until the metrics say that the service has so many patterns."""
    async with asyncio.timeout(60):
        while daemon.metric("baseline_patterns", '{scope="shop"}') != expected:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.2)


def damage(daemon: Daemon) -> None:
    (path,) = (daemon.folder / "cache").glob("*.snapshot")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


async def test_a_killed_daemon_starts_from_its_snapshot(daemon: Daemon) -> None:
    """It has every pattern at once; where the snapshot is damaged it says so, and has them from the topic."""
    await daemon.start()
    await send(daemon)
    await daemon.published("verdicts", SESSIONS)
    await patterns(daemon, 7)
    await told(daemon, "snapshot_written", sum(entry["event"] == "snapshot_written" for entry in daemon.events()) + 2)
    await daemon.end(signal.SIGKILL)
    await daemon.start()
    await told(daemon, "snapshot_loaded")
    await patterns(daemon, 7)
    await daemon.end(signal.SIGKILL)
    damage(daemon)
    await daemon.start()
    await told(daemon, "snapshot_not_used")
    await patterns(daemon, 7)
    assert SESSIONS == len(await daemon.published("verdicts", SESSIONS))
