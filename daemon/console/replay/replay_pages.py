"""The page of replays: what would have been told under another budget, or with other labels and mutes."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import orjson
from aiohttp import web

from daemon.config.schema import AlertsConfig
from daemon.config.values import parse_budget, parse_rate
from daemon.console import queries
from daemon.console.pages import Pages
from daemon.console.replay.comparison import Compared, ReplayChange
from daemon.console.replay.picture import picture
from daemon.console.replay.replays import Replays, Words
from daemon.core.alerts import Provenance, alert_record
from daemon.core.incidents import Ceiling, IncidentSettings
from daemon.errors import StraylineError

ROWS = 50
MOST_WORDS = 100
MOST_SERVICES, LONGEST_SERVICE = 40, 120
"""Services that the form offers, and the characters of the longest: the page stays small."""
_ABOUT = Provenance("", "", "")
_ORDER = {"goes": 0, "comes": 1, "stays": 2}


@dataclass(frozen=True, slots=True)
class ReplayRow:
    """One incident of the list. Times are milliseconds; `before` and `after` count how often it is told.

    `can_be_labelled` is whether a cause of it is known; `known` whether the archive has a page of it.
    """

    id: str
    word: str
    time: int
    services: Sequence[str]
    severity: str
    summary: str
    before: int
    after: int
    can_be_labelled: bool
    known: bool


class ReplayPages:
    """The handler of replays."""

    def __init__(self, pages: Pages, replays: Replays) -> None:
        self._pages = pages
        self._replays = replays

    async def show(self, request: web.Request) -> web.Response:
        """The form, the picture, and which incidents stay, go and come."""
        query, configured = request.query, self._replays.settings
        budget = query.get("budget", configured.budget)[:40].strip()
        total = query.get("total", configured.total)[:40].strip()
        words = Words(*(frozenset(query.getall(name, ())[:MOST_WORDS]) for name in ("normal", "mute", "service")))
        settings, problem = configured.incidents, ""
        compared, recording, rows, services = None, None, list[ReplayRow](), list[str]()
        try:
            settings = changed_settings(configured.incidents, budget, total)
        except ValueError as error:
            problem = str(error)
        try:
            compared, recording = await self._replays.compare(settings, words)
        except StraylineError as error:
            problem = str(error)
        totals = await self._pages.read(queries.totals)
        if compared is not None:
            shown = sorted(compared.changes, key=lambda change: _ORDER[change.word])[:ROWS]
            known = await self._pages.read(lambda archive: _known(archive, [_id(change) for change in shown]))
            rows = [replay_row(change, known) for change in shown]
            services = _services(compared)
        return self._pages.page(
            request,
            "replay.html",
            totals,
            budget=budget,
            total=total,
            words=words,
            problem=problem,
            compared=compared,
            recording=recording,
            picture=picture(compared) if compared is not None else None,
            rows=rows,
            services=services,
            unread=self._replays.unread,
            beside=str(configured.beside or ""),
        )


def changed_settings(settings: IncidentSettings, budget: str, total: str) -> IncidentSettings:
    """Return the settings with a budget and a total as a configuration writes them. Raises ValueError with a sentence.

    An empty `total` is no limit.
    """
    alerts = AlertsConfig.model_construct(budget=parse_budget(budget), total=parse_rate(total or None))
    ceiling = Ceiling(per_day=alerts.per_day, share=alerts.share)
    return replace(settings, ceiling=ceiling, total=alerts.total_per_day)


def replay_row(change: ReplayChange, known: Collection[str]) -> ReplayRow:
    """Return an incident's row; `known` are the incidents that have a page."""
    news = change.shown.news
    alert = alert_record(replace(news, event="opened"), _ABOUT).alert
    return ReplayRow(
        id=news.incident.id,
        word=change.word,
        time=round(change.shown.at[0] * 1000),
        services=news.incident.services,
        severity=alert["severity"],
        summary=alert["summary"],
        before=len(change.before.at) if change.before is not None else 0,
        after=len(change.after.at) if change.after is not None else 0,
        can_be_labelled=bool(change.shown.causes),
        known=news.incident.id in known,
    )


def _services(compared: Compared) -> list[str]:
    """Return the services of what is told as it is, in order."""
    told = compared.before.told.values()
    names = {service for one in told for service in one.news.incident.services}
    return sorted(name for name in names if 0 < len(name) <= LONGEST_SERVICE)[:MOST_SERVICES]


def _id(change: ReplayChange) -> str:
    return change.shown.news.incident.id


def _known(connection: sqlite3.Connection, names: Sequence[str]) -> set[str]:
    rows = connection.execute(
        "SELECT id FROM incidents WHERE id IN (SELECT value FROM json_each(?))", (orjson.dumps(names).decode(),)
    )
    return {name for (name,) in rows}
