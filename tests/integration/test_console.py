"""`strayline console` over a real Kafka: from a committed alert to a page, and from a form to the feedback topic."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import yaml
from aiokafka import AIOKafkaProducer

from daemon.adapters.kafka import KafkaSettings, read_values
from tests.support.brokers import Topics, unique
from tests.support.consoles import PATTERN, alert
from tests.support.daemons import STRAYLINE

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]


async def start(config: Path) -> tuple[asyncio.subprocess.Process, str]:
    """Start the console on a free port; return it and its address."""
    process = await asyncio.create_subprocess_exec(
        *STRAYLINE, "console", "--config", str(config), "--port", "0", "--by", "ada", stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 60)
    return process, line.decode().removeprefix("console on ").strip()


async def stop(process: asyncio.subprocess.Process) -> int:
    process.send_signal(signal.SIGTERM)
    return await asyncio.wait_for(process.wait(), 20)


async def shown(client: aiohttp.ClientSession, url: str, what: str, seconds: float = 30) -> str:
    """Return the page once it shows `what`."""
    loop = asyncio.get_running_loop()
    deadline, text = loop.time() + seconds, ""
    while loop.time() < deadline:
        async with client.get(url) as answer:
            text = await answer.text()
        if what in text:
            return text
        await asyncio.sleep(0.1)
    raise AssertionError(text)


async def test_from_a_committed_alert_to_feedback_and_over_a_restart(topics: Topics, tmp_path: Path) -> None:
    """Only committed alerts are shown; feedback arrives in its topic; a new process goes on with the same archive."""
    named = {"alerts": await topics.make("alerts", 2), "feedback": await topics.make("feedback")}
    settings: dict[str, Any] = {
        "kafka": {"bootstrap_servers": [topics.bootstrap_servers]},
        "topics": named,
        "console": {"archive": str(tmp_path / "archive.sqlite")},
    }
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(settings))
    producer = AIOKafkaProducer(bootstrap_servers=topics.bootstrap_servers, transactional_id=unique("alerts"))
    await producer.start()
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as client:
        process, url = await start(config)
        try:
            await producer.begin_transaction()
            await producer.send_and_wait(named["alerts"], orjson.dumps(alert(5, incident={"id": "aborted"})))
            await producer.abort_transaction()
            async with producer.transaction():
                for number in range(3):
                    value = orjson.dumps(alert(number))
                    await producer.send(named["alerts"], value, partition=number % 2)
            page = await shown(client, url, "3 alerts")
            assert "aborted" not in page
            form = await shown(client, f"{url}feedback?verdict=normal&alert={PATTERN}-{1:016x}", "3 alerts")
            token = re.search(r'name="csrf" value="([^"]*)"', form)
            assert token is not None
            data = {"csrf": token[1], "alert": f"{PATTERN}-{1:016x}", "verdict": "normal", "note": "a rehearsal"}
            async with client.post(f"{url}feedback", data=data) as answer:
                assert 200 == answer.status
            await shown(client, f"{url}incidents/incident-1", "a rehearsal")
            assert 0 == await stop(process)
            async with producer.transaction():
                await producer.send(named["alerts"], orjson.dumps(alert(3)))
            process, url = await start(config)
            await shown(client, url, "4 alerts")
            assert "a rehearsal" in await shown(client, f"{url}incidents/incident-1", "4 sessions")
        finally:
            if process.returncode is None:
                await stop(process)
            await producer.stop()

    kafka = KafkaSettings([topics.bootstrap_servers], "readers")
    said = [orjson.loads(value) async for value in read_values(kafka, named["feedback"])]
    assert [("normal", "ada", "payments")] == [(each["verdict"], each["by"], each["scope"]) for each in said]
