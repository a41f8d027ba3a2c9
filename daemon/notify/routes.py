"""All routes of one process: started, replaced when the configuration changes, and stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from daemon.core.types import OutRecord
from daemon.errors import StraylineError
from daemon.notify.notify_metrics import NotifyMetrics
from daemon.notify.route import NotifyRoute, OpenTopic, RouteSettings

log = structlog.get_logger(__name__)

STOP_S = 15.0
"""Seconds for the attempts at hand; longer than a receiver may take to answer."""


class Routes:
    """The routes at work. One that ends with an error of its own ends the process: `failed` then returns it."""

    def __init__(
        self, open_topic: OpenTopic, bury: Callable[[OutRecord], Awaitable[None]], metrics: NotifyMetrics
    ) -> None:
        self._open, self._bury, self._metrics = open_topic, bury, metrics
        self._running: dict[str, tuple[RouteSettings, NotifyRoute, asyncio.Task[None]]] = {}
        self._failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    async def replace(self, wanted: Sequence[RouteSettings]) -> None:
        """Stop the routes that are gone or have changed, and start those that are new or have changed."""
        by_name = {settings.name: settings for settings in wanted}
        await self._stop([name for name, (old, _, _) in self._running.items() if by_name.get(name) != old])
        for name, settings in by_name.items():
            if name not in self._running:
                route = NotifyRoute(settings, self._open, self._bury, self._metrics)
                task = asyncio.create_task(route.run())
                task.add_done_callback(self._ended)
                self._running[name] = (settings, route, task)
                log.info("route_started", route=name)

    async def close(self) -> None:
        """Stop all routes."""
        await self._stop(list(self._running))

    def problems(self) -> list[str]:
        """Return what keeps routes from following the topic."""
        return [f"{name}: {route.problem}" for name, (_, route, _) in self._running.items() if route.problem]

    async def failed(self) -> BaseException:
        """Return the error that ended a route, once there is one."""
        return await asyncio.shield(self._failed)

    async def _stop(self, names: Sequence[str]) -> None:
        stopping = [self._running.pop(name) for name in names]
        for _, route, task in stopping:
            task.remove_done_callback(self._ended)
            route.stop()
        if not stopping:
            return
        tasks = [task for _, _, task in stopping]
        _, late = await asyncio.wait(tasks, timeout=STOP_S)
        for task in late:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, StraylineError):
                log.error("route_stopped_badly", error=str(result))

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._failed.done():
            self._failed.set_result(error)
