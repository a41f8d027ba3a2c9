"""Two real daemons that share the baselines out, one of which is killed: the verdicts of one that has everything."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import yaml
from aiokafka import AIOKafkaProducer

from tests.support.brokers import Topics
from tests.support.daemons import Daemon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PARTITIONS, SESSIONS = 4, 240
SCOPES = [f"service {number}" for number in range(12)]
SETTINGS: dict[str, Any] = {
    "engine": {"type": "lite"},
    "detector": {"warm_up": 5},
    "sessions": {"idle_flush": "10m"},
    "snapshot": {"enabled": False},
}


def beside(daemon: Daemon, name: str) -> Daemon:
    """Return another replica of the same group."""
    folder = daemon.folder / name
    folder.mkdir()
    return Daemon(folder, daemon.servers, daemon.logs, daemon.topics, daemon.config)


def change(daemon: Daemon, section: str, **keys: Any) -> None:
    """Change keys in a section of the configuration."""
    document = yaml.safe_load(daemon.config.read_text())
    document[section] |= keys
    daemon.config.write_text(yaml.safe_dump(document))


@pytest.fixture
async def replicas(topics: Topics, tmp_path: Path) -> AsyncIterator[list[Daemon]]:
    """Two replicas that share out, and one of another group that reads the same input and has everything."""
    with_all, served = tmp_path / "all", tmp_path / "served"
    with_all.mkdir()
    served.mkdir()
    first = await Daemon.make(topics, served, PARTITIONS, SETTINGS)
    change(first, "detector", baselines="served")
    change(first, "kafka", session_timeout="6s")
    alone = await Daemon.make(topics, with_all, PARTITIONS, SETTINGS)
    alone.logs = first.logs
    change(alone, "input", topics=[first.logs])
    async with AsyncExitStack() as stack:
        made = [first, beside(first, "second"), alone]
        for daemon in made:
            stack.callback(daemon.close)
        yield made


async def send(daemon: Daemon, sessions: range) -> None:
    """Write sessions of two lines, each in the partition of its scope."""
    async with AIOKafkaProducer(bootstrap_servers=daemon.servers) as producer:
        for number in sessions:
            scope = SCOPES[number % len(SCOPES)]
            word = random.Random(number).choice(["page", "cart", "ERROR disk", "order", "price"])
            for text in (f"request for {word} of shop", f"answer in {number} ms"):
                line = {"time": 1_700_000_000 + 4 * number, "scope": scope, "key": f"k{number}", "message": text}
                where = {"key": scope.encode(), "partition": crc32(scope.encode()) % PARTITIONS}
                await producer.send(daemon.logs, json.dumps(line).encode(), **where)


async def end(daemon: Daemon) -> None:
    """Write a later line to each partition, which closes the sessions before it."""
    async with AIOKafkaProducer(bootstrap_servers=daemon.servers) as producer:
        for scope in SCOPES:
            line = {"time": 1_700_000_000 + 8 * SESSIONS, "scope": scope, "key": "last", "message": "end"}
            await producer.send(daemon.logs, json.dumps(line).encode(), partition=crc32(scope.encode()) % PARTITIONS)


async def verdicts(daemon: Daemon) -> dict[str, list[dict[str, Any]]]:
    """Return the verdicts of each scope in their order, once every session has one."""
    judged: dict[str, list[dict[str, Any]]] = {}
    for record in await daemon.published("verdicts", SESSIONS):
        verdict = json.loads(record.value or b"")
        judged.setdefault(verdict["scope"], []).append(verdict)
    return judged


async def started(daemon: Daemon, partitions: int, since: int = 0) -> list[float]:
    """Return how long partitions of the logs took to start, once so many have since the event of this number."""
    async with asyncio.timeout(60):
        while True:
            runs = [event for event in daemon.events()[since:] if event["event"] == "partition_runs"]
            running = {event["partition"]: event["seconds"] for event in runs if daemon.logs in event["partition"]}
            if len(running) == partitions:
                return list(running.values())
            await asyncio.sleep(0.1)


def scopes_of(daemon: Daemon) -> int:
    """Return of how many scopes the daemon has the baselines."""
    return int(daemon.metric("baseline_scopes"))


async def test_verdicts_are_those_of_one_replica_although_one_is_killed(replicas: list[Daemon]) -> None:
    """The second has a part of the scopes, and after a SIGKILL of the first all, within 10 s of the assignment."""
    one, two, alone = replicas
    await one.start()
    await two.start()
    await started(two, PARTITIONS // 2)
    await send(one, range(SESSIONS // 2))
    await one.published("verdicts", SESSIONS // 3)
    async with asyncio.timeout(60):
        while not (shared := scopes_of(two)):  # noqa: ASYNC110  # a test polls from outside
            await asyncio.sleep(0.2)
    so_far = len(two.events())
    await one.end(signal.SIGKILL)
    await send(one, range(SESSIONS // 2, SESSIONS))
    seconds = await started(two, PARTITIONS // 2, so_far)
    await end(one)
    await alone.start()
    expected, judged = await verdicts(alone), await verdicts(two)

    assert shared < len(SCOPES)
    assert max(seconds) < 10
    assert SESSIONS == sum(map(len, expected.values()))
    assert expected == judged
    assert 0 == two.metric("scopes_split_total")
