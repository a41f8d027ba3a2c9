"""How verbs that serve apply a changed configuration without a restart."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping

from daemon.errors import ConfigError, StraylineError

Apply = Callable[[], Awaitable[Mapping[str, object]]]
"""Reads the configuration, applies it, and returns what the log says of it. If it raises, nothing has changed."""


def ignore_hangups() -> None:
    """Ignore SIGHUP until `on_hangup`: a service manager may ask for a reload while the verb starts."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


class Reloading:
    """Applies the configuration again when it is asked to, one time after the other. A bad file changes nothing."""

    def __init__(self, apply: Apply) -> None:
        self._apply = apply
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
                problems = error.problems if isinstance(error, ConfigError) else [str(error)]
                log.error("reload_refused", problems=problems)  # noqa: TRY400  # the file is at fault, not the program
                raise
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
