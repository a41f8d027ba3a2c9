"""The daemon's own HTTP: /metrics, /healthz, /readyz and POST /-/reload, served by aiohttp on the daemon's event loop.

Two rules. No answer waits for anything, so a probe is quick while the daemon works. And health is not readiness:
/healthz fails only when a restart helps (the engine is dead); /readyz fails, with reasons, whenever traffic or a
rollout should wait (loading, restoring, draining).

Anybody who reaches the port may connect, so connections are bounded: in number, where the newest takes the place of the
oldest, and in time. A request that is no HTTP is counted, and one line a minute of the log tells of all.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

import orjson
import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client import REGISTRY, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from daemon.errors import StraylineError, UnavailableError

log = structlog.get_logger(__name__)

MOST_CONNECTIONS = 64
LONGEST_CONNECTION = 60.0
"""Seconds. A client that keeps its connection opens another one then."""
EVERY = 1.0
BETWEEN_LINES = 60.0
"""Seconds between two lines of the log about requests that are no HTTP."""
_LANDING = b"strayline: /metrics /healthz /readyz, POST /-/reload\n"


@dataclass(frozen=True, slots=True)
class Probes:
    """What the endpoints ask of the daemon; each is called on the event loop and returns at once.

    `health` raises StraylineError when only a restart helps. `unready` returns the reasons for not being ready; none
    means ready. `reload` loads the configuration again; it raises StraylineError when the new one is refused, and the
    old one stays in use.
    """

    health: Callable[[], None]
    unready: Callable[[], Sequence[str]]
    reload: Callable[[], Awaitable[None]]


class Exposition(Collector):
    """The daemon's registry, without the `_created` series that double it, and vLLM's own series when there are any.

    vLLM registers its `vllm:` metrics in the library's default registry. Other series there are not served.
    """

    def __init__(self, registry: CollectorRegistry, default: CollectorRegistry = REGISTRY) -> None:
        self._registry = registry
        self._default = default

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family to expose."""
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric
        for metric in self._default.collect():
            if metric.name.startswith("vllm:"):
                metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
                yield metric


class _RequestLog(logging.LoggerAdapter[logging.Logger]):
    """What aiohttp logs of requests: without a traceback for each that is no HTTP."""

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


class _Connections:
    """The open connections of a server, and when each was opened. Bounds their number and their life."""

    def __init__(self, make: Callable[[], asyncio.Protocol]) -> None:
        self._make = make
        self._open: dict[asyncio.Protocol, float] = {}

    def accept(self) -> asyncio.Protocol:
        """Return the protocol of a new connection; where there are too many, the oldest one ends."""
        self._forget_closed()
        while len(self._open) >= MOST_CONNECTIONS:
            self._end(next(iter(self._open)))
        connection = self._make()
        self._open[connection] = monotonic()
        return connection

    async def end_old_ones(self) -> None:
        """End connections that are older than they may be, until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            self._forget_closed()
            for connection, since in list(self._open.items()):
                if monotonic() - since > LONGEST_CONNECTION:
                    self._end(connection)

    def _forget_closed(self) -> None:
        """One that was accepted a moment ago has no transport yet."""
        self._open = {c: at for c, at in self._open.items() if _transport(c) is not None or monotonic() - at < EVERY}

    def _end(self, connection: asyncio.Protocol) -> None:
        del self._open[connection]
        if (transport := _transport(connection)) is not None:
            transport.abort()


def _transport(connection: asyncio.Protocol) -> asyncio.WriteTransport | None:
    transport: asyncio.WriteTransport | None = getattr(connection, "transport", None)
    return transport


class HttpServer:
    """Serves the endpoints from `start` to `close`. Port 0 takes a free port, and `port` is then its number."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry, probes: Probes) -> None:
        self._host = host
        self._port = port
        self._probes = probes
        self._exposition = Exposition(registry)
        application = web.Application()
        application.add_routes(
            [
                web.get("/", self._landing),
                web.get("/metrics", self._metrics),
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.post("/-/reload", self._reload),
            ]
        )
        self._runner = web.AppRunner(
            application, access_log=None, handle_signals=False, shutdown_timeout=1.0, logger=_RequestLog()
        )
        self._listening: asyncio.Server | None = None
        self._ending: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return self._port

    async def start(self) -> None:
        """Listen. Raises UnavailableError when the address cannot be used."""
        await self._runner.setup()
        assert self._runner.server is not None, "setup makes it"
        connections = _Connections(self._runner.server)
        try:
            self._listening = await asyncio.get_running_loop().create_server(
                connections.accept, self._host, self._port, backlog=MOST_CONNECTIONS
            )
        except OSError as error:
            await self._runner.cleanup()
            raise UnavailableError(
                f"cannot listen on {self._host}:{self._port}: {error.strerror or error}; set http.host or http.port"
            ) from error
        self._port = int(self._listening.sockets[0].getsockname()[1])
        self._ending = asyncio.create_task(connections.end_old_ones())

    async def close(self) -> None:
        """Stop listening. Open requests have one second to finish."""
        if self._listening is not None and self._ending is not None:
            self._listening.close()
            self._ending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ending
        await self._runner.cleanup()

    async def _landing(self, _: web.Request) -> web.Response:
        return web.Response(body=_LANDING, content_type="text/plain")

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._exposition), headers={"Content-Type": content_type})

    async def _healthz(self, _: web.Request) -> web.Response:
        try:
            self._probes.health()
        except StraylineError as error:
            return _json(503, {"status": "unhealthy", "reasons": [str(error)]})
        return _json(200, {"status": "ok"})

    async def _readyz(self, _: web.Request) -> web.Response:
        reasons = list(self._probes.unready())
        return _json(503, {"status": "unready", "reasons": reasons}) if reasons else _json(200, {"status": "ready"})

    async def _reload(self, request: web.Request) -> web.Response:
        if "Origin" in request.headers:  # browsers send Origin; no web page may reload the daemon
            return _json(403, {"status": "refused", "reasons": ["requests from web pages are not accepted"]})
        try:
            await self._probes.reload()
        except StraylineError as error:
            return _json(400, {"status": "refused", "reasons": str(error).splitlines()})
        return _json(200, {"status": "ok"})


def _json(status: int, document: dict[str, object]) -> web.Response:
    return web.Response(
        status=status,
        body=orjson.dumps(document) + b"\n",
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
