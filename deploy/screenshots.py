"""Writes the pictures of docs/console.md: `python -m deploy.screenshots FOLDER`, the folder of a backtest's `--out`.

Each page is taken at 1,400 pixels in light and at 320 pixels, a telephone, in dark, with the Chromium that is
installed.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

from playwright.async_api import Page, async_playwright

from daemon.console import Console, ConsoleSettings, LinkTemplate

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs/images"
SIZES = (("wide", 1400, 900, "light"), ("phone", 320, 640, "dark"))
LINKS = [LinkTemplate("Kafka UI", "https://kafka-ui.example/{topic}/{partition}/{offset}")]


async def take(folder: Path) -> list[Path]:
    """Take all pictures; return their paths."""
    console = Console(ConsoleSettings(folder=folder, links=LINKS), None)
    await console.start()
    taken = []
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for name, width, height, scheme in SIZES:
                size = {"width": width, "height": height}
                context = await browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
                taken += await _pages(await context.new_page(), console.url, name)
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
    await page.goto(f"{url}services?span=1h")
    paths.append(await _shot(page, f"console-services-{size}.png"))
    await page.goto(f"{url}causes")
    return [*paths, await _shot(page, f"console-causes-{size}.png")]


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
    for path in asyncio.run(take(Path(arguments[0]))):
        print(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
