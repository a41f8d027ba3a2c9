"""The console in a real Chromium: nothing of a log runs, news come by themselves, keys and small screens are enough."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from daemon.adapters.web import hash_password
from daemon.console import Console, ConsoleSettings, ReplaySettings
from tests.support.consoles import ALERTS, FEEDBACK, FakeTopics, alert, console
from tests.support.ports import free_port
from tests.support.recordings import FAULTS, SETTINGS, recorded

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
REPLAYING = ConsoleSettings(visitor="ada", replay=ReplaySettings(SETTINGS))
HOSTILE = [
    "<script>document.title = 'owned'</script>",
    "<img src=x onerror=\"document.title = 'owned'\">",
    "\"><svg onload=document.title='owned'>",
    "' onmouseover='document.title=\"owned\"' x='",
    "javascript:document.title='owned'",
    "{{ 7 * 7 }} {% raw %} ${7*7} <!-- -->",
    "</textarea></title></style><iframe srcdoc='<script>parent.document.title=1</script>'>",
    "\u202egpj.exe \u2066x\u2069 \x1b]0;owned\x07 \x00\x08",
    "<a href=http://evil.example ping=http://evil.example>click</a>",
    "<meta http-equiv=refresh content='0;url=http://evil.example'><base href=//evil.example>",
]


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield chromium
        finally:
            await chromium.close()


@asynccontextmanager
async def page_on(app: Console, **options: Any) -> AsyncIterator[tuple[Page, list[str]]]:
    """Open the console's first page; the list collects errors of scripts and refused loads."""
    async with browser() as chromium:
        page = await (await chromium.new_context(**options)).new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        await page.goto(app.url)
        yield page, problems


async def filled(messages: Sequence[dict[str, Any]]) -> FakeTopics:
    topics = FakeTopics()
    topics.send(ALERTS, *messages)
    return topics


async def loaded(page: Page, count: str) -> None:
    """Load the page until it counts so many open incidents."""
    for _ in range(50):
        if count in await page.inner_text("#trust"):
            return
        await asyncio.sleep(0.1)
        await page.reload()
    raise AssertionError(await page.inner_text("#trust"))


async def shown(page: Page, address: str, what: str) -> None:
    """Load a page until it shows `what`."""
    for _ in range(50):
        await page.goto(address)
        if what in await page.inner_text("main"):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(await page.inner_text("main"))


async def test_nothing_of_a_log_runs() -> None:
    """A corpus of hostile lines in every field changes no page, loads nothing, and is shown as text."""
    messages = []
    for at, text in enumerate(HOSTILE):
        message = alert(at, scope=text, key=text, summary=text, incident={"id": f"i{at}{text}", "event": "opened"})
        message["session"][0] |= {"text": text, "nearest_normal": text}
        message["contrast"]["missing_here"][0]["text"] = text
        messages.append(message)
    topics = await filled(messages)
    async with console(topics) as app, page_on(app) as (page, problems):
        outside: list[str] = []
        page.on("request", lambda request: outside.append(request.url) if app.url not in request.url else None)
        await loaded(page, f"{len(HOSTILE)} open incidents")
        links = await page.locator(".summary").evaluate_all("links => links.map(link => link.href)")
        for link in links:
            await page.goto(link)
            assert "owned" not in await page.title() or "document.title" in await page.title()
            assert 0 == await page.locator("main script, main iframe, main img, main meta, main base").count()

    assert len(HOSTILE) == len(links)
    assert [] == problems
    assert [] == outside


async def test_a_new_incident_is_told_within_a_second_and_moves_nothing() -> None:
    """The list stays as it is and says what is new; one click shows it."""
    topics = await filled([alert(0)])
    async with console(topics) as app, page_on(app) as (page, problems):
        await loaded(page, "1 open incident")
        await page.wait_for_function("performance.getEntriesByName(document.body.dataset.events).length >= 0")
        await asyncio.sleep(0.3)
        topics.send(ALERTS, alert(9, severity="critical", incident={"id": "i9", "event": "opened"}))
        await expect(page.locator("#news")).to_contain_text("1 incident new or changed", timeout=1_000)
        assert 1 == await page.locator(".incident").count()
        await page.click("#news a")
        await expect(page.locator(".incident")).to_have_count(2)

    assert [] == problems


async def test_a_browser_whose_clock_is_off_shows_the_same_times() -> None:
    """Five hours ahead and in another zone: times are the server's, in UTC, and news come."""
    topics = await filled([alert(0), alert(61, incident={"id": "i2", "event": "opened"})])
    shown_times = []
    for options in ({}, {"timezone_id": "Asia/Kolkata"}):
        async with console(topics) as app, page_on(app, **options) as (page, problems):
            if options:
                await page.clock.set_system_time(datetime.now(UTC) + timedelta(hours=5))
            await loaded(page, "2 open incidents")
            assert re.search(r"up to date \d+ s ago", await page.inner_text("#trust"))
            shown_times.append(await page.locator("time").all_inner_texts())
            if options:
                topics.send(ALERTS, alert(9, incident={"id": "i9", "event": "opened"}))
                await expect(page.locator("#news")).to_contain_text("1 incident new or changed")
            assert [] == problems

    assert "2026-11-22 10:01:01" in shown_times[0]
    assert shown_times[0] == shown_times[1]


