"""What a refused request gets: a page in a browser, the sentence alone for everybody else."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Middleware

from daemon.console.guard import Guard, Handler
from daemon.console.views import Views
from daemon.errors import StraylineError


def error_pages(views: Views, guard: Guard) -> Middleware:
    """Return the middleware. An archive or a Kafka that cannot be used is a 503 with a sentence."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await _answer(request, handler)
        except web.HTTPException as error:
            if error.status >= HTTPStatus.BAD_REQUEST and "text/html" in request.headers.get("Accept", ""):
                error.text = _page(views, error, guard.root_of(request))
                error.content_type = "text/html"
            raise

    return answer


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except StraylineError as error:
        raise web.HTTPServiceUnavailable(text=str(error)) from None


def _page(views: Views, error: web.HTTPException, root: str) -> str:
    unsaid = error.text == f"{error.status}: {error.reason}"
    sentence = "This address leads nowhere." if unsaid else error.text
    values = {"reason": HTTPStatus(error.status).phrase, "sentence": sentence, "root": root}
    return views.render("error.html", values)
