"""SIGHUP at a running console, and at `serve`: what they apply, and what needs a restart."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from pathlib import Path

import aiohttp
import orjson
import pytest
import yaml

from tests.support.consoles import alert
from tests.support.daemons import STRAYLINE

pytestmark = pytest.mark.timeout(240)


def write(config: Path, link: str, **settings: object) -> None:
    links = [{"name": link, "url": f"https://{link}.example/{{scope}}"}]
    config.write_text(yaml.safe_dump({"console": {"links": links, **settings}}))


async def line_with(stream: asyncio.StreamReader, what: str) -> str:
    """Return the next line of the log with `what`."""
    while line := (await stream.readline()).decode():
        if what in line:
            return line
    raise AssertionError(f"the log ended without {what}")


async def test_a_running_console_takes_changed_links(tmp_path: Path) -> None:
    """Links change without a restart; a change that needs one is named, and then nothing of the file is applied."""
    config = tmp_path / "config.yaml"
    (tmp_path / "alerts.jsonl").write_bytes(orjson.dumps(alert()) + b"\n")
    write(config, "before")
    command = [*STRAYLINE, "console", "--config", str(config), "--folder", str(tmp_path), "--port", "0"]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(120), aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
            url = (await process.stdout.readline()).decode().removeprefix("console on ").strip()
            write(config, "after")
            process.send_signal(signal.SIGHUP)
            applied = await line_with(process.stderr, "reloaded")
            async with client.get(f"{url}incidents/incident-1") as answer:
                page = await answer.text()
            write(config, "later", path="/elsewhere")
            process.send_signal(signal.SIGHUP)
            refused = await line_with(process.stderr, "reload_refused")
            async with client.get(f"{url}incidents/incident-1") as answer:
                afterwards = await answer.text()
    finally:
        process.terminate()
        await process.communicate()

    assert "console.links" in applied
    assert ["https://after.example/payments" in text for text in (page, afterwards)] == [True, True]
    assert "https://before.example" not in page
    assert "console.path: changed; restart the console to apply it" in refused


async def test_a_running_serve_says_what_needs_a_restart(tmp_path: Path) -> None:
    """SIGHUP does not end it: the log's level is applied, and a change of the port is refused by its name."""
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"engine": {"type": "lite"}}))
    command = [*STRAYLINE, "serve", "--config", str(config), "--port", "0"]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(120), aiohttp.ClientSession() as client:
            url = (await process.stdout.readline()).decode().split(" on ")[1].strip()
            config.write_text(yaml.safe_dump({"engine": {"type": "lite"}, "logging": {"level": "debug"}}))
            process.send_signal(signal.SIGHUP)
            applied = await line_with(process.stderr, "reloaded")
            config.write_text(yaml.safe_dump({"engine": {"type": "lite"}, "serve": {"max_connections": 9}}))
            process.send_signal(signal.SIGHUP)
            refused = await line_with(process.stderr, "reload_refused")
            async with client.get(f"{url.removesuffix('/v1')}/healthz") as answer:
                assert 200 == answer.status
    finally:
        process.terminate()
        await process.communicate()

    assert "logging.level" in applied
    assert "serve.max_connections: changed; restart serve to apply it" in refused
