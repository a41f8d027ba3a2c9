"""run, console and notify of the wheel in read-only containers of their own, as nobody special, over a real Kafka."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import signal
import subprocess
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import yaml
from aiokafka import AIOKafkaProducer

from tests.support.brokers import Topics, unique
from tests.support.consoles import until_shown
from tests.support.containers import COMPOSE, DEPLOY, can_contain, container, inner_process, writable
from tests.support.daemons import LARGE, ROLES
from tests.support.receivers import http_receiver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
SERVICES = ("strayline", "console", "notify")
BEGIN = 1_780_000_000
PROBE = """
import os
from pathlib import Path
import daemon

def refused(place):
    try:
        Path(place, "probe").touch()
    except OSError:
        return True
    return False

status = dict(line.split(":\\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\\t" in line)
print({
    "user": (os.getuid(), os.getgid()),
    "capabilities": int(status["CapEff"], 16),
    "from": daemon.__file__,
    "refused": [place for place in PLACES if refused(place)],
})
"""
CLOSED = [
    "/",
    "/etc",
    "/etc/strayline",
    "/opt/wheel",
    "/opt/wheel/daemon",
    "/usr",
    "/usr/lib",
    "/var",
    "/var/lib",
    "/home",
]
OPEN = ["/tmp", "/var/lib/strayline", "/var/cache/strayline"]


@pytest.fixture
def unpacked(wheel: Path, tmp_path: Path) -> Path:
    """The wheel as pip would install it."""
    if not can_contain():
        pytest.skip("no bubblewrap that may make a root of its own")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "wheel")
    return tmp_path / "wheel"


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_may_write_to_its_mounts_alone(service: str, unpacked: Path, tmp_path: Path) -> None:
    """The user is the image's, without capabilities, and all that the service does not mount is read-only."""
    (tmp_path / "config.yaml").touch()
    program = f"PLACES = {CLOSED + OPEN}\n{PROBE}"
    line = container(service, unpacked, {"/etc/strayline/config.yaml": tmp_path / "config.yaml"}, ["-c", program])
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    expected = {
        "user": (10001, 10001),
        "capabilities": 0,
        "from": "/opt/wheel/daemon/__init__.py",
        "refused": [place for place in [*CLOSED, *OPEN] if place not in writable(service)],
    }
    assert expected == ast.literal_eval(done.stdout)


@dataclass(frozen=True, slots=True)
class Contained:
    """A service that runs in its container, and the file that it writes to."""

    process: asyncio.subprocess.Process
    log: Path

    async def said(self, pattern: str) -> str:
        """Return the first group of `pattern` once the service has written it."""
        async with asyncio.timeout(200):
            while (match := re.search(pattern, self.log.read_text())) is None:
                assert self.process.returncode is None, self.log.read_text()[-3000:]
                await asyncio.sleep(0.1)
        return match[1]


class Trial:
    """The trial's configuration and its containers, on topics of the test's own."""

    def __init__(self, folder: Path, unpacked: Path, servers: str, logs: str, named: dict[str, str]) -> None:
        self._folder, self._unpacked = folder, unpacked
        settings: dict[str, Any] = yaml.safe_load((DEPLOY / "compose/strayline.yaml").read_text())
        settings["kafka"] = {"bootstrap_servers": [servers], "group_id": unique("group"), "commit_interval": "100ms"}
        settings |= {"input": {"topics": [logs]}, "topics": named, "engine": {"type": "lite"}}
        settings["sessions"] = {"idle_flush": "1s"}
        settings["detector"] = {"warm_up": 50}
        settings["http"] = {"port": 0}
        settings["console"] |= {"host": "127.0.0.1", "port": 0, "documents": "/var/lib/strayline/bases"}
        settings["console"]["archive"] = "/var/lib/strayline/archive.sqlite"
        settings["logging"] = {"format": "json"}
        self.settings = settings

    def notify(self, url: str) -> None:
        """Let notify tell a webhook."""
        route = {"name": "team", "type": "webhook", "url": url, "secret_file": "/etc/strayline/secret"}
        self.settings["notify"] = {"group_id": unique("notify"), "host": "127.0.0.1", "port": 0, "routes": [route]}

    @asynccontextmanager
    async def running(self, service: str) -> AsyncIterator[Contained]:
        """Run a service by the trial's own command; at the end it drains, and its exit code is 0."""
        config, secret, log = (self._folder / name for name in ("config.yaml", "secret", f"{service}.log"))
        config.write_text(yaml.safe_dump(self.settings))
        secret.write_text("key\n")
        place = "/etc/strayline"
        files = {f"{place}/config.yaml": config, f"{place}/secret": secret}
        files[f"{place}/users.yaml"] = DEPLOY / "compose/users.yaml"
        arguments = COMPOSE["services"][service].get("command", ["run", f"--config={place}/config.yaml"])
        line = container(service, self._unpacked, files, ["-m", "daemon.cli", *arguments])
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(*line, stdout=output, stderr=output)
        try:
            yield Contained(process, log)
            os.kill(inner_process(process.pid), signal.SIGTERM)
            assert 0 == await asyncio.wait_for(process.wait(), 90), log.read_text()[-3000:]
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@pytest.fixture
async def trial(topics: Topics, unpacked: Path, tmp_path: Path) -> Trial:
    named = {role: await topics.make(role.replace("_", "-"), 1, LARGE) for role in ROLES}
    return Trial(tmp_path, unpacked, topics.bootstrap_servers, await topics.make("logs"), named)


async def feed(trial: Trial) -> None:
    """Write usual sessions of a service, and then a failure that nobody has seen."""
    messages = [(f"usual-{at}", 20 * at, "GET /cart 200") for at in range(120)]
    messages.append(("odd", 20 * 120, "FATAL no space left on device"))
    (servers,), (logs,) = trial.settings["kafka"]["bootstrap_servers"], trial.settings["input"]["topics"]
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        for key, at, message in messages:
            line = {"time": BEGIN + at, "scope": "shop", "key": key, "message": message}
            await producer.send(logs, orjson.dumps(line))
        await producer.flush()


async def ready(client: aiohttp.ClientSession, url: str) -> None:
    """Return once the service is ready."""
    async with asyncio.timeout(200):
        while (await client.get(f"{url}/readyz")).status != 200:  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.1)


async def test_from_a_line_to_a_page_and_a_message(trial: Trial) -> None:
    """In read-only containers the daemon tells of a fault, the console shows it to who logs in, and notify sends it."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with http_receiver() as receiver, aiohttp.ClientSession(cookie_jar=jar) as client:
        trial.notify(receiver.url)
        async with (
            trial.running("strayline") as run,
            trial.running("console") as pages,
            trial.running("notify") as notify,
        ):
            url = await pages.said(r"console on (\S+)")
            await ready(client, await notify.said(r"notify on (\S+)/metrics"))
            port = await run.said(r'(\{.*"http_listens".*\})')
            await ready(client, f"http://127.0.0.1:{orjson.loads(port)['port']}")
            await client.post(f"{url}login", data={"name": "operator", "password": "strayline"})
            await feed(trial)
            (post,) = await receiver.got(1, 200)
            assert "no space left on device" in post.raw.decode()
            assert "operator (operator)" in await until_shown(client, url, "no space left on device")
            assert "Nothing yet" in await (await client.get(f"{url}documents")).text()
