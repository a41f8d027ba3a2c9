"""Every page of the console, in every state, in a real Chromium with axe-core: on a wide window and on a telephone.

The pages come from the table of routes, so a new one is looked at here without being listed, and fails where an
address of it is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import Mock

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect
from prometheus_client import CollectorRegistry

from daemon.adapters.web import hash_password
from daemon.console import ConsoleSettings, LinkTemplate, ReplaySettings
from daemon.console.console_metrics import ConsoleMetrics
from daemon.console.documents.document_pages import DocumentPages
from daemon.console.server import STREAMS, routes
from tests.console.test_browser import CHROMIUM, loaded, page_on, shown
from tests.support.consoles import ALERTS, FEEDBACK, OBSERVATIONS, PATTERN, FakeTopics, alert
from tests.support.document_rooms import Bases, HeldEngine, console_with_documents
from tests.support.documents import as_text
from tests.support.learned import lines_record, weight_record
from tests.support.recordings import FAULTS, SETTINGS, recorded

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
LONG = alert(2, key="k" * 300, summary="x" * 200, incident={"id": "incident-2", "event": "opened"})
LONG["session"][0]["text"] = "y" * 2_000
ALERT = alert(0)["id"]
STATES = {
    "/": ("", "?state=all", "?q=nothing", "nowhere"),
    "/incidents/{incident:.+}": ("incidents/incident-1?sent=remark", "incidents/incident-2", "incidents/none"),
    "/alerts/{alert:.+}": (f"alerts/{ALERT}",),
    "/services": ("services", "services?span=7d"),
    "/causes": ("causes", "causes?q=nothing"),
    "/patterns": ("patterns", "patterns?q=nothing"),
    "/pattern": (f"pattern?service=payments&pattern={PATTERN}", "pattern"),
    "/mutes": ("mutes?sent=mute",),
    "/mute": (f"mute?what=cause&alert={ALERT}", f"mute?what=service&alert={LONG['id']}"),
    "/replay": ("replay", "replay?service=shop&budget=1/day", "replay?budget=much"),
    "/feedback": tuple(f"feedback?verdict={word}&alert={ALERT}" for word in ("normal", "anomalous", "forget")),
    "/documents": ("documents", "documents?q=who+must+pay", "documents?base=none&q=pay"),
    "/documents/uploads/{upload}": ("{upload}", "documents/uploads/none"),
    "/documents/uploads/{upload}/{file}": ("{upload}/0", "{upload}/0?match=1"),
    "/documents/uploads/{upload}/{file}/json": ("{upload}/0/json",),
    "/documents/remove": ("{remove}",),
}
"""Addresses of a route's states; a route that is not here is asked for by its path alone."""


def pages() -> list[str]:
    """Return the paths of all routes that are read, but for streams, which never end."""
    room = DocumentPages(Mock(), Mock(), Mock())
    table = [*routes(Mock(), Mock(), ConsoleMetrics(CollectorRegistry())), *room.routes()]
    return [route.path for route in table if route.method == "GET" and route.path not in STREAMS]


@dataclass
class Inspection:
    """Looks at pages of one width; `problems` are what axe-core and the width say against them."""

    page: Page
    width: int
    schemes: tuple[str, str]
    problems: list[tuple[str, object]] = field(default_factory=list)

    async def look(self) -> None:
        """Look at what the browser shows, with all rules in one colour scheme and for contrast in the other."""
        for scheme, rules in zip(self.schemes, ({}, {"runOnly": ["color-contrast"]}), strict=True):
            await self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            for found in (await Axe().run(self.page, options=rules)).response["violations"]:
                nodes = [node["html"] for node in found["nodes"]]
                self.problems.append((self.page.url, (found["id"], nodes)))
        needed = await self.page.evaluate("document.documentElement.scrollWidth")
        if needed > self.width:
            self.problems.append((self.page.url, f"is {needed} pixels wide"))

    async def visit(self, address: str) -> int:
        """Open an address; look at it where it is a page. Return its status."""
        answer = await self.page.goto(address)
        assert answer is not None
        if "text/html" in answer.headers["content-type"]:
            await self.look()
        return answer.status


