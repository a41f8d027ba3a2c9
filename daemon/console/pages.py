"""The handlers: each reads the archive and renders a page, or answers with JSON or a stream of events."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic, time
from typing import TypeVar
from urllib.parse import quote

import orjson
from aiohttp import web

from daemon.adapters.web import Role
from daemon.console import queries
from daemon.console.archive_thread import ArchiveThread
from daemon.console.case import case_rows, cause_rows, muted_of, release_of
from daemon.console.cause_queries import causes, said_of
from daemon.console.changes import Changes
from daemon.console.feed import Feeds
from daemon.console.guard import LOGIN, ROOT, Guard, checked_form
from daemon.console.links import LinkTemplate, filled
from daemon.console.meaning_queries import AlikeIncident
from daemon.console.mute_queries import mutes_on
from daemon.console.service_queries import ON_ONE as SERVICES_ON_ONE
from daemon.console.service_queries import SPANS, service_listing
from daemon.console.views import Views, path_segment
from daemon.console.word_queries import word_would_silence
from daemon.core.messages import VERDICTS, encode, label_document, remark_document
from daemon.errors import DataError

T = TypeVar("T")

Publish = Callable[[bytes, bytes], Awaitable[None]]
"""Publishes a key and a value to the feedback topic. Raises UnavailableError."""
STATES = {"open": "open", "resolved": "resolved", "all": ""}


class Pages:
    """All pages of one console. Without `publish`, nothing can be changed."""

    def __init__(
        self,
        store: ArchiveThread,
        changes: Changes,
        views: Views,
        guard: Guard,
        feeds: Feeds,
        publish: Publish | None,
        links: Sequence[LinkTemplate] = (),
        *,
        has_documents: bool = False,
    ) -> None:
        self._store = store
        self._changes = changes
        self._views = views
        self._guard = guard
        self.feeds = feeds
        self._publish = publish
        self.links = links
        """To other programs, beside each alert."""
        self._has_documents = has_documents

    async def incidents(self, request: web.Request) -> web.Response:
        """The ranked list."""
        query = request.query
        state = query.get("state", "open" if self.feeds.messages.live else "all")
        wanted = queries.Filter(
            state=STATES.get(state, "open"),
            service=query.get("service", "")[:1000],
            text=query.get("q", "")[:200],
            page=page_number(query.get("page", "")),
        )
        (listed, count), services, totals = await self.read(
            lambda archive: (queries.incidents(archive, wanted), queries.services(archive), queries.totals(archive))
        )
        if wanted.service and wanted.service not in services:
            services = [wanted.service, *services]
        return self.page(
            request,
            "incidents.html",
            totals,
            listed=listed,
            count=count,
            services=services,
            wanted=wanted,
            state=state if state in STATES else "open",
            on_one=queries.PAGE,
            pages=page_count(count, queries.PAGE),
        )

    async def incident(self, request: web.Request) -> web.Response:
        """One incident: the case of one alert, all alerts, labels, similar incidents."""
        identity, wanted = request.match_info["incident"], request.query.get("alert", "")
        case, totals = await self.read(
            lambda archive: (queries.case_of(archive, identity, wanted), queries.totals(archive))
        )
        if case is None:
            raise web.HTTPNotFound(text="the archive has no such incident")
        services, now = case.incident.services, round(time() * 1000)
        others = [other.id for other in case.similar]
        alike = await self._store.call(self._alike, identity, case.chosen.id)
        others += [other.id for other in alike or ()]
        mutes, said = await self.read(
            lambda archive: (mutes_on(archive, identity, services, now), said_of(archive, others))
        )
        return self.page(
            request,
            "incident.html",
            totals,
            case=case,
            rows=case_rows(case.document),
            causes=cause_rows(case.latest),
            mutes=mutes,
            said=said,
            alike=alike,
            muted=muted_of(case.latest),
            release=release_of(case.latest),
            links=filled(self.links, case.document),
            points=[(alert.time, alert.score) for alert in case.firing],
            sent=request.query.get("sent", ""),
        )

    def _alike(self, incident: str, alert: str) -> Sequence[AlikeIncident] | None:
        archive = self._store.archive
        return archive.meaning.alike(archive.connection, incident, alert)

    async def services(self, request: web.Request) -> web.Response:
        """Every service, with its alerts over time."""
        span = request.query.get("span", "1d")
        span = span if span in SPANS else "1d"
        page = page_number(request.query.get("page", ""))
        listing, totals = await self.read(
            lambda archive: (service_listing(archive, SPANS[span], page), queries.totals(archive))
        )
        values = {"listing": listing, "span": span, "spans": list(SPANS), "length": SPANS[span]}
        pages = page_count(listing.count, SERVICES_ON_ONE)
        return self.page(request, "services.html", totals, page=page, pages=pages, **values)

    async def causes(self, request: web.Request) -> web.Response:
        """What incidents were about, and what was said of it."""
        text = request.query.get("q", "")[:200]
        listed, totals = await self.read(lambda archive: (causes(archive, text), queries.totals(archive)))
        return self.page(request, "causes.html", totals, causes=listed, text=text)

    async def alert_json(self, request: web.Request) -> web.Response:
        """One alert's message, as published."""
        identity = request.match_info["alert"]
        document = await self.read(lambda archive: queries.document(archive, identity))
        if document is None:
            raise web.HTTPNotFound(text="the archive has no such alert")
        return web.Response(body=orjson.dumps(document, option=orjson.OPT_INDENT_2), content_type="application/json")

    async def ask_feedback(self, request: web.Request) -> web.Response:
        """The form that sends feedback, with what it would have silenced."""
        alert, verdict = await self._feedback_target(request.query)
        silenced, totals = await self.read(
            lambda archive: (word_would_silence(archive, alert.scope, alert.cause), queries.totals(archive))
        )
        return self.page(request, "feedback.html", totals, alert=alert, verdict=verdict, silenced=silenced)

    async def send_feedback(self, request: web.Request) -> web.Response:
        """Publish feedback on what an alert is about."""
        fields = await checked_form(request)
        alert, verdict = await self._feedback_target(fields)
        publish = self.publisher()
        by, note = request[LOGIN].account.name, fields.get("note", "").strip()
        try:
            document = label_document(alert.cause, verdict, scope=alert.scope, by=by, note=note)
        except DataError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        await publish(alert.scope.encode(), encode(document))
        incident = self.link(request, "incidents", alert.incident)
        raise web.HTTPSeeOther(f"{incident}?alert={quote(alert.id, safe='')}&sent={verdict}")

    async def send_remark(self, request: web.Request) -> web.Response:
        """Publish a remark on an incident: an acknowledgement, its undoing, or a note."""
        fields = await checked_form(request)
        publish, identity = self.publisher(), fields.get("incident", "")
        if await self.read(lambda archive: queries.incident(archive, identity)) is None:
            raise web.HTTPNotFound(text="the archive has no such incident")
        by, note = request[LOGIN].account.name, fields.get("note", "").strip()
        try:
            document = remark_document(identity, fields.get("action", ""), by=by, note=note)
        except DataError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        await publish(identity.encode(), encode(document))
        raise web.HTTPSeeOther(f"{self.link(request, 'incidents', identity)}?sent=remark")

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Changes as server-sent events; `Last-Event-ID`, or `since` of the first request, resumes."""
        since = request.headers.get("Last-Event-ID") or request.query.get("since", "")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await response.prepare(request)
        await response.write(b"retry: 2000\n\n")
        try:
            async for change in self._changes.follow(since):
                if change is None:
                    await response.write(b": still here\n\n")
                    continue
                data = orjson.dumps({"ids": list(change.ids), "reload": change.reload})
                await response.write(b"id: %s\nevent: change\ndata: %s\n\n" % (change.number.encode(), data))
        except (ConnectionError, asyncio.CancelledError):
            pass
        return response

    async def ask_login(self, request: web.Request) -> web.Response:
        """The form to log in."""
        return self._login_page(request, 200, failed=False)

    async def log_in(self, request: web.Request) -> web.Response:
        """Check name and password, and begin a session."""
        if not self._guard.has_accounts:
            raise web.HTTPSeeOther(f"{request[ROOT]}/")
        form = await request.post()
        cookie = await self._guard.log_in(str(form.get("name", ""))[:200], str(form.get("password", ""))[:1000])
        if cookie is None:
            return self._login_page(request, 401, failed=True)
        response = web.HTTPSeeOther(_own_path(str(form.get("next", "")), request[ROOT]))
        self._guard.set_cookie(request, response, cookie)
        raise response

    async def log_out(self, request: web.Request) -> web.Response:
        """End the session."""
        await checked_form(request)
        self._guard.log_out(request)
        raise web.HTTPSeeOther(f"{request[ROOT]}/login")

    async def health(self, _: web.Request) -> web.Response:
        """Whether the archive is current, for probes: always 200 while pages can be served."""
        state = self.feeds.messages
        status = "ok" if state.caught_up else "behind"
        return web.json_response({"status": status, "unread": state.unread, "problem": state.problem})

    def _login_page(self, request: web.Request, status: int, *, failed: bool) -> web.Response:
        target = request.query.get("next", "")
        text = self._views.render("login.html", {"failed": failed, "next": target, "root": request[ROOT]})
        return web.Response(text=text, content_type="text/html", status=status)

    def link(self, request: web.Request, *segments: str) -> str:
        """Return the path of a page, as the browser sees it, from its segments, each quoted."""
        return "/".join([request[ROOT], *map(path_segment, segments)])

    def publisher(self) -> Publish:
        """Return what publishes feedback. Raises HTTPForbidden where nothing can be changed."""
        if self._publish is None:
            raise web.HTTPForbidden(text="a backtest's folder takes no feedback")
        return self._publish

    async def _feedback_target(self, fields: Mapping[str, str]) -> tuple[queries.ArchivedAlert, str]:
        """Return the alert and the verdict that a form names."""
        self.publisher()
        verdict = fields.get("verdict", "")
        if verdict not in VERDICTS:
            raise web.HTTPBadRequest(text=f"verdict: must be one of {', '.join(VERDICTS)}")
        identity = fields.get("alert", "")
        alert = await self.read(lambda archive: queries.alert(archive, identity))
        if alert is None or not alert.can_be_labelled:
            raise web.HTTPNotFound(text="the archive has no such alert, or it is about the silence of a service")
        return alert, verdict

    async def read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `read` finds in the archive, which nothing changes meanwhile."""
        return await self._store.call(read, self._store.archive.connection)

    def page(self, request: web.Request, template: str, totals: queries.Totals, **values: object) -> web.Response:
        """Return a page with what all pages show."""
        login = request[LOGIN]
        shared: dict[str, object] = {
            "account": login.account,
            "root": request[ROOT],
            "csrf": login.csrf,
            "can_operate": login.account.role.includes(Role.OPERATOR),
            "can_administer": login.account.role.includes(Role.ADMIN),
            "can_label": self._publish is not None and login.account.role.includes(Role.OPERATOR),
            "can_log_out": self._guard.has_accounts,
            "feed": self.feeds.messages,
            "since_checked": round(1000 * (monotonic() - self.feeds.messages.checked)),
            "totals": totals,
            "number": self._changes.number,
            "has_documents": self._has_documents,
            "template": template.removesuffix(".html"),
        }
        return web.Response(text=self._views.render(template, shared | values), content_type="text/html")


def page_count(rows: int, on_one: int) -> int:
    """Return how many pages a list of so many rows has, at least one."""
    return max((rows - 1) // on_one + 1, 1)


def page_number(text: str) -> int:
    """Return the number of a page from a query, 0 for anything that is not one."""
    return min(int(text), 100_000) if text.isdecimal() and len(text) < 7 else 0


def _own_path(target: str, root: str) -> str:
    """Return a path of this console; anything that would lead elsewhere becomes the first page."""
    own = target.startswith(f"{root}/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if own else f"{root}/"
