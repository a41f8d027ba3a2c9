"""Bounds for a port that anybody may reach: on connections, and on log lines about bad requests.

Connections are bounded in number, and in how long they may be open without a request at work: one that sends nothing,
half a request or half a TLS handshake, and one that does not read its answer, all look the same and end. Where there
are too many, the one that is idle for longest makes room for a new one; metrics count both. A request that is not HTTP
is counted, and at most one log line a minute gives the count.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio.sslproto import SSLProtocol
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ssl import SSLContext
from time import monotonic
from typing import Literal, Protocol

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Middleware

log = structlog.get_logger(__name__)

LONGEST_IDLE = 60.0
"""Seconds without a request at work. After that a client must open another connection."""
LONGEST_HANDSHAKE = 10
EVERY = 1.0
BETWEEN_LINES = 60.0
"""Seconds between two log lines about requests that are not HTTP, and about connections that made room."""
Protocols = Callable[[], asyncio.Protocol]
"""Makes the protocol of a new connection."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PortWatch(Protocol):
    """Who counts the connections of ports: the metrics of a process."""

    def listens(self, port: str, most: int, count: Callable[[], int]) -> None:
        """Take in a port; `count` returns how many of `most` connections are open."""
        ...

    def ended(self, port: str, reason: str) -> None:
        """Count a connection that a port ended, for being `crowded` or `idle`."""
        ...


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


@dataclass(slots=True)
class _Connection:
    """One open connection. `since` is when it was opened or its last request was done; `at_work`: one is not done."""

    since: float
    at_work: bool = False
    transport: asyncio.Transport | None = None

    @property
    def open(self) -> bool:
        """Whether it is open; one that was accepted a moment ago has no transport yet."""
        return self.transport is None or not self.transport.is_closing()


class Connections:
    """The open connections of a server, by aiohttp's protocols. Bounds their number and how long they are idle."""

    def __init__(self, port: str, most: int, watch: PortWatch | None) -> None:
        self._port, self._most, self._watch = port, most, watch
        self._open: dict[object, _Connection] = {}
        self._made_room, self._told_at = 0, -BETWEEN_LINES
        if watch is not None:
            watch.listens(port, most, lambda: sum(each.open for each in self._open.values()))

    def around(self, make: Protocols, tls: SSLContext | None) -> Protocols:
        """Return a maker of protocols like `make`, with `tls` for TLS; it ends a connection where there are too many.

        TLS begins here rather than in the event loop's server, which shows a connection only once that is done.
        """

        def accept() -> asyncio.Protocol:
            self._forget_closed()
            while len(self._open) >= self._most:
                self._make_room()
            protocol, connection = make(), _Connection(monotonic())
            self._open[protocol] = connection
            return _Entrance(protocol, connection, tls)

        return accept

    @property
    def noting(self) -> Middleware:
        """Return the middleware that notes while a request is at work."""

        @web.middleware
        async def noted(request: web.Request, handler: Handler) -> web.StreamResponse:
            connection = self._open.get(request.protocol)
            if connection is None:
                return await handler(request)
            connection.at_work = True
            try:
                return await handler(request)
            finally:
                connection.at_work, connection.since = False, monotonic()

        return noted

    async def end_old_ones(self) -> None:
        """End connections that are idle for longer than `LONGEST_IDLE`, until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            self._forget_closed()
            for protocol, connection in list(self._open.items()):
                if not connection.at_work and monotonic() - connection.since > LONGEST_IDLE:
                    self._end(protocol, "idle")

    def end_all(self) -> None:
        """End what is still open."""
        for protocol in list(self._open):
            self._abort(protocol)

    def _forget_closed(self) -> None:
        self._open = {protocol: connection for protocol, connection in self._open.items() if connection.open}

    def _make_room(self) -> None:
        """End the connection that is idle for longest; where all are at work, the one that is so for longest."""
        oldest = min(self._open, key=lambda protocol: (self._open[protocol].at_work, self._open[protocol].since))
        self._end(oldest, "crowded")
        self._made_room += 1
        if monotonic() - self._told_at >= BETWEEN_LINES:
            log.warning("connections_made_room", count=self._made_room, most=self._most)
            self._made_room, self._told_at = 0, monotonic()

    def _end(self, protocol: object, reason: Literal["crowded", "idle"]) -> None:
        self._abort(protocol)
        if self._watch is not None:
            self._watch.ended(self._port, reason)

    def _abort(self, protocol: object) -> None:
        connection = self._open.pop(protocol)
        if connection.transport is not None:
            connection.transport.abort()


class _Tls(SSLProtocol):
    """asyncio's TLS, with a smaller buffer for what each connection receives."""

    max_size = 64 * 1024


class _Entrance(asyncio.Protocol):
    """The first protocol of a connection: notes its transport, and hands it on."""

    def __init__(self, protocol: asyncio.Protocol, connection: _Connection, tls: SSLContext | None) -> None:
        self._protocol, self._connection, self._tls = protocol, connection, tls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the transport to the protocol itself, or to TLS in between."""
        assert isinstance(transport, asyncio.Transport), "that of a socket"
        self._connection.transport = transport
        protocol: asyncio.BaseProtocol = self._protocol
        if self._tls is not None:
            protocol = _Tls(
                asyncio.get_running_loop(),
                self._protocol,
                self._tls,
                None,  # type: ignore[arg-type]  # nobody waits for the handshake
                server_side=True,
                ssl_handshake_timeout=LONGEST_HANDSHAKE,
            )
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