async def prepare(topics: FakeTopics) -> None:
    """Say on the topics whatever pages can show of them."""
    topics.send(ALERTS, alert(0), alert(1, severity="critical"), LONG)
    silent = recorded([*FAULTS, (140, "w" * 200, "ERROR " + "v" * 900)])
    topics.send(OBSERVATIONS, *silent.records[OBSERVATIONS])
    mute = {"action": "mute", "scope": "s" * 200, "until": "2099-01-01T00:00:00Z", "note": "n" * 300}
    over = {"action": "unmute", "scope": "shop", "pattern": PATTERN, "by": "ada"}
    muted = {"action": "mute", "scope": "payments", "until": "2099-01-01T00:00:00Z", "by": "ada"}
    remarks = [{"incident": "incident-1", "action": name, "by": "ada"} for name in ("acknowledge", "note")]
    topics.send(FEEDBACK, mute, over, muted, *(remark | {"note": "m" * 200} for remark in remarks))
    topics.learn(lines_record("payments", PATTERN, [("z" * 300, 1), *([("ok", 2)] * 5)]))
    topics.learn(weight_record("payments", PATTERN, {0: 3, 5: 1_000}))


async def log_in(inspection: Inspection, url: str) -> None:
    page = inspection.page
    await inspection.look()
    for password in ("wrong", "pw"):
        await page.goto(url)
        await page.fill("[name=name]", "ada")
        await page.fill("[name=password]", password)
        await page.click("button")
        if password == "wrong":
            await expect(page.locator("[role=alert]")).to_be_visible()
            await inspection.look()
    await loaded(page, "open incident")


async def send_files(page: Page, url: str, what: str, files: dict[str, bytes]) -> str:
    """Upload files; return the address of the upload."""
    await page.goto(f"{url}documents")
    sent = [{"name": name, "mimeType": "text/plain", "buffer": content} for name, content in files.items()]
    await page.set_input_files(f"form[action$={what}] input[type=file]", sent)  # type: ignore[arg-type]
    await page.click(f"form[action$={what}] button")
    await expect(page.locator("#results")).to_be_visible(timeout=120_000)
    return page.url.removeprefix(url)


@pytest.mark.parametrize(("width", "schemes"), [(1400, ("light", "dark")), (320, ("dark", "light"))])
async def test_every_page_is_accessible_and_fits(tmp_path: Path, width: int, schemes: tuple[str, str]) -> None:
    """axe-core finds nothing on any page, form or refusal, in light or dark, and no page scrolls sideways."""
    topics, bases = FakeTopics(), Bases(tmp_path / "bases")
    await prepare(topics)
    (tmp_path / "users.yaml").write_text(f"users: {{ada: {{role: admin, password: '{hash_password('pw')}'}}}}")
    links = [LinkTemplate("Kafka UI", "https://kafka-ui.example/{topic}/{partition}/{offset}")]
    settings = ConsoleSettings(users=tmp_path / "users.yaml", replay=ReplaySettings(SETTINGS), links=links)
    options = {"viewport": {"width": width, "height": 800}, "bypass_csp": True}
    standards = {f"{'long-' * 30}standard.txt": as_text().encode(), "short.txt": as_text().encode()[:200]}
    async with console_with_documents(bases) as app, page_on(app) as (page, _):
        await send_files(page, app.url, "standards", standards)
        await expect(page.locator("#results:not([data-left])")).to_be_visible(timeout=120_000)

    held = bases.engine = HeldEngine()
    async with console_with_documents(bases, settings, topics) as app, page_on(app, **options) as (page, _):
        inspection = Inspection(page, width, schemes)
        await log_in(inspection, app.url)
        await shown(page, f"{app.url}patterns", "1 pattern ")
        await shown(page, f"{app.url}documents", "embedded again")
        await inspection.look()
        texts = {"signed.txt": as_text().replace("30 days", "90 days").encode() + b"y" * 2_000, "empty.txt": b""}
        upload = await send_files(page, app.url, "checks", texts | {"broken.pdf": b"%PDF-1.4 no"})
        await expect(page.locator("#results progress").first).to_be_visible()
        await inspection.look()
        held.go_on.set()
        await expect(page.locator("#results:not([data-left])")).to_be_visible(timeout=120_000)
        await page.goto(f"{app.url}documents")
        remove = await page.locator("text=Remove …").first.get_attribute("href")
        seen = {}
        for path in pages():
            addresses = [
                address.format(upload=upload, remove=(remove or "").lstrip("/"))
                for address in STATES.get(path, (path[1:],))
            ]
            seen[path] = [await inspection.visit(app.url + address) for address in addresses]
        topics.send(ALERTS, alert(9, incident={"id": "incident-9", "event": "opened"}))
        await page.goto(app.url)
        topics.broken = True
        await shown_broken(page, app.url)
        await inspection.look()

    assert {} == {path: statuses for path, statuses in seen.items() if 200 not in statuses}
    assert [] == inspection.problems


async def shown_broken(page: Page, url: str) -> None:
    """Load the first page until it says that Kafka does not answer."""
    for _ in range(100):
        await page.goto(url)
        if "not connected" in await page.inner_text("#trust"):
            return
        await page.wait_for_timeout(100)
    raise AssertionError(await page.inner_text("#trust"))
