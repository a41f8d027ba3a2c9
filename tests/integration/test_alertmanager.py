"""A route to a real Alertmanager: opened, graver, forgotten and renewed, over; and what Alertmanager tells of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from prometheus_client import CollectorRegistry

from daemon.core.types import OutRecord
from daemon.notify import NotifyMetrics, Routes, RouteSettings
from daemon.notify.receivers import Alertmanager
from tests.deploy.tools import tool
from tests.support.notifications import FakeGroup, alert_message
from tests.support.receivers import HttpReceiver, http_receiver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class RealAlertmanager:
    """An Alertmanager on loopback that tells a receiver at once."""

    def __init__(self, folder: Path, receiver: HttpReceiver) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        route = {"receiver": "r", "group_by": ["incident"], "group_wait": "0s", "group_interval": "1s"}
        hook = {"url": receiver.url, "send_resolved": True}
        config = {"route": route, "receivers": [{"name": "r", "webhook_configs": [hook]}]}
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        words = [
            f"--config.file={self._folder / 'alertmanager.yml'}",
            f"--storage.path={self._folder}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
            "--cluster.listen-address=",
        ]
        with (self._folder / "log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                tool("alertmanager", "check-notify"), *words, stdout=log, stderr=log
            )
        try:
            async with asyncio.timeout(60):
                while await self._get("/-/ready") is None:  # noqa: ASYNC110  # another process
                    await asyncio.sleep(0.1)
            yield
        finally:
            process.terminate()
            await process.wait()

    async def firing(self, *severities: str) -> list[dict[str, Any]]:
        """Return the alerts that fire once they are of these severities."""
        alerts: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(30):
                while True:
                    alerts = await self._get("/api/v2/alerts") or []
                    if sorted(severities) == sorted(alert["labels"]["severity"] for alert in alerts):
                        return alerts
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(alerts) from None

    async def _get(self, path: str) -> Any:
        try:
            async with aiohttp.ClientSession() as client, client.get(self.url + path) as answer:
                return await answer.json() if path.startswith("/api") else await answer.text()
        except aiohttp.ClientError:
            return None


async def buried(record: OutRecord) -> None:
    raise AssertionError(record)


async def test_an_incident_lives_and_ends_in_a_real_alertmanager(tmp_path: Path) -> None:
    """It fires with its severity only, comes back after Alertmanager has forgotten it, and ends."""
    group = FakeGroup()
    async with http_receiver() as receiver:
        server = RealAlertmanager(tmp_path, receiver)
        routes = Routes(group.open, buried, NotifyMetrics(CollectorRegistry()))
        try:
            async with server.running():
                await routes.replace([RouteSettings("am", Alertmanager(server.url, {"team": "sre"}, renew_s=0.5))])
                group.send(alert_message("opened", 1))
                (alert,) = await server.firing("warning")
                assert ("StraylineIncident", "sre") == (alert["labels"]["alertname"], alert["labels"]["team"])
                group.send(alert_message("escalated", 2, severity="critical"))
                await server.firing("critical")
            async with server.running():  # it keeps no alerts over a restart
                await server.firing("critical")
                group.send(alert_message("resolved", 3, severity="critical"))
                await server.firing()
                async with asyncio.timeout(30):
                    while "resolved" not in {post.body["status"] for post in receiver.posts}:  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
        finally:
            await routes.close()

    assert "firing" == receiver.posts[0].body["status"]
    assert {"33c467a2f982"} == {alert["labels"]["incident"] for post in receiver.posts for alert in post.body["alerts"]}
