"""Writes the pictures of docs/console.md: `python -m deploy.screenshots FOLDER`, the folder of a backtest's `--out`.

Each page is taken at 1,400 pixels in light and at 320 pixels, a telephone, in dark, with the Chromium that is
installed. The room for documents has a base of contracts made here, and the lite engine.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Page, async_playwright

from daemon.cli.console import document_room
from daemon.config import Config
from daemon.console import Console, ConsoleSettings, LinkTemplate, ReplaySettings
from daemon.core.incidents import IncidentSettings

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs/images"
SIZES = (("wide", 1400, 900, "light"), ("phone", 320, 640, "dark"))
CONTRACT = """SERVICE AGREEMENT

1. The Supplier shall deliver the service to the Customer without interruption.

2. The Customer must pay each invoice within 30 days after it was received.

3. The Supplier indemnifies the Customer against claims of third parties that arise from the service.

4. Liability is limited to 10,000 EUR, except in cases of gross negligence.

5. Either party may terminate the agreement with a notice of three months.
"""
SIGNED = CONTRACT.replace("30 days", "90 days").replace("shall deliver", "may deliver")
STANDARDS = {"service-agreement.txt": CONTRACT, "short-agreement.txt": CONTRACT.partition("3. ")[0]}
LINKS = [LinkTemplate("Kafka UI", "https://kafka-ui.example/{topic}/{partition}/{offset}")]

REPLAY = ReplaySettings(IncidentSettings(warm_up=300))  # as demo/config.yaml


async def take(folder: Path, work: Path) -> list[Path]:
    """Take all pictures; return their paths. `work` is an empty folder."""
    documents = {"engine": {"type": "lite"}, "console": {"documents": str(work / "bases")}}
    room = document_room(Config.model_validate(documents))
    console = Console(ConsoleSettings(folder=folder, links=LINKS, replay=REPLAY), None, room)
    await console.start()
    taken = []
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for name, width, height, scheme in SIZES:
                size = {"width": width, "height": height}
                context = await browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
                page = await context.new_page()
                taken += await _pages(page, console.url, name)
                taken += await _documents(page, console.url, name)
            await browser.close()
    finally:
        await console.close()
    return taken


async def _pages(page: Page, url: str, size: str) -> list[Path]:
    await page.goto(url)
    paths = [await _shot(page, f"console-incidents-{size}.png")]
    await page.locator(".summary").first.click()
    await page.wait_for_selector(".case")
    paths.append(await _shot(page, f"console-incident-{size}.png"))
    pages = {
        "services": "services?span=1h",
        "causes": "causes",
        "replay": "replay?service=nginx",
        "patterns": "patterns",
    }
    for name, address in pages.items():
        await page.goto(f"{url}{address}")
        paths.append(await _shot(page, f"console-{name}-{size}.png"))
    await page.locator("tbody a").first.click()
    await page.wait_for_selector("#named")
    return [*paths, await _shot(page, f"console-pattern-{size}.png")]


async def _documents(page: Page, url: str, size: str) -> list[Path]:
    """Add standards, check a text, and take the pages of both."""
    await _send(page, url, "standards", STANDARDS)
    await page.goto(f"{url}documents")
    paths = [await _shot(page, f"console-documents-{size}.png")]
    await _send(page, url, "checks", {"signed.txt": SIGNED})
    await page.click("text=Side by side")
    return [*paths, await _shot(page, f"console-check-{size}.png")]


async def _send(page: Page, url: str, what: str, texts: dict[str, str]) -> None:
    """Upload texts, and wait until each has its result."""
    await page.goto(f"{url}documents")
    files = [{"name": name, "mimeType": "text/plain", "buffer": text.encode()} for name, text in texts.items()]
    await page.set_input_files(f"form[action$={what}] input[type=file]", files)  # type: ignore[arg-type]
    await page.click(f"form[action$={what}] button")
    await page.wait_for_selector("#results:not([data-left])", timeout=120_000)


async def _shot(page: Page, name: str) -> Path:
    path = IMAGES / name
    await page.screenshot(path=path)
    return path


def main(arguments: list[str]) -> int:
    """Take the pictures of the folder that the command line names."""
    if len(arguments) != 1:
        print("usage: python -m deploy.screenshots FOLDER", file=sys.stderr)
        return 64
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory() as work:
        taken = asyncio.run(take(Path(arguments[0]), Path(work)))
    for path in taken:
        print(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
