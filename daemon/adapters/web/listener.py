"""A web application on a port, from start to end: the same for the daemon, the console and the embeddings server."""

from __future__ import annotations

import asyncio
import contextlib
from ssl import SSLContext

from aiohttp import web

from daemon.adapters.web.connections import MOST_CONNECTIONS, Connections, RequestLog
from daemon.errors import UnavailableError

BACKLOG = 128


class HttpListener:
    """Serves `application` from `start` to `close`.

    `section` names the configuration's section that has `host` and `port`. Port 0 takes a free port, and `port` is then
    its number. `most` is how many connections may be open.
    """

    def __init__(
        self,
        application: web.Application,
        host: str,
        port: int,
        section: str,
        most: int = MOST_CONNECTIONS,
    ) -> None:
        self.port = port
        self._host = host
        self._section = section
        self._connections = Connections(most)
        application.middlewares.insert(0, self._connections.noting)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=1.0,
            logger=RequestLog(),
        )
        self._listening: asyncio.Server | None = None
        self._ending: asyncio.Task[None] | None = None

    async def start(self, tls: SSLContext | None = None) -> None:
        """Listen, with `tls` for TLS only. Raises UnavailableError when the address cannot be used."""
        await self._runner.setup()
        assert self._runner.server is not None, "setup makes it"
        accept = self._connections.around(self._runner.server, tls)
        try:
            self._listening = await asyncio.get_running_loop().create_server(
                accept, self._host, self.port, backlog=BACKLOG
            )
        except OSError as error:
            await self._runner.cleanup()
            raise UnavailableError(
                f"cannot listen on {self._host}:{self.port}: {error.strerror or error};"
                f" set {self._section}.host or {self._section}.port"
            ) from error
        self.port = int(self._listening.sockets[0].getsockname()[1])
        self._ending = asyncio.create_task(self._connections.end_old_ones())

    async def close(self) -> None:
        """Stop listening. Open requests, event streams too, have one second to finish."""
        if self._ending is not None:
            self._ending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ending
        if self._listening is not None:
            self._listening.close()
        await self._runner.cleanup()
        self._connections.end_all()
