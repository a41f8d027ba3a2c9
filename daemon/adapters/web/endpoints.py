"""The daemon's own HTTP: /metrics, /healthz, /readyz and POST /-/reload, served by aiohttp on the daemon's event loop.

Two rules. No answer waits for anything, so a probe is quick while the daemon works. And health is not readiness:
/healthz fails only when a restart helps (the engine is dead); /readyz fails, with reasons, whenever traffic or a
rollout should wait (loading, restoring, draining).

Anybody who reaches the port may connect, so connections are bounded (`connections`). With accounts, metrics are for
whoever has a known token and a reload for admins; health and readiness stay open, because probes have no token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

import orjson
from aiohttp import web
from prometheus_client import REGISTRY, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from daemon.adapters.web.access import Access
from daemon.adapters.web.accounts import Role
from daemon.adapters.web.bearer import bearer_token
from daemon.adapters.web.connections import PortWatch
from daemon.adapters.web.listener import HttpListener, PortSettings
from daemon.errors import StraylineError

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
    """The daemon's registry, without the `_created` series that double its size, and vLLM's own series, if any.

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


def metrics_response(request: web.Request, exposition: Exposition) -> web.Response:
    """Return the metrics as the request asks for them: Prometheus text or OpenMetrics."""
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return web.Response(body=encode(exposition), headers={"Content-Type": content_type})


class HttpServer:
    """Serves the endpoints from `start` to `close`.

    `access` says who may ask for metrics and a reload, and has the certificate; without it, everybody may, and there
    is no TLS. `ports` counts connections, on `registry`.
    """

    def __init__(
        self,
        where: PortSettings,
        registry: CollectorRegistry,
        probes: Probes,
        access: Access | None = None,
        ports: PortWatch | None = None,
    ) -> None:
        self._access = access
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
        self._listener = HttpListener(application, where, ports)

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return self._listener.port

    async def start(self) -> None:
        """Listen. Raises UnavailableError when the address cannot be used."""
        tls = self._access.tls if self._access is not None else None
        await self._listener.start(tls)

    async def close(self) -> None:
        """Stop listening. Open requests have one second to finish."""
        await self._listener.close()

    async def _landing(self, _: web.Request) -> web.Response:
        return web.Response(body=_LANDING, content_type="text/plain")

    def _refusal(self, request: web.Request, role: Role) -> web.Response | None:
        """Return the refusal of a request whose token belongs to no account with `role` or a higher one, else None."""
        accounts = self._access.accounts if self._access is not None else None
        if accounts is None:
            return None
        token = bearer_token(request)
        account = accounts.by_token(token) if token is not None else None
        if account is None:
            refused = _json(401, {"status": "refused", "reasons": ["send a known bearer token"]})
            refused.headers["WWW-Authenticate"] = "Bearer"
            return refused
        if not account.role.includes(role):
            return _json(403, {"status": "refused", "reasons": [f"this needs the role {role.value}"]})
        return None

    async def _metrics(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request, Role.VIEWER)) is not None:
            return refusal
        return metrics_response(request, self._exposition)

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
        if (refusal := self._refusal(request, Role.ADMIN)) is not None:
            return refusal
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
