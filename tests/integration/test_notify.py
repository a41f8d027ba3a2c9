"""`strayline notify` over a real Kafka: exactly as often as keys allow, through kill -9; reload; standing by."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import yaml
from aiokafka import AIOKafkaProducer

from daemon.adapters.kafka import KafkaSettings, read_values
from tests.support.brokers import Topics, unique
from tests.support.daemons import STRAYLINE
from tests.support.notifications import alert_message
from tests.support.receivers import HttpReceiver, eventually, http_receiver

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]


class Setup:
    """A configuration on topics of its own, and the processes that use it."""

    def __init__(self, topics: Topics, folder: Path, named: dict[str, str]) -> None:
        self.topics, self.folder, self.named = topics, folder, named
        self.group = unique("notify")
        self.config = folder / "config.yaml"
        self.log = folder / "log"
        (folder / "secret").write_text("key\n")

    def write(self, *routes: dict[str, Any], **more: Any) -> None:
        settings = {
            "kafka": {"bootstrap_servers": [self.topics.bootstrap_servers], "session_timeout": "3s"},
            "topics": self.named,
            "notify": {"group_id": self.group, "port": 0, "routes": list(routes), **more},
        }
        self.config.write_text(yaml.safe_dump(settings))

    def webhook(self, receiver: HttpReceiver, name: str = "team", **more: Any) -> dict[str, Any]:
        url = f"{receiver.url}/{name}"
        return {"name": name, "type": "webhook", "url": url, "secret_file": str(self.folder / "secret"), **more}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
        """Start the process; return it and the address of its metrics once it is ready."""
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *STRAYLINE, "notify", "--config", str(self.config), stdout=subprocess.PIPE, stderr=log
            )
        try:
            assert process.stdout is not None
            line = await asyncio.wait_for(process.stdout.readline(), 60)
            url = line.decode().removeprefix("notify on ").strip().removesuffix("/metrics")
            await self.ready(url)
            yield process, url
        finally:
            if process.returncode is None:
                process.terminate()
            await asyncio.wait_for(process.wait(), 30)

    async def ready(self, url: str) -> None:
        """Return once every route follows the topic."""
        async with asyncio.timeout(60), aiohttp.ClientSession() as client:
            while (await client.get(f"{url}/readyz")).status != 200:  # noqa: ASYNC110  # another process
                await asyncio.sleep(0.1)

    async def send(self, *messages: dict[str, Any], commit: bool = True) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.topics.bootstrap_servers, transactional_id=unique("test"))
        await producer.start()
        await producer.begin_transaction()
        for message in messages:
            key = message["incident"]["services"][0].encode()
            await producer.send_and_wait(self.named["alerts"], orjson.dumps(message), key=key)
        await (producer.commit_transaction() if commit else producer.abort_transaction())
        await producer.stop()


@pytest.fixture
async def setup(topics: Topics, tmp_path: Path) -> Setup:
    named = {"alerts": await topics.make("alerts", 3), "dead_letters": await topics.make("dead")}
    return Setup(topics, tmp_path, named)


def ids(receiver: HttpReceiver) -> list[str]:
    return [post.headers["webhook-id"][-1] for post in receiver.posts]


async def test_through_kill_9_each_stage_arrives_and_keeps_its_key(setup: Setup) -> None:
    """Killed between delivery and commit, it sends that one message again, with the same key; nothing is lost."""
    async with http_receiver() as receiver:
        setup.write(setup.webhook(receiver))
        async with setup.running() as (process, _):
            await setup.send(alert_message("opened", 9, incident="aborted"), commit=False)
            await setup.send(alert_message("opened", 1))
            await receiver.got(1)
            receiver.hold.clear()
            await setup.send(alert_message("escalated", 2, severity="critical", services=["payments", "shop"]))
            await receiver.got(2)
            process.kill()  # it has the message, and no answer yet
            await process.wait()
        receiver.hold.set()
        await setup.send(alert_message("resolved", 3, severity="critical", services=["shop", "payments"]))
        async with setup.running() as (_, url), aiohttp.ClientSession() as client:
            await receiver.got(4)
            async with client.get(f"{url}/metrics") as answer:
                text = await answer.text()

    assert ["1", "2", "2", "3"] == ids(receiver)
    assert {"opened", "escalated", "resolved"} == {post.body["data"]["stage"] for post in receiver.posts}
    assert 'strayline_notify_sent_total{route="team",stage="escalated"} 1.0' in text
    assert "key" not in {word.strip('"{},:') for word in setup.log.read_text().split()}


async def test_a_reload_adds_a_route_which_begins_then(setup: Setup) -> None:
    """SIGHUP applies the file; a bad one is refused and changes nothing; refused messages are dead letters."""
    async with http_receiver() as receiver:
        setup.write(setup.webhook(receiver))
        async with setup.running() as (process, url), aiohttp.ClientSession() as client:
            await setup.send(alert_message("opened", 1))
            await receiver.got(1)
            setup.config.write_text("notify: {routes: [{name: x, type: fax}]}")
            async with client.post(f"{url}/-/reload") as answer:
                assert 400 == answer.status
            setup.write(setup.webhook(receiver), max_connections=9)
            async with client.post(f"{url}/-/reload") as answer:
                reasons = (await answer.json())["reasons"]
            assert ["notify.max_connections: changed; restart notify to apply it"] == reasons
            setup.write(setup.webhook(receiver), setup.webhook(receiver, "critical", severity="critical"))
            process.send_signal(signal.SIGHUP)
            await eventually(lambda: "route_started" in setup.log.read_text().rpartition("reload_refused")[2])
            await setup.ready(url)
            receiver.answers = [400]
            await setup.send(alert_message("escalated", 2, severity="critical"))
            await receiver.got(3)
            await setup.send(alert_message("resolved", 3, severity="critical"))
            await receiver.got(5)

    paths = [post.path for post in receiver.posts]
    assert ("/team", {"/team", "/critical"}, {"/team", "/critical"}) == (paths[0], set(paths[1:3]), set(paths[3:]))
    kafka = KafkaSettings([setup.topics.bootstrap_servers], "test")
    letters = [orjson.loads(value) async for value in read_values(kafka, setup.named["dead_letters"])]
    assert [alert_message("escalated", 2, severity="critical")] == letters


async def test_of_two_processes_one_tells_and_the_other_takes_over(setup: Setup) -> None:
    """Nothing is told twice while both run; when the one that tells is killed, the other one goes on."""
    async with http_receiver() as receiver:
        setup.write(setup.webhook(receiver))
        async with setup.running() as (first, _), setup.running() as (second, _):
            await setup.send(*(alert_message("opened", 1, incident=f"i{n}", services=[f"s{n}"]) for n in range(6)))
            await receiver.got(6)
            first.kill()
            await first.wait()
            await setup.send(alert_message("resolved", 2, incident="i0", services=["s0"]))
            await receiver.got(7)
            assert second.returncode is None
    incidents = [post.body["data"]["alert"]["incident"]["id"] for post in receiver.posts]
    assert [*sorted(incidents[:6]), "i0"] == [*(f"i{n}" for n in range(6)), "i0"]
