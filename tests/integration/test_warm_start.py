"""A backtest is a warm start of a real daemon: for incidents too, once, and for one that runs already."""

from __future__ import annotations

import asyncio
import json
import time
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from daemon.core.incidents import TOLD
from tests.support.brokers import Topics
from tests.support.daemons import STRAYLINE, Daemon

pytestmark = pytest.mark.timeout(400)
DAYS = 4
USUAL = ("GET /cart/{n} from 10.0.0.{n}", "query took {n} ms", "200 OK in {n} ms")
DAILY, FATAL = "ERROR nightly copy has failed: volume busy", "FATAL store: no space is left on the device"
SETTINGS = {"engine": {"type": "lite"}, "detector": {"warm_up": 200}, "alerts": {"budget": "20/day"}}


def record(at: float, key: str, message: str) -> str:
    return json.dumps({"time": at, "scope": "shop", "key": key, "message": message})


def session(at: float, key: str) -> list[str]:
    return [record(at + n, key, text.format(n=int(at) % 90)) for n, text in enumerate(USUAL)]


def history(until: float) -> list[str]:
    """Days of a service in which one error comes once a day; they end a minute before `until`."""
    lines: list[str] = []
    for n in range(DAYS * 288):
        at = until - 60 - 300.0 * (DAYS * 288 - n)
        lines += session(at, f"h{n}")
        if n % 288 == 144:
            lines.append(record(at + 3, f"h{n}", DAILY))
    return lines


@pytest.fixture
async def daemon(topics: Topics, tmp_path: Path) -> AsyncIterator[Daemon]:
    made = await Daemon.make(topics, tmp_path, partitions=2, settings=SETTINGS)
    yield made
    made.close()


async def typed(daemon: Daemon, *words: str) -> str:
    """Run a verb as typed; return what it prints."""
    command = [*STRAYLINE, *words, "--config", str(daemon.config)]
    verb = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)
    said = (await verb.communicate())[0].decode()
    assert 0 == verb.returncode, said
    return said


async def send(daemon: Daemon, messages: dict[str, str]) -> None:
    """Write a few usual sessions, and then one session with each message."""
    async with AIOKafkaProducer(bootstrap_servers=daemon.servers) as producer:
        for n in range(4):
            for line in session(time.time(), f"live{n}"):
                await producer.send(daemon.logs, line.encode(), key=f"live{n}".encode())
        for key, message in messages.items():
            value = record(time.time(), key, message).encode()
            await producer.send_and_wait(daemon.logs, value, key=key.encode())


async def told(daemon: Daemon) -> list[str]:
    """Wait for the first message, and return the headlines of what was told."""
    alerts = [orjson.loads(record.value) for record in await daemon.published("alerts", 1, seconds=30)]
    return [alert["incident"]["causes"][0]["text"] for alert in alerts if alert["incident"]["event"] in TOLD]


async def test_a_backtest_warms_up_the_incidents(daemon: Daemon, tmp_path: Path) -> None:
    """After an import a never-seen failure is told at once, and one that came every day is not, though twice imported.

    What the daemon exports is what was imported: nothing was added by the second import.
    """
    log, out, saved = tmp_path / "shop.jsonl", tmp_path / "out", tmp_path / "saved.jsonl"
    log.write_text("".join(f"{line}\n" for line in history(time.time())))
    await typed(daemon, "backtest", "--out", str(out), str(log))
    assert "4 causes of lines" in await typed(daemon, "baseline", "import", str(out))
    await daemon.start()
    await typed(daemon, "baseline", "import", str(out))
    await send(daemon, {"daily": DAILY, "fatal": FATAL})

    assert [FATAL] == await told(daemon)
    assert 0 == await daemon.end()
    await typed(daemon, "baseline", "export", str(saved))
    pieces = [json.loads(line) for line in saved.read_text().splitlines() if line.startswith("[")]
    (scope,) = (document for name, document in pieces if name[0] == "s")
    assert DAYS * 288 <= scope["sessions"] <= DAYS * 288 + 6
    assert 5 == sum(name[0] == "c" for name, _ in pieces)


async def test_a_daemon_that_runs_takes_a_history_in(daemon: Daemon, tmp_path: Path) -> None:
    """A cold daemon tells nothing of a failure; after an import it tells the next one, without a restart."""
    log, out = tmp_path / "shop.jsonl", tmp_path / "out"
    log.write_text("".join(f"{line}\n" for line in history(time.time())))
    await typed(daemon, "backtest", "--out", str(out), str(log))
    await daemon.start()
    await send(daemon, {"early": "FATAL the configuration of the mailer is gone"})
    await daemon.published("observations", 1, seconds=30)
    await typed(daemon, "baseline", "import", str(out))
    await send(daemon, {"fatal": FATAL})

    assert [FATAL] == await told(daemon)
