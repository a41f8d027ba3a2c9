"""The pages of documents: a base with its search, uploads with their results, and a check with its departures."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import time
from urllib.parse import urlencode

import orjson
from aiohttp import web

from daemon.adapters.web import Role
from daemon.console import queries
from daemon.console.documents.receiving import FormReader
from daemon.console.documents.room import PAGE, Room
from daemon.console.documents.uploads import Purpose, Upload, UploadedFile, Uploads, delete_files, new_id
from daemon.console.guard import LOGIN, check_form, checked_form
from daemon.console.pages import Pages, page_count, page_number
from daemon.console.server import Route
from daemon.documents import describe_check, excerpt
from daemon.errors import RefusedTextError

HITS = 10
DEPARTURES = 25
"""Departures on one page of a check."""
SIDE = 700
"""Characters of a clause that a check shows."""
LONGEST_BASE = 100


class DocumentPages:
    """Handlers of the room."""

    def __init__(self, pages: Pages, room: Room, uploads: Uploads) -> None:
        self._pages = pages
        self._room = room
        self._uploads = uploads

    def routes(self) -> list[Route]:
        """Return the routes with their roles."""
        return [
            Route("GET", "/documents", self.base, Role.VIEWER),
            Route("POST", "/documents/checks", self.send_checks, Role.VIEWER),
            Route("POST", "/documents/standards", self.send_standards, Role.OPERATOR),
            Route("GET", "/documents/uploads/{upload}", self.upload, Role.VIEWER),
            Route("GET", "/documents/uploads/{upload}/{file}", self.check, Role.VIEWER),
            Route("GET", "/documents/uploads/{upload}/{file}/json", self.check_json, Role.VIEWER),
            Route("POST", "/documents/adopted", self.adopt, Role.OPERATOR),
            Route("GET", "/documents/remove", self.ask_remove, Role.ADMIN),
            Route("POST", "/documents/remove", self.remove, Role.ADMIN),
        ]

    async def base(self, request: web.Request) -> web.Response:
        """What a base holds, and the clauses that are nearest to a text."""
        base, text = self._base_of(request.query), request.query.get("q", "").strip()[:1000]
        page = page_number(request.query.get("page", ""))
        listing = await self._room.listing(base, page)
        try:
            hits = await self._room.search(base, text, HITS) if text else None
        except RefusedTextError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        tools = self._room.tools
        return await self._page(
            request,
            "documents.html",
            base=base,
            listing=listing,
            page=page,
            pages=page_count(listing.count, PAGE),
            text=text,
            hits=hits,
            max_file=tools.limits.size,
            max_upload=tools.max_upload,
            removed=request.query.get("removed", ""),
        )

    async def send_checks(self, request: web.Request) -> web.Response:
        """Receive files to check against a base."""
        return await self._receive(request, "check")

    async def send_standards(self, request: web.Request) -> web.Response:
        """Receive files that are standards from now on."""
        return await self._receive(request, "add")

    async def upload(self, request: web.Request) -> web.Response:
        """An upload: every file with its result, and how many are left."""
        upload = self._upload_of(request.match_info["upload"])
        renewal = await self._room.renewal(upload.base) if upload.left else None
        return await self._page(request, "upload.html", upload=upload, renewal=renewal)

    async def check(self, request: web.Request) -> web.Response:
        """A file that was checked, side by side with the nearest standard or another near one."""
        upload, file, index = self._file_of(request.match_info["upload"], request.match_info["file"])
        check = file.check
        assert check is not None
        chosen = min(page_number(request.query.get("match", "")), max(len(check.matches) - 1, 0))
        page = page_number(request.query.get("page", ""))
        departures = check.matches[chosen].comparison.departures if check.matches else ()
        rows = [
            (departure, excerpt(departure.there, SIDE), excerpt(departure.here, SIDE))
            for departure in departures[page * DEPARTURES :][:DEPARTURES]
        ]
        return await self._page(
            request,
            "check.html",
            upload=upload,
            file=file,
            index=index,
            check=check,
            chosen=chosen,
            rows=rows,
            page=page,
            pages=page_count(len(departures), DEPARTURES),
        )

    async def check_json(self, request: web.Request) -> web.Response:
        """A check as `strayline documents check --json` prints it."""
        _, file, _ = self._file_of(request.match_info["upload"], request.match_info["file"])
        assert file.check is not None
        body = orjson.dumps(describe_check(file.check), option=orjson.OPT_INDENT_2)
        return web.Response(body=body, content_type="application/json")

    async def adopt(self, request: web.Request) -> web.Response:
        """A checked file is a standard from now on."""
        fields = await checked_form(request)
        upload, file, index = self._file_of(fields.get("upload", ""), fields.get("file", ""))
        try:
            await self._uploads.adopt(upload, file)
        except RefusedTextError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        raise web.HTTPSeeOther(self._pages.link(request, "documents", "uploads", upload.id, str(index)))

    async def ask_remove(self, request: web.Request) -> web.Response:
        """The form that removes a document."""
        base, identity = self._base_of(request.query), request.query.get("id", "")
        name = await self._room.name_of(base, identity)
        if name is None:
            raise web.HTTPNotFound(text="the base has no such document")
        return await self._page(request, "remove_document.html", base=base, id=identity, name=name)

    async def remove(self, request: web.Request) -> web.Response:
        """Remove a document with all that was kept of it."""
        fields = await checked_form(request)
        base = self._base_of(fields)
        removed = await self._room.remove(base, fields.get("id", ""))
        raise web.HTTPSeeOther(
            f"{self._pages.link(request, 'documents')}?{urlencode({'base': base, 'removed': removed})}"
        )

    async def _receive(self, request: web.Request, purpose: Purpose) -> web.Response:
        """Receive an upload, and lead to its page."""
        self._uploads.check_waiting()
        tools = self._room.tools

        def accept(fields: Mapping[str, str]) -> None:
            check_form(request, fields.get("csrf", ""))
            self._base_of(fields)

        receiver = FormReader(tools.limits.size, tools.max_upload, accept)
        try:
            await receiver.receive(request)
        except BaseException:
            await asyncio.to_thread(delete_files, receiver.files)
            raise
        author, base = request[LOGIN].account.name, self._base_of(receiver.fields)
        upload = Upload(new_id(), base, purpose, receiver.files, author, round(time() * 1000))
        self._uploads.begin(upload)
        raise web.HTTPSeeOther(self._pages.link(request, "documents", "uploads", upload.id))

    def _base_of(self, fields: Mapping[str, str]) -> str:
        """Return the base that a form or an address names; the configured one where it names none."""
        base = fields.get("base", "").strip() or self._room.tools.base
        if len(base) > LONGEST_BASE or not base.isprintable():
            raise web.HTTPBadRequest(text=f"base: must be at most {LONGEST_BASE} printable characters")
        return base

    def _upload_of(self, identity: str) -> Upload:
        upload = self._uploads.find(identity)
        if upload is None:
            raise web.HTTPNotFound(text="there is no such upload; results are kept until the console ends")
        return upload

    def _file_of(self, identity: str, index: str) -> tuple[Upload, UploadedFile, int]:
        """Return a file that was checked."""
        upload = self._upload_of(identity)
        number = page_number(index) if index.isdecimal() else len(upload.files)
        if number >= len(upload.files) or upload.files[number].check is None:
            raise web.HTTPNotFound(text="this upload has no such checked file")
        return upload, upload.files[number], number

    async def _page(self, request: web.Request, template: str, **values: object) -> web.Response:
        return self._pages.page(request, template, await self._pages.read(queries.totals), **values)
