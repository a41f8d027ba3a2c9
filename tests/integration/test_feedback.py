"""What a person says of a pattern, from the command line to every replica and back: two daemons on a real Kafka."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from tests.support.brokers import Topics
from tests.support.daemons import STRAYLINE, Daemon
from tests.support.engines import stub_server

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]
BEGIN = 1_780_000_000
PARTITIONS = (0, 1)
USUAL = 150
ODD = ("GET /cart", "ERROR deadlock detected, transaction aborted")
RELATED = ("GET /cart", "ERROR deadlock detected, transaction aborted", "ERROR deadlock detected, transaction aborted")
OTHER = ("GET /cart", "FATAL kernel panic, cannot write to disk")


class Replicas:
    """Two daemons of one group, one partition each, and what goes in and out."""

    def __init__(self, daemons: list[Daemon], producer: AIOKafkaProducer) -> None:
        self.daemons = daemons
        self._producer = producer
        self._sessions = 0

    async def feed(self, *messages: str, times: int = 1) -> list[dict[str, Any]]:
        """Send a session of these lines to each partition, some times; return the verdicts on them."""
        sent = set()
        for _ in range(times):
            self._sessions += 1
            for partition in PARTITIONS:
                key = f"r{self._sessions}-{partition}"
                sent.add(key)
                for at, message in enumerate(messages):
                    line = {"time": BEGIN + 40 * self._sessions + at, "scope": "shop", "key": key, "message": message}
                    await self._producer.send(self.daemons[0].logs, orjson.dumps(line), partition=partition)
        await self._producer.flush()
        return await self._verdicts(sent)

    async def _verdicts(self, keys: set[str]) -> list[dict[str, Any]]:
        async with asyncio.timeout(60):
            while True:
                records = await self.daemons[0].published("verdicts", 2 * self._sessions, seconds=5)
                found = [
                    document
                    for document in (orjson.loads(record.value) for record in records)
                    if document["key"] in keys
                ]
                if len(found) == len(keys):
                    return found

    async def alarms(self, *messages: str) -> list[bool]:
        """Send one such session to each replica; return, by partition, whether it is anomalous."""
        found = await self.feed(*messages)
        return [
            document["anomalous"]
            for document in sorted(found, key=lambda document: int(document["source"]["partition"]))
        ]

    async def typed(self, *words: str) -> str:
        """Type a command, see it succeed, and return what it printed."""
        command = [*STRAYLINE, *words, "--config", str(self.daemons[0].config)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
        assert 0 == done.returncode, done.stderr
        return done.stdout

    async def listed(self, holds: Callable[[str], bool]) -> str:
        """Return the list of labels once it holds: a word is taken in with the next transaction."""
        async with asyncio.timeout(20):
            while not holds(shown := await self.typed("label", "--list")):
                pass
        return shown


@pytest.fixture
async def replicas(topics: Topics, tmp_path: Path) -> AsyncIterator[Replicas]:
    async with stub_server() as stub:
        settings = {
            "engine": {"type": "openai", "model": stub.model, "url": stub.url},
            "detector": {"warm_up": 200},
            "alerts": {"budget": 0.1},
        }
        first = await Daemon.make(topics, tmp_path, partitions=len(PARTITIONS), settings=settings)
        (tmp_path / "second").mkdir()
        second = Daemon(tmp_path / "second", first.servers, first.logs, first.topics, first.config)
        producer = AIOKafkaProducer(bootstrap_servers=topics.bootstrap_servers)
        await producer.start()
        try:
            await asyncio.gather(first.start(), second.start())
            yield Replicas([first, second], producer)
        finally:
            await producer.stop()
            for daemon in (first, second):
                daemon.close()


async def test_a_word_of_feedback_reaches_every_replica_and_stays(replicas: Replicas) -> None:
    """Normal silences a pattern and its relatives on both, outlives a crash, is listed with its note, is undone."""
    await replicas.feed("GET /cart", "200 OK", times=USUAL)
    first = await replicas.feed(*ODD)
    assert [True, True] == [document["anomalous"] for document in first]
    alert = first[0]["id"]

    said = await replicas.typed("label", alert[:12], "normal", "--by", "ann", "--note", "nightly batch, INC-7")
    assert f"sent: {alert[:16]} of shop is normal" in said
    shown = await replicas.listed(lambda text: alert[:16] in text)
    assert "ann" in shown
    assert "nightly batch, INC-7" in shown
    assert [False, False] == await replicas.alarms(*ODD)
    assert [False, False] == await replicas.alarms(*RELATED)

    await asyncio.gather(*(daemon.end(signal.SIGKILL) for daemon in replicas.daemons))
    await asyncio.gather(*(daemon.start() for daemon in replicas.daemons))
    assert [False, False] == await replicas.alarms(*ODD)
    assert alert[:16] in await replicas.typed("label", "--list")

    await replicas.typed("label", alert[:12], "forget")
    await replicas.listed(lambda text: alert[:16] not in text)


async def test_what_is_confirmed_anomalous_alarms_for_ever(replicas: Replicas) -> None:
    """A pattern that a person called anomalous alarms however often it comes, on both replicas."""
    await replicas.feed("GET /cart", "200 OK", times=USUAL)
    alert = (await replicas.feed(*OTHER))[0]["id"]
    await replicas.typed("label", alert[:12], "anomalous")
    await replicas.listed(lambda text: alert[:16] in text)

    again = await replicas.feed(*OTHER, times=100)

    assert {(True, alert[:16])} == {(document["anomalous"], document["pattern"]) for document in again}
