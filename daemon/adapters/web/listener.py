"""A web application on a port, from start to end: the same for the daemon, the console and the embeddings server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from ssl import SSLContext

from aiohttp import web
from aiohttp.log import server_logger

from daemon.errors import UnavailableError

BACKLOG = 128
Protocols = Callable[[], asyncio.Protocol]
"""Makes the protocol of a new connection."""


class HttpListener:
    """Serves `application` from `start` to `close`.

    `section` names the configuration's section that has `host` and `port`. Port 0 takes a free port, and `port` is then
    its number. `requests_log` gets what aiohttp logs about requests.
    """

    def __init__(
        self,
        application: web.Application,
        host: str,
        port: int,
        section: str,
        requests_log: logging.LoggerAdapter[logging.Logger] | None = None,
    ) -> None:
        self.port = port
        self._host = host
        self._section = section
        self._runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=1.0,
            logger=requests_log or server_logger,
        )
        self._listening: asyncio.Server | None = None

    async def start(
        self,
        tls: SSLContext | None = None,
        bounded: Callable[[Protocols], Protocols] | None = None,
        backlog: int = BACKLOG,
    ) -> None:
        """Listen, with `tls` for TLS only; `bounded` may limit connections.

        Raises UnavailableError when the address cannot be used.
        """
        await self._runner.setup()
        assert self._runner.server is not None, "setup makes it"
        accept: Protocols = bounded(self._runner.server) if bounded is not None else self._runner.server
        try:
            self._listening = await asyncio.get_running_loop().create_server(
                accept, self._host, self.port, ssl=tls, backlog=backlog
            )
        except OSError as error:
            await self._runner.cleanup()
            raise UnavailableError(
                f"cannot listen on {self._host}:{self.port}: {error.strerror or error};"
                f" set {self._section}.host or {self._section}.port"
            ) from error
        self.port = int(self._listening.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening. Open requests, event streams too, have one second to finish."""
        if self._listening is not None:
            self._listening.close()
        await self._runner.cleanup()
