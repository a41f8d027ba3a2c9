"""Bounds for a port that anybody may reach: on connections, and on log lines about bad requests.

Connections are bounded in number, where the newest takes the place of the oldest, and in time. A request that is not
HTTP is counted, and at most one log line a minute gives the count.
"""

from __future__ import annotations

import asyncio
import logging
from time import monotonic

import structlog
from aiohttp.http_exceptions import HttpProcessingError

from daemon.adapters.web.listener import Protocols

log = structlog.get_logger(__name__)

MOST_CONNECTIONS = 64
LONGEST_CONNECTION = 60.0
"""Seconds. After that a client must open another connection."""
EVERY = 1.0
BETWEEN_LINES = 60.0
"""Seconds between two log lines about requests that are not HTTP."""


class RequestLog(logging.LoggerAdapter[logging.Logger]):
    """What aiohttp logs about requests, without a traceback for each that is not HTTP."""

    def __init__(self) -> None:
        super().__init__(logging.getLogger(__name__))
        self._bad, self._told_at = 0, -BETWEEN_LINES

    def exception(self, *_: object, exc_info: object = None, **__: object) -> None:
        if not isinstance(exc_info, HttpProcessingError):
            log.error("request_failed", error=f"{type(exc_info).__name__}: {exc_info}")
            return
        self._bad += 1
        if monotonic() - self._told_at >= BETWEEN_LINES:
            log.warning("bad_requests", count=self._bad, last=type(exc_info).__name__)
            self._bad, self._told_at = 0, monotonic()


class Connections:
    """The open connections of a server, and when each was opened. Bounds their number and their life."""

    def __init__(self) -> None:
        self._open: dict[asyncio.Protocol, float] = {}

    def around(self, make: Protocols) -> Protocols:
        """Return a maker of protocols like `make`; where there are too many connections, it ends the oldest."""

        def accept() -> asyncio.Protocol:
            self._forget_closed()
            while len(self._open) >= MOST_CONNECTIONS:
                self._end(next(iter(self._open)))
            connection = make()
            self._open[connection] = monotonic()
            return connection

        return accept

    async def end_old_ones(self) -> None:
        """End connections that are older than `LONGEST_CONNECTION`, until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            self._forget_closed()
            for connection, since in list(self._open.items()):
                if monotonic() - since > LONGEST_CONNECTION:
                    self._end(connection)

    def _forget_closed(self) -> None:
        """Drop closed connections. One that was accepted a moment ago has no transport yet."""
        self._open = {c: at for c, at in self._open.items() if _transport(c) is not None or monotonic() - at < EVERY}

    def _end(self, connection: asyncio.Protocol) -> None:
        del self._open[connection]
        if (transport := _transport(connection)) is not None:
            transport.abort()


def _transport(connection: asyncio.Protocol) -> asyncio.WriteTransport | None:
    transport: asyncio.WriteTransport | None = getattr(connection, "transport", None)
    return transport
