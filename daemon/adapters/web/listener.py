"""A web application on a port, from start to end: the same for the daemon, the console and the embeddings server."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from ssl import SSLContext

from aiohttp import web

from daemon.adapters.web.connections import Connections, PortWatch, RequestLog
from daemon.errors import UnavailableError

BACKLOG = 128
MOST_HEADERS = 64
"""Headers of a request, of at most 8,190 bytes each; what came of a request is kept until it is whole."""


@dataclass(frozen=True, slots=True)
class PortSettings:
    """Where a server listens, and for how many connections. `section` is the configuration's that says so.

    Port 0 takes a free port.
    """

    section: str
    host: str
    port: int
    max_connections: int


class HttpListener:
    """Serves `application` from `start` to `close`. Once started, `port` is the number of the port.

    `watch` counts its connections.
    """

    def __init__(self, application: web.Application, where: PortSettings, watch: PortWatch | None = None) -> None:
        self.port = where.port
        self._host, self._section = where.host, where.section
        self._connections = Connections(where.section, where.max_connections, watch)
        application.middlewares.insert(0, self._connections.noting)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=1.0,
            max_headers=MOST_HEADERS,
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
