"""Keys scattered over input partitions, a real Kafka, a daemon that is killed: whole sessions, exactly once."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from tests.support.audit import Place, audit, places_of
from tests.support.brokers import Topics
from tests.support.daemons import Daemon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PARTITIONS = 4
LINES = 8
"""Lines of a session."""
BEGIN = 1_780_000_000


@pytest.fixture
async def daemon(topics: Topics, tmp_path: Path) -> AsyncIterator[Daemon]:
    settings = {"engine": {"type": "lite"}}
    running = await Daemon.make(topics, tmp_path, PARTITIONS, settings, repartition=True)
    try:
        yield running
    finally:
        running.close()


async def send(daemon: Daemon, sessions: range) -> list[Place]:
    """Write whole sessions, five at a time, each line to any partition; return the places of the lines."""
    rng = random.Random(sessions.start)
    async with AIOKafkaProducer(bootstrap_servers=daemon.servers) as producer:
        sent = []
        for number in sessions:
            for line in range(LINES):
                time = BEGIN + number // 5 * 12 + line + number % 5 / 10
                message = f"step {'abcdefgh'[line]} of request done"
                value = {"time": time, "scope": "shop", "key": f"request {number}", "message": message}
                where = {"partition": rng.randrange(PARTITIONS)}
                sent.append(await producer.send(daemon.logs, orjson.dumps(value), key=b"host", **where))
            await asyncio.sleep(0.005)
        records = [await one for one in sent]
    return [(record.topic, record.partition, record.offset, 0) for record in records]


async def test_scattered_sessions_are_whole_and_judged_once_although_the_daemon_is_killed(daemon: Daemon) -> None:
    """Killed twice between and during transactions of both hops: nothing lost, nothing twice, no session cut."""
    await daemon.start()
    expected = await send(daemon, range(100))
    for begin in (100, 200):
        sending = asyncio.create_task(send(daemon, range(begin, begin + 100)))
        await asyncio.sleep(0.4)
        await daemon.end(signal.SIGKILL)
        await daemon.start()
        expected += await sending
    bad = await send_bad(daemon)
    verdicts = [record.value for record in await daemon.published("verdicts", 300)]
    letters = [dict(record.headers) for record in await daemon.published("dead_letters", 1)]

    outcome = audit([*expected, bad], verdicts, (), letters)
    assert ([], [], []) == (outcome.lost, outcome.duplicated, outcome.ids_duplicated)
    judged = [orjson.loads(value) for value in verdicts]
    assert {LINES: 300} == Counter(verdict["lines"] for verdict in judged)
    assert 290 < sum(len({place[1] for place in places_of(verdict)}) > 1 for verdict in judged)


async def send_bad(daemon: Daemon) -> Place:
    """Write a record that cannot be read; return its place."""
    async with AIOKafkaProducer(bootstrap_servers=daemon.servers) as producer:
        record = await producer.send_and_wait(daemon.logs, b"{no json", partition=2)
    return record.topic, record.partition, record.offset, 0
