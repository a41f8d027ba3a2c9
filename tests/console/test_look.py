"""One look for the console's pages and the backtest's report."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import aiohttp
import pytest

from daemon import look
from tests.support.consoles import FakeTopics, console

SHEETS = [files("daemon.console").joinpath("static", "console.css"), files("daemon.backtest").joinpath("page.css")]
COLOUR = re.compile(r"var\((--[a-z-]+)\)")


@pytest.mark.parametrize("sheet", SHEETS, ids=str)
def test_every_colour_of_a_sheet_has_a_value(sheet: Path) -> None:
    """What a page's own sheet uses is defined there or in the shared look."""
    own = sheet.read_text(encoding="utf-8")
    defined = set(re.findall(r"(--[a-z-]+):", look.style() + own))

    assert set() == set(COLOUR.findall(own)) - defined


async def test_the_console_serves_the_shared_look() -> None:
    """Pages load it before their own sheet."""
    async with console(FakeTopics()) as app, aiohttp.ClientSession() as client:
        async with client.get(app.url) as answer:
            page = await answer.text()
        async with client.get(f"{app.url}static/look.css") as answer:
            assert look.style() == await answer.text()

    assert page.index("/static/look.css") < page.index("/static/console.css")
