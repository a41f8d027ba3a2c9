"""Reloading the configuration of a running daemon: all of it or nothing, without a word that is not true."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest
import yaml
from aiokafka import AIOKafkaProducer

from daemon.adapters.systemd import Notifier
from daemon.config import Config, load_config
from daemon.errors import ConfigError, UnavailableError
from daemon.service import Service
from tests.support.brokers import Topics
from tests.support.daemons import Daemon

if TYPE_CHECKING:
    from daemon.runtime import Pipeline
    from daemon.wiring import Processors

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
async def daemon(topics: Topics, tmp_path: Path) -> AsyncIterator[Daemon]:
    running = await Daemon.make(topics, tmp_path, settings={"engine": {"type": "lite"}, "alerts": {"budget": "20/day"}})
    await running.start()
    try:
        yield running
    finally:
        running.close()


def change(daemon: Daemon, **sections: dict[str, Any]) -> None:
    """Write the configuration with some keys changed."""
    config = yaml.safe_load(daemon.config.read_text())
    for name, keys in sections.items():
        config[name] = {**config.get(name, {}), **keys}
    daemon.config.write_text(yaml.safe_dump(config))


def reload(daemon: Daemon) -> tuple[int, list[str]]:
    """POST /-/reload; return status and reasons."""
    request = urllib.request.Request(f"http://127.0.0.1:{daemon.port}/-/reload", method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, []
    except urllib.error.HTTPError as error:
        return error.code, orjson.loads(error.read())["reasons"]


async def judged(daemon: Daemon, key: str, message: str) -> dict[str, Any]:
    """Send a line; return the verdict of its session."""
    producer = AIOKafkaProducer(bootstrap_servers=daemon.servers)
    await producer.start()
    line = {"time": time.time(), "scope": "shop", "key": key, "message": message}
    await producer.send_and_wait(daemon.logs, orjson.dumps(line))
    await producer.stop()
    for enough in range(1, 100):
        verdicts = [orjson.loads(record.value) for record in await daemon.published("verdicts", enough)]
        if found := [verdict for verdict in verdicts if verdict["key"] == key]:
            assert 1 == len(found)
            return dict(found[0])
    raise AssertionError(f"no verdict of {key}")


async def test_what_can_change_is_applied_while_it_runs(daemon: Daemon) -> None:
    """The budget, redaction and the log's level change; every session before and after is judged once."""
    before = await judged(daemon, "one", "mail from ann@example.com failed")
    change(daemon, alerts={"budget": "5/day"}, input={"redact": {"emails": False}}, logging={"level": "debug"})

    assert (200, []) == await asyncio.to_thread(reload, daemon)
    after = await judged(daemon, "two", "mail from ann@example.com failed")
    (event,) = [event for event in daemon.events() if event["event"] == "reloaded"]

    assert {"input.redact.emails", "alerts.budget", "logging.level"} == set(event["changed"])
    assert 5.0 == await metric_of(daemon, 5.0)
    assert before["pattern"] != after["pattern"], "the address is a placeholder of its own no more"
    assert 200 == daemon.get("/readyz")[0]


async def test_links_and_notifications_change_without_a_restart(daemon: Daemon, tmp_path: Path) -> None:
    """Routes and links are for other processes: the daemon takes the file, names the keys and reads on."""
    secret = tmp_path / "secret"
    secret.write_text("x" * 32)
    before = await judged(daemon, "one", "disk full")
    route = {"name": "team", "type": "webhook", "url": "https://team.example.com/a", "secret_file": str(secret)}
    link = {"name": "logs", "url": "https://logs.example.com/?q={scope}"}
    change(daemon, notify={"routes": [route]}, console={"links": [link]})

    assert (200, []) == await asyncio.to_thread(reload, daemon)
    after = await judged(daemon, "two", "disk full")
    (event,) = [event for event in daemon.events() if event["event"] == "reloaded"]

    assert {"notify.routes", "console.links"} == set(event["changed"])
    assert before["pattern"] == after["pattern"]
    assert 200 == daemon.get("/readyz")[0]


async def metric_of(daemon: Daemon, value: float) -> float:
    """Return the budget in the metrics, once it is `value` or ten seconds are over."""
    for _ in range(50):
        if daemon.metric("incident_budget", '{scope="shop"}') == value:
            break
        await asyncio.sleep(0.2)
    return daemon.metric("incident_budget", '{scope="shop"}')


async def test_one_key_that_needs_a_restart_refuses_all(daemon: Daemon) -> None:
    """Nothing of the file is applied; each key that cannot change names itself and the restart that it needs."""
    await judged(daemon, "one", "something")
    assert 20.0 == await metric_of(daemon, 20.0)
    change(daemon, alerts={"budget": "5/day"}, kafka={"group_id": "other"}, sessions={"gap": "7s"})

    status, reasons = await asyncio.to_thread(reload, daemon)

    assert 400 == status
    assert [
        "kafka.group_id: changed; restart the daemon to apply it",
        "sessions.gap: changed; restart the daemon to apply it",
    ] == reasons
    await asyncio.sleep(6.0)  # the gauges are set every five seconds
    assert 20.0 == daemon.metric("incident_budget", '{scope="shop"}')
    assert 0.0 == daemon.metric("config_last_reload_successful")
    assert 200 == daemon.get("/readyz")[0]


