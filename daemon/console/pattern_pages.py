"""The pages of patterns: what is normal in each service, and one pattern whole."""

from __future__ import annotations

from aiohttp import web

from daemon.console import pattern_queries, queries
from daemon.console.pages import Pages, page_count, page_number


class PatternPages:
    """Handlers of patterns."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def list(self, request: web.Request) -> web.Response:
        """The patterns of one service or of all, the most frequent first."""
        scope, text = request.query.get("service", "")[:1000], request.query.get("q", "")[:200]
        number = page_number(request.query.get("page", ""))
        (listed, count), scopes, totals = await self._pages.read(
            lambda archive: (
                pattern_queries.patterns(archive, scope, text, number),
                pattern_queries.pattern_scopes(archive),
                queries.totals(archive),
            )
        )
        return self._pages.page(
            request,
            "patterns.html",
            totals,
            patterns=listed,
            count=count,
            scopes=scopes,
            scope=scope,
            text=text,
            number=number,
            pages=page_count(count, pattern_queries.PAGE),
            state=self._pages.feeds.patterns,
        )

    async def one(self, request: web.Request) -> web.Response:
        """One pattern: its lines, when it came, and the incidents that named it."""
        scope, name = request.query.get("service", "")[:1000], request.query.get("pattern", "")[:1000]
        pattern, named, totals = await self._pages.read(
            lambda archive: (
                pattern_queries.pattern(archive, scope, name),
                pattern_queries.incidents_that_named(archive, scope, name),
                queries.totals(archive),
            )
        )
        if pattern is None:
            raise web.HTTPNotFound(text="the archive has no such pattern")
        return self._pages.page(request, "pattern.html", totals, pattern=pattern, named=named)
