"""The room for documents in a real Chromium: files are sent, checked and taken as standards, on small screens too."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.console.test_browser import CHROMIUM, HOSTILE, page_on
from tests.support.document_rooms import Bases, console_with_documents
from tests.support.documents import as_text

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (320, "dark")])
async def test_from_a_standard_to_a_checked_text(tmp_path: Path, width: int, scheme: str) -> None:
    """Adding, checking, reading the case and adopting it; no page scrolls sideways, and axe-core finds nothing."""
    hostile = "".join(f"{at}. {text}\n\n" for at, text in enumerate(HOSTILE, 6) if "\x00" not in text)
    standard = tmp_path / f"{'long-' * 30}standard.txt"
    standard.write_text(as_text() + hostile)
    (tmp_path / "signed.txt").write_text(as_text().replace("30 days", "90 days") + "y" * 2_000 + "\n")
    (tmp_path / "empty.txt").write_text("")
    options = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme, "bypass_csp": True}
    async with console_with_documents(Bases(tmp_path / "bases")) as app, page_on(app, **options) as (page, problems):

        async def fits() -> None:
            found = (await Axe().run(page)).response["violations"]
            assert [] == [(each["id"], [node["html"] for node in each["nodes"]]) for each in found]
            assert width >= await page.evaluate("document.documentElement.scrollWidth")

        await page.click("nav >> text=Documents")
        await page.set_input_files("form[action$=standards] input[type=file]", standard)
        await page.click("form[action$=standards] button")
        await expect(page.locator("#results")).to_contain_text("clauses", timeout=30_000)
        await page.click(".up a")
        await expect(page.locator(".count")).to_contain_text("1 document")
        await fits()
        files = [tmp_path / "signed.txt", tmp_path / "empty.txt"]
        await page.set_input_files("form[action$=checks] input[type=file]", files)
        await page.click("form[action$=checks] button")
        await expect(page.locator("#results")).to_contain_text("empty: the file holds nothing", timeout=30_000)
        await fits()
        await page.click("text=Side by side")
        await expect(page.locator("ins", has_text="90")).to_be_visible()
        await fits()
        await page.click("text=This is a standard from now on")
        await expect(page.locator(".sent")).to_contain_text("is a standard of base standards now")
        await page.goto(f"{app.url}documents?q=who+must+pay")
        await expect(page.locator("#hits")).to_be_visible()
        await fits()
        await page.click("text=Remove … >> nth=0")
        await expect(page.locator("h1")).to_contain_text("Remove")
        await fits()
        assert "owned" not in await page.title()

    assert [] == problems


async def test_what_is_too_large_is_said_before_it_is_sent(tmp_path: Path) -> None:
    """The reason stands beside the button, and nothing leaves the browser; so does a refusal by the server."""
    (tmp_path / "large.txt").write_bytes(b"x" * 300)
    (tmp_path / "small.txt").write_bytes(b"Terms")
    bases = Bases(tmp_path / "bases", max_file=200, max_upload=1_000)
    async with console_with_documents(bases) as app, page_on(app) as (page, _):
        posts: list[str] = []
        page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
        await page.goto(f"{app.url}documents")
        await page.set_input_files("form[action$=checks] input[type=file]", tmp_path / "large.txt")
        await page.click("form[action$=checks] button")
        await expect(page.locator(".sending").first).to_contain_text("large.txt is larger than 200 bytes")
        assert [] == posts
        await page.set_input_files("form[action$=checks] input[type=file]", tmp_path / "small.txt")
        await page.evaluate("document.querySelector('form[action$=checks] input[name=csrf]').value = 'old'")
        await page.click("form[action$=checks] button")
        await expect(page.locator(".sending").first).to_contain_text("Not taken: this form is out of date")
        assert 1 == len(posts)
