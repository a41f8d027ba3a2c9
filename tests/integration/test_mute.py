"""A mute on a real Kafka: decided once, obeyed over a crash, and what it hid is told once at its end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord

from daemon.core.incidents import TOLD
from daemon.core.messages import encode, mute_document
from daemon.core.observations import load_observations
from tests.support.brokers import Topics
from tests.support.daemons import Daemon
from tests.support.engines import stub_server

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(400)]
BEGIN = 1_780_000_000
EACH = 20
"""Seconds between the sessions of a service."""
DEADLOCK = "ERROR deadlock detected, transaction aborted"
FULL = "FATAL no space left on device"


class Written:
    """A daemon whose two services live from one second to the next, and what goes wrong in them."""

    def __init__(self, daemon: Daemon, producer: AIOKafkaProducer) -> None:
        self._daemon, self._producer = daemon, producer
        self._at = self._lines = 0

    async def live(self, until: int, wrong: Sequence[tuple[int, str, str]] = ()) -> None:
        """Write usual sessions until so many seconds after the beginning, with wrong lines (second, service, line)."""
        lines = [(at, scope, "GET /cart 200") for at in range(self._at, until, EACH) for scope in ("shop", "search")]
        for at, scope, message in sorted([*lines, *wrong]):
            line = {"time": BEGIN + at, "scope": scope, "key": f"{scope}-{at}", "message": message}
            await self._producer.send(self._daemon.logs, orjson.dumps(line))
        await self._producer.flush()
        self._at, self._lines = until, self._lines + len(lines) + len(wrong)

    async def say(self, document: Any) -> None:
        """Write a word of feedback, and wait until it is passed to what decides."""
        await self._producer.send_and_wait(self._daemon.topics["feedback"], encode(document))
        async with asyncio.timeout(120):
            while not any(load_observations(one.value).mutes for one in await self._observed()):
                pass

    async def _observed(self) -> list[ConsumerRecord]:
        return await self._daemon.published("observations", 1)

    async def told(self, enough: int) -> list[tuple[str, str, str]]:
        """Return event, service and the mute's sentence of each told incident, once there are `enough`."""
        async with asyncio.timeout(120):
            while True:
                alerts = [orjson.loads(one.value) for one in await self._daemon.published("alerts", enough)]
                told = [
                    (alert["incident"]["event"], alert["scope"], alert["incident"].get("muted", ""))
                    for alert in alerts
                    if alert["incident"]["event"] in TOLD
                ]
                if len(told) >= enough:
                    return told


async def test_a_mute_is_obeyed_over_a_crash_and_told_once_at_its_end(topics: Topics, tmp_path: Path) -> None:
    """Muted is one service and not the other; its end tells once what goes on, and a restart tells nothing again."""
    search = ("opened", "search", "")
    async with stub_server() as stub, AIOKafkaProducer(bootstrap_servers=topics.bootstrap_servers) as producer:
        engine = {"type": "openai", "model": stub.model, "url": stub.url}
        settings = {"engine": engine, "detector": {"warm_up": 50}, "alerts": {"budget": "20/day"}}
        daemon = await Daemon.make(topics, tmp_path, settings=settings)
        written = Written(daemon, producer)
        try:
            await daemon.start()
            await written.live(2000)
            await written.say(mute_document("shop", until=(BEGIN + 2600) * 1_000_000, by="ann"))
            await written.live(2200, [(2010, "shop", DEADLOCK), (2100, "search", FULL)])
            assert [search] == await written.told(1)

            await daemon.end(signal.SIGKILL)
            await daemon.start()
            await written.live(2700, [(2400, "shop", DEADLOCK), (2590, "shop", DEADLOCK)])
            shop = ("opened", "shop", "muted by ann; the only incident meanwhile")
            assert [search, shop] == await written.told(2)

            await daemon.end(signal.SIGKILL)
            await daemon.start()
            await written.live(2800, [(2750, "search", DEADLOCK)])
            assert [search, shop, search] == await written.told(3)
        finally:
            daemon.close()
