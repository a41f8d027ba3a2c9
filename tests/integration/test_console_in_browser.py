"""The demo's traffic through daemon and console of the wheel on a real Kafka, seen and judged in a browser."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from playwright.async_api import expect

from benchmarks.quiet.recordings import recording
from benchmarks.quiet.streams import as_json
from tests.console.test_browser import CHROMIUM, browser
from tests.support.brokers import Topics
from tests.support.daemons import STRAYLINE, Daemon

SCOPE, FAULT, FAULT_S = "postgres", "password authentication failed", 40.0
"""The recording's first fault, and seconds from the end of the quiet part until it has been seen."""
pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def from_wheel(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let new processes take the daemon from its wheel, and from nowhere else."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "wheel")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "wheel"))
    monkeypatch.chdir(tmp_path)
    program = [sys.executable, "-c", "import daemon; print(daemon.__file__)"]
    taken = subprocess.run(program, check=True, capture_output=True, text=True).stdout
    assert f"{tmp_path}/wheel/daemon/__init__.py" == taken.strip()


@pytest.fixture
async def daemon(from_wheel: None, topics: Topics, tmp_path: Path) -> AsyncIterator[Daemon]:
    del from_wheel  # it only has to be there first
    settings = {"engine": {"type": "lite"}, "detector": {"warm_up": 300}, "alerts": {"budget": "20/day"}}
    settings["console"] = {"archive": str(tmp_path / "archive.sqlite")}
    made = await Daemon.make(topics, tmp_path, settings=settings)
    try:
        await made.start()
        yield made
        assert 0 == await made.end()
    finally:
        made.close()


@pytest.fixture
async def console(daemon: Daemon) -> AsyncIterator[str]:
    """Run `strayline console`; yield its address."""
    process = await asyncio.create_subprocess_exec(
        *STRAYLINE, "console", "--config", str(daemon.config), "--port", "0", "--by", "ada", stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().removeprefix("console on ").strip()
        process.send_signal(signal.SIGTERM)
        assert 0 == await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def feed(daemon: Daemon) -> None:
    """Write the lines of one service up to its first fault, as of now."""
    recorded = recording()
    until = recorded.quiet_span + FAULT_S
    moved = time.time() - until
    async with AIOKafkaProducer(bootstrap_servers=daemon.servers, linger_ms=5) as producer:
        for row in recorded.rows:
            if row.scope == SCOPE and row.at < until:
                at = moved + row.at
                await producer.send(daemon.logs, as_json(at, row), row.key.encode(), timestamp_ms=round(1000 * at))
        await producer.flush()


async def test_a_fault_is_told_looked_at_and_judged(daemon: Daemon, console: str) -> None:
    """An open page tells of the fault by itself; two clicks lead to its lines, two more to a label in the topic."""
    async with browser() as chromium:
        page = await chromium.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(console)
        await page.wait_for_load_state()
        await feed(daemon)
        await expect(page.locator("#news")).to_contain_text("new or changed", timeout=120_000)
        await page.click("#news a")
        await page.locator(".summary", has_text=FAULT).first.click()
        await expect(page.locator("main")).to_contain_text(FAULT)
        await page.locator("text=This is normal").first.click()
        await expect(page.locator(".preview")).to_contain_text("incident")
        await page.fill("[name=note]", "a rehearsal")
        await page.keyboard.press("Enter")
        await expect(page.locator(".sent")).to_contain_text("Sent")

    said = [orjson.loads(record.value) for record in await daemon.published("feedback", 1)]
    assert [("normal", "ada", SCOPE)] == [(each["verdict"], each["by"], each["scope"]) for each in said]
    assert [] == problems