async def test_sighup_reloads_too_and_a_broken_file_changes_nothing(daemon: Daemon) -> None:
    """A file that is not YAML is refused by its place; the daemon goes on with what it has."""
    assert daemon.process is not None
    good = daemon.config.read_text()
    daemon.config.write_text("alerts: {budget: [")
    daemon.process.send_signal(signal.SIGHUP)
    await said(daemon, "reload_refused")

    daemon.config.write_text(good)
    change(daemon, logging={"level": "warning"})
    daemon.process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(30):
        while daemon.metric("config_reloads_total", '{status="ok"}') < 1:  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.1)

    assert 1.0 == daemon.metric("config_reloads_total", '{status="refused"}')
    assert 1.0 == daemon.metric("config_last_reload_successful")


@pytest.fixture
async def starting(tmp_path: Path) -> AsyncIterator[tuple[Service, socket.socket]]:
    """A daemon that starts, whose configuration has changed since, and the socket of its service manager."""
    path = tmp_path / "config.yaml"
    path.write_text("engine: {type: lite}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        service = Service(load_config(path), path)
        service._notifier = Notifier(str(tmp_path / "notify"))
        path.write_text("engine: {type: lite}\nalerts: {budget: 0.5}")
        yield service, manager
        await service._broker.close()


async def test_a_reload_while_it_starts_is_refused_in_silence(starting: tuple[Service, socket.socket]) -> None:
    """Nothing is sent to systemd, which would take it for ready; the old configuration stays."""
    service, manager = starting

    with pytest.raises(UnavailableError, match="the daemon is starting; reload when /readyz is 200"):
        await service._reload()
    with pytest.raises(BlockingIOError):
        manager.recv(100)
    assert "20/day" == service._config.alerts.budget


class _NoPipeline:
    """Stands in for the pipeline of a daemon that is ready."""

    def renew(self) -> None:
        """Have no partitions."""


@pytest.fixture
async def ready(starting: tuple[Service, socket.socket]) -> tuple[Service, socket.socket]:
    """The same daemon as far as a reload sees it, once it is ready."""
    service, _ = starting
    service._health.phase, service._pipeline = None, cast("Pipeline", _NoPipeline())
    service._make_processors = lambda _: cast("Processors", None)
    return starting


def told(manager: socket.socket) -> list[str]:
    """Return the first word of each message to the service manager."""
    words = []
    with suppress(BlockingIOError):
        while True:
            words.append(manager.recv(1000).split(b"\n")[0].decode())
    return words


async def test_reloads_follow_one_another(ready: tuple[Service, socket.socket]) -> None:
    """SIGHUP and POST at once: the service manager is never told READY while the other one is under way."""
    service, manager = ready
    await asyncio.gather(service._reload(), service._reload(), service._reload())

    assert ["RELOADING=1", "READY=1"] * 3 == told(manager)
    assert 0.5 == service._config.alerts.budget


async def test_a_reload_while_it_stops_is_refused(
    ready: tuple[Service, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one whose file is being read when the daemon is told to stop: nothing of it is applied."""
    service, manager = ready

    def read(path: Path) -> Config:
        service._stop.set()
        return load_config(path)

    monkeypatch.setattr("daemon.service.load_config", read)
    with pytest.raises(UnavailableError, match="the daemon is draining"):
        await service._reload()
    told(manager)
    with pytest.raises(UnavailableError, match="the daemon is draining"):
        await service._reload()

    assert [] == told(manager)
    assert "20/day" == service._config.alerts.budget


async def test_a_file_that_cannot_be_read_changes_nothing(ready: tuple[Service, socket.socket]) -> None:
    """It is gone, a folder, or a pipe without a writer: refused by name, and soon."""
    service, _ = ready
    for path, why in ((service._path.parent / "gone", "No such file"), (service._path.parent, "Is a directory")):
        service._path = path
        with pytest.raises(ConfigError, match=why):
            await service._reload()
    os.mkfifo(service._path / "pipe")
    service._path /= "pipe"
    with pytest.raises(ConfigError, match="a pipe that nobody writes to"):
        await service._reload()
    assert "20/day" == service._config.alerts.budget
    assert 0.0 == service._metrics.registry.get_sample_value("strayline_config_last_reload_successful")


async def said(daemon: Daemon, name: str) -> None:
    """Wait until the daemon's log has an event."""
    async with asyncio.timeout(30):
        while not any(event["event"] == name for event in daemon.events()):  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.1)
