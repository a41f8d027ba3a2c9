"""How verbs that serve apply a changed configuration without a restart."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from daemon.cli.parser import load
from daemon.errors import ConfigError, StraylineError

if TYPE_CHECKING:
    from daemon.config import Config
    from daemon.config.changes import Process
    from daemon.metrics import ReloadMetrics

Apply = Callable[[], Awaitable[Mapping[str, object]]]
"""Reads the configuration, applies it, and returns what the log says of it. If it raises, nothing has changed."""
Take = Callable[["Config"], Awaitable[object]]


def ignore_hangups() -> None:
    """Ignore SIGHUP until `on_hangup`: a service manager may ask for a reload while the verb starts."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def reloading(
    options: argparse.Namespace, config: Config, process: Process, metrics: ReloadMetrics, take: Take | None = None
) -> Reloading:
    """Return what applies the file again to a process that began with `config`.

    A change that the process can only apply at a start refuses all of the file. `take` takes the rest of the new one,
    but for the log; it raises StraylineError before it has changed anything.
    """
    from daemon.logs import configure_logging

    current = config

    async def apply() -> Mapping[str, object]:
        nonlocal current
        wanted = await asyncio.to_thread(load, options)
        changed = process.changes(current, wanted)
        if take is not None:
            await take(wanted)
        configure_logging(wanted.logging.level, wanted.logging.format)
        current = wanted
        return {"changed": changed}

    return Reloading(apply, metrics)


class Reloading:
    """Applies the configuration again when it is asked to, one time after the other. A bad file changes nothing."""

    def __init__(self, apply: Apply, metrics: ReloadMetrics) -> None:
        self._apply, self._metrics = apply, metrics
        self._running: set[asyncio.Task[None]] = set()
        self._one = asyncio.Lock()

    async def now(self) -> None:
        """Apply what the file says now. Raises ConfigError for a bad file, and what else keeps it from being applied.

        What was before then goes on.
        """
        import structlog

        log = structlog.get_logger(__name__)
        async with self._one:
            try:
                applied = await self._apply()
            except StraylineError as error:
                self._metrics.note(accepted=False)
                problems = error.problems if isinstance(error, ConfigError) else [str(error)]
                log.error("reload_refused", problems=problems)  # noqa: TRY400  # the file is at fault, not the program
                raise
            self._metrics.note(accepted=True)
            log.info("reloaded", **applied)

    @contextlib.contextmanager
    def on_hangup(self) -> Iterator[None]:
        """Apply it in the background at each SIGHUP inside the block."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._soon)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)

    def _soon(self) -> None:
        task = asyncio.create_task(self._quietly())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _quietly(self) -> None:
        with contextlib.suppress(StraylineError):
            await self.now()
