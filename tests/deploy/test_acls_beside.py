"""The rights in deploy/acls.py of the programs beside the daemon, on a broker that refuses everything else."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from daemon.config.loading import load_config
from daemon.core.observations import dump_observations
from demo.broker import Cluster
from deploy.acls import console_acls, notify_acls
from tests.deploy.tools import ROOT
from tests.support.consoles import PATTERN, alert, field, until_shown
from tests.support.daemons import STRAYLINE
from tests.support.guarded import allow, login, take_away
from tests.support.notifications import alert_message
from tests.support.receivers import http_receiver
from tests.support.recordings import FAULTS, observed

CONFIG = """
kafka:
  bootstrap_servers: ["{servers}"]
  security: {{protocol: SASL_PLAINTEXT, mechanism: PLAIN, username: {user}, password: sham}}
detector: {{warm_up: 20}}
notify:
  port: 0
  routes: [{{name: team, type: webhook, url: "{url}", secret_file: "{secret}"}}]
"""
TOPICS = ("alerts", "feedback", "baseline", "observations", "dead-letters")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def configured(folder: Path, guarded: Cluster, user: str, url: str = "http://127.0.0.1:9/") -> Path:
    """Return a configuration file with which `user` logs in."""
    (folder / "secret").write_text("key\n")
    path = folder / f"{user}.yaml"
    servers = guarded.bootstrap_servers
    path.write_text(CONFIG.format(servers=servers, user=user, url=url, secret=folder / "secret"))
    return path


async def make_topics(admin: AIOKafkaAdminClient) -> None:
    """Make those topics that are not there yet."""
    known = set(await admin.list_topics())
    names = [name for name in (f"strayline.{role}" for role in TOPICS) if name not in known]
    await admin.create_topics([NewTopic(name, 1, 1) for name in names])


async def send(servers: str, topic: str, *values: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=servers, **login("admin")) as producer:
        for value in values:
            await producer.send_and_wait(topic, value, key=b"payments")


@asynccontextmanager
async def started(verb: str, path: Path, *arguments: str) -> AsyncIterator[str]:
    """Start a program; yield the address that it prints."""
    process = await asyncio.create_subprocess_exec(
        *STRAYLINE,
        verb,
        "--config",
        str(path),
        "--port=0",
        *arguments,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 120)
        address = re.search(r"http://\S+", line.decode())
        assert address is not None, line
        yield address[0]
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 60)


async def test_the_console_works_with_its_rights_and_no_others(
    guarded: Cluster, admin: AIOKafkaAdminClient, tmp_path: Path
) -> None:
    """Without rights its pages say so; with them it shows and takes feedback, and replays with a right of its own."""
    servers, path = guarded.bootstrap_servers, configured(tmp_path, guarded, "console")
    rights = console_acls(load_config(path, {}))
    observations = [right for right in rights if right.name == "strayline.observations"]
    await make_topics(admin)
    await send(servers, "strayline.alerts", orjson.dumps(alert(0)))
    await send(servers, "strayline.observations", *map(dump_observations, observed(FAULTS)))
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client,
        started("console", path, "--by=ada") as url,
    ):
        await until_shown(client, url, "not connected")
        await allow(admin, "console", rights)
        await take_away(admin, "console", observations)
        await until_shown(client, url, "1 open incident")
        assert "strayline.observations" in await until_shown(client, f"{url}replay", 'role="alert"')
        await allow(admin, "console", observations)
        await until_shown(client, f"{url}replay", "<strong>4 incidents</strong> told as it is")
        form = await until_shown(
            client, f"{url}feedback?verdict=normal&alert={PATTERN}-{0:016x}", "would have silenced"
        )
        data = {"csrf": field(form, "csrf"), "alert": f"{PATTERN}-{0:016x}", "verdict": "normal"}
        async with client.post(f"{url}feedback", data=data) as answer:
            assert 200 == answer.status
        await until_shown(client, f"{url}incidents/incident-1", "by ada")
    consumer = AIOKafkaConsumer(
        "strayline.feedback", bootstrap_servers=servers, auto_offset_reset="earliest", **login("admin")
    )
    async with consumer, asyncio.timeout(60):
        assert "ada" == orjson.loads((await consumer.getone()).value)["by"]


async def test_notify_works_with_its_rights_and_no_others(
    guarded: Cluster, admin: AIOKafkaAdminClient, tmp_path: Path
) -> None:
    """It reads the alerts in its own groups and tells its receiver."""
    async with http_receiver() as receiver:
        path = configured(tmp_path, guarded, "notify", f"{receiver.url}/team")
        await make_topics(admin)
        await allow(admin, "notify", notify_acls(load_config(path, {})))
        async with started("notify", path) as url, aiohttp.ClientSession() as client:
            ready = url.removesuffix("/metrics") + "/readyz"
            async with asyncio.timeout(60):
                while (await client.get(ready)).status != 200:  # noqa: ASYNC110  # another process
                    await asyncio.sleep(0.1)
            await send(guarded.bootstrap_servers, "strayline.alerts", orjson.dumps(alert_message("opened", 7)))
            posts = await receiver.got(1, 60)

    assert ["opened"] == [post.body["data"]["stage"] for post in posts]
