"""The console as a server: its routes with the roles they need, and its life from start to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from aiohttp import web
from aiohttp.typedefs import Middleware

from daemon import look
from daemon.adapters.web import HttpListener, PortSettings, Role
from daemon.console.console_metrics import ConsoleMetrics
from daemon.console.guard import HEADERS, Guard, Handler
from daemon.console.mute_pages import MutePages
from daemon.console.pages import Pages
from daemon.console.pattern_pages import PatternPages
from daemon.console.replay.replay_pages import ReplayPages
from daemon.console.replay.replays import Replays

STATIC = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "documents.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
STREAMS = frozenset({"/events"})


@dataclass(frozen=True, slots=True)
class Route:
    """One route; `role` is the lowest that may use it, None for everybody."""

    method: str
    path: str
    handler: Handler
    role: Role | None


def routes(pages: Pages, replays: Replays, metrics: ConsoleMetrics) -> list[Route]:
    """Return all routes: the table that says who may do what."""
    mutes, patterns = MutePages(pages), PatternPages(pages)
    return [
        Route("GET", "/", pages.incidents, Role.VIEWER),
        Route("GET", "/incidents/{incident:.+}", pages.incident, Role.VIEWER),
        Route("GET", "/services", pages.services, Role.VIEWER),
        Route("GET", "/alerts/{alert:.+}", pages.alert_json, Role.VIEWER),
        Route("GET", "/causes", pages.causes, Role.VIEWER),
        Route("GET", "/patterns", patterns.list, Role.VIEWER),
        Route("GET", "/pattern", patterns.one, Role.VIEWER),
        Route("GET", "/mutes", mutes.list, Role.VIEWER),
        Route("GET", "/mute", mutes.ask, Role.OPERATOR),
        Route("POST", "/mutes", mutes.send, Role.OPERATOR),
        Route("GET", "/replay", ReplayPages(pages, replays).show, Role.VIEWER),
        Route("GET", "/metrics", metrics.serve(lambda: pages.feeds), Role.VIEWER),
        Route("GET", "/events", pages.events, Role.VIEWER),
        Route("GET", "/feedback", pages.ask_feedback, Role.OPERATOR),
        Route("POST", "/feedback", pages.send_feedback, Role.OPERATOR),
        Route("POST", "/remarks", pages.send_remark, Role.OPERATOR),
        Route("POST", "/logout", pages.log_out, Role.VIEWER),
        Route("GET", "/login", pages.ask_login, None),
        Route("POST", "/login", pages.log_in, None),
        Route("GET", "/healthz", pages.health, None),
        Route("GET", "/static/look.css", _fixed(look.style().encode(), "text/css"), None),
        *(Route("GET", f"/static/{name}", _static(name, kind), None) for name, kind in STATIC.items()),
    ]


class ConsoleServer(HttpListener):
    """Serves `table` from `start` to `close`.

    `metrics` measures all requests but those of `STREAMS`, which stay open.
    """

    def __init__(
        self,
        where: PortSettings,
        root: str,
        guard: Guard,
        errors: Middleware,
        table: Sequence[Route],
        metrics: ConsoleMetrics,
    ) -> None:
        def measured(route: Route) -> Handler:
            return route.handler if route.path in STREAMS else metrics.timed(route.path, route.handler)

        application = web.Application(middlewares=[errors], client_max_size=64 * 1024)
        application.on_response_prepare.append(_add_headers)
        application.add_routes(
            [web.route(route.method, route.path, guard.needs(route.role, measured(route))) for route in table]
        )
        outer = application
        if root:
            outer = web.Application()
            outer.add_subapp(root, application)
        super().__init__(outer, where, metrics.ports)


def _static(name: str, kind: str) -> Handler:
    return _fixed(files("daemon.console").joinpath("static", name).read_bytes(), kind)


def _fixed(body: bytes, kind: str) -> Handler:
    async def serve(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=kind, charset="utf-8")

    return serve


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
