"""The pages of mutes: the list, the form with its preview, and sending."""

from __future__ import annotations

from time import time

from aiohttp import web

from daemon.console import mute_queries, queries
from daemon.console.guard import LOGIN, checked_form
from daemon.console.pages import Pages, page_count, page_number
from daemon.core.messages import encode, mute_document
from daemon.errors import DataError

LENGTHS = {"1h": 3_600, "4h": 4 * 3_600, "1d": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400}
"""Lengths to choose from, in seconds."""


class MutePages:
    """Handlers of mutes."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def list(self, request: web.Request) -> web.Response:
        """Every mute in force, with its end, and the latest that are over."""
        now = round(time() * 1000)
        page = page_number(request.query.get("page", ""))
        listing, totals = await self._pages.read(
            lambda archive: (mute_queries.mutes(archive, now, page), queries.totals(archive))
        )
        values = {"listing": listing, "page": page, "pages": page_count(listing.count, mute_queries.PAGE)}
        return self._pages.page(request, "mutes.html", totals, now=now, sent=request.query.get("sent", ""), **values)

    async def ask(self, request: web.Request) -> web.Response:
        """The form: what is muted, for how long, and what it would have silenced."""
        self._pages.publisher()
        identity, whole = request.query.get("alert", ""), request.query.get("what") == "service"
        alert = await self._pages.read(lambda archive: queries.alert(archive, identity))
        if alert is None:
            raise web.HTTPNotFound(text="the archive has no such alert")
        pattern = "" if whole else alert.cause
        silenced, totals = await self._pages.read(
            lambda archive: (mute_queries.would_silence(archive, alert.scope, pattern), queries.totals(archive))
        )
        values = {"alert": alert, "pattern": pattern, "silenced": silenced, "lengths": list(LENGTHS)}
        return self._pages.page(request, "mute.html", totals, **values)

    async def send(self, request: web.Request) -> web.Response:
        """Publish a mute, or its end."""
        fields = await checked_form(request)
        publish, scope = self._pages.publisher(), fields.get("scope", "")
        until = None
        if fields.get("action") == "mute":
            if fields.get("length") not in LENGTHS:
                raise web.HTTPBadRequest(text=f"length: must be one of {', '.join(LENGTHS)}")
            until = round((time() + LENGTHS[fields["length"]]) * 1e6)
        by, note = request[LOGIN].account.name, fields.get("note", "").strip()
        try:
            document = mute_document(scope, fields.get("pattern", ""), until=until, by=by, note=note)
        except DataError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        await publish(scope.encode(), encode(document))
        raise web.HTTPSeeOther(f"{self._pages.link(request, 'mutes')}?sent={document['action']}")