async def test_eight_tabs_share_one_stream() -> None:
    """Over HTTP/1.1 a browser opens six connections to a host; all eight tabs load, and all hear the news."""
    topics = await filled([alert(0)])
    async with console(topics) as app, page_on(app) as (first, _):
        await loaded(first, "1 open incident")
        tabs = [first]
        for _ in range(7):
            tab = await first.context.new_page()
            await tab.goto(app.url, timeout=5_000)
            tabs.append(tab)
        await asyncio.sleep(0.3)
        topics.send(ALERTS, alert(9, incident={"id": "i9", "event": "opened"}))
        for tab in tabs:
            await expect(tab.locator("#news")).to_contain_text("new or changed", timeout=3_000)


async def test_a_lost_stream_says_so_and_resumes() -> None:
    """When the network breaks the page says it; what happened meanwhile is told afterwards."""
    topics = await filled([alert(0)])
    async with console(topics) as app, page_on(app) as (page, _):
        await loaded(page, "1 open incident")
        await asyncio.sleep(0.3)
        await app.close()
        await expect(page.locator("#news")).to_contain_text("The connection is lost", timeout=20_000)
        topics.send(ALERTS, alert(9, incident={"id": "i9", "event": "opened"}))
        same = free_port("console", number=urlsplit(app.url).port or 0)
        again = Console(ConsoleSettings(same, visitor="ada"), topics.topics())
        await again.start()
        try:
            await expect(page.locator("#news a")).to_be_visible(timeout=60_000)
            await page.click("#news a")
            await loaded(page, "2 open incidents")
        finally:
            await again.close()


async def test_a_browser_that_slept_for_a_night_is_led_to_the_login(tmp_path: Path) -> None:
    """When its session is gone meanwhile, the open page says so, and its link leads to the login and back."""
    (tmp_path / "users.yaml").write_text(f"users: {{ada: {{role: viewer, password: '{hash_password('pw')}'}}}}")
    settings = ConsoleSettings(users=tmp_path / "users.yaml")
    topics = await filled([alert(0)])
    async with console(topics, settings) as app, page_on(app) as (page, _):
        await page.fill("[name=name]", "ada")
        await page.fill("[name=password]", "pw")
        await page.click("button")
        await loaded(page, "1 open incident")
        await asyncio.sleep(0.3)
        await app.close()
        same = free_port("console", number=urlsplit(app.url).port or 0)
        again = Console(replace(settings, where=same), topics.topics())
        await again.start()
        try:
            await expect(page.locator("#news")).to_contain_text("your session may have ended", timeout=20_000)
            await page.click("#news a")
            await expect(page.locator("h1")).to_have_text("strayline")
            assert "/login?next=" in page.url
        finally:
            await again.close()


async def test_the_keyboard_is_enough() -> None:
    """From the list to a sent label without a mouse."""
    topics = await filled([alert(0), alert(1)])
    async with console(topics) as app, page_on(app) as (page, problems):
        await loaded(page, "1 open incident")
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_contain_text("deadlock")
        for _ in range(30):
            await page.keyboard.press("Tab")
            if "This is normal" in await page.evaluate("document.activeElement.textContent"):
                break
        await page.keyboard.press("Enter")
        await expect(page.locator(".preview")).to_contain_text("1 incident")
        await page.keyboard.type("a rehearsal")
        await page.keyboard.press("Enter")
        await expect(page.locator(".sent")).to_contain_text("Sent")
        await page.wait_for_load_state()  # the script that knows the keys has run
        await page.keyboard.press("u")
        await expect(page.locator("h1")).to_have_text("Incidents")

    assert 1 == len(topics.records[FEEDBACK])
    assert [] == problems


async def test_a_replay_needs_no_mouse() -> None:
    """From the list to a replay of what a label would have silenced."""
    topics = recorded(FAULTS)
    async with console(topics, REPLAYING) as app, page_on(app) as (page, problems):
        await page.goto(f"{app.url}replay")
        await page.locator("input[name=normal]").first.focus()
        await page.keyboard.press("Space")
        await page.keyboard.press("Enter")
        await expect(page.locator("#outcome")).to_contain_text("1 would go, 0 would come, 3 stay")
        await expect(page.locator("input[name=normal]").first).to_be_checked()
        await page.keyboard.press("j")
        assert "input" != await page.evaluate("document.activeElement.localName")

    assert [] == problems
    assert [] == topics.records[FEEDBACK]
