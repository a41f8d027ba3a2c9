"""Writes the pictures of docs/console.md: `python -m deploy.screenshots FOLDER`, the folder of a backtest's `--out`.

A real Kafka holds what the backtest found, and a real console follows it (`console_stage`). A person logs in and uses
every page and every form, and each is taken at 1,400 pixels in light and at 320 pixels, a telephone, in dark. The
pictures are of 128 colours, so that all of them together stay small.
"""

from __future__ import annotations

import asyncio
import io
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.async_api import Page, async_playwright

from deploy.console_stage import NAME, PASSWORD, stage

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs/images"
SIZES = (("wide", 1400, 900, "light"), ("phone", 320, 640, "dark"))
COLOURS = 128
MANY = 150
"""Files of an upload that is still at work when its page is taken."""
CONTRACT = """SERVICE AGREEMENT

1. The Supplier shall deliver the service to the Customer without interruption.

2. The Customer must pay each invoice within 30 days after it was received.

3. The Supplier indemnifies the Customer against claims of third parties that arise from the service.

4. Liability is limited to 10,000 EUR, except in cases of gross negligence.

5. Either party may terminate the agreement with a notice of three months.
"""
SIGNED = CONTRACT.replace("30 days", "90 days").replace("shall deliver", "may deliver")
STANDARDS = {"service-agreement.txt": CONTRACT, "short-agreement.txt": CONTRACT.partition("3. ")[0]}
CHECKED = {"signed.txt": SIGNED, "empty.txt": "", "scan.pdf": "this is not a PDF"}
BURST = {f"contract-{number:02}.txt": f"{CONTRACT}\n6. This is contract {number}.\n" for number in range(MANY)}


class Camera:
    """A page of the console at `url`, and the paths of the pictures taken of it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.taken: list[Path] = []

    async def go(self, address: str) -> None:
        """Open a page of the console."""
        await self.page.goto(f"{self.url}{address}")

    async def shoot(self, name: str, top: str = "body") -> None:
        """Take a picture of each size, of what is in the window when `top` is at its top."""
        for size, width, height, scheme in SIZES:
            await self.page.set_viewport_size({"width": width, "height": height})
            await self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            await self.page.locator(top).first.evaluate("element => element.scrollIntoView()")
            path = IMAGES / f"console-{name}-{size}.png"
            _save(await self.page.screenshot(), path)
            self.taken.append(path)

    async def until(self, address: str, selector: str) -> None:
        """Load a page until it shows something that comes from a topic."""
        for _ in range(200):
            await self.go(address)
            if await self.page.locator(selector).count():
                return
            await asyncio.sleep(0.1)
        raise TimeoutError(f"{address} does not show {selector}")


def _save(picture: bytes, path: Path) -> None:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    few = image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


async def take(folder: Path, work: Path) -> list[Path]:
    """Take all pictures; return their paths. `work` is an empty folder."""
    async with async_playwright() as playwright, stage(folder, work) as url:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        camera = Camera(await browser.new_page(), url)
        camera.page.set_default_timeout(120_000)  # a busy machine
        await _log_in(camera)
        await _lists(camera)
        await _words(camera)
        await _documents(camera)
        await browser.close()
    return camera.taken


async def _log_in(camera: Camera) -> None:
    page = camera.page
    await camera.go("")
    await page.fill("[name=name]", NAME)
    await page.fill("[name=password]", "wrong")
    await page.click("button")
    await page.wait_for_selector("[role=alert]")
    await camera.shoot("login")
    await page.fill("[name=name]", NAME)
    await page.fill("[name=password]", PASSWORD)
    await page.click("button")
    await page.wait_for_selector("#trust")


async def _lists(camera: Camera) -> None:
    """Take the pages that are looked at."""
    await camera.until("", "#trust:has-text('up to date')")
    await camera.shoot("incidents")
    await camera.go("services?span=1h")
    await camera.shoot("services")
    await camera.go("causes")
    await camera.shoot("causes")
    await camera.until("replay?service=nginx", "main:has(tbody tr):not(:has-text('to read:'))")
    await camera.shoot("replay")
    await camera.until("patterns", "tbody a")
    await camera.shoot("patterns")
    await camera.page.locator("tbody a").first.click()
    await camera.page.wait_for_selector("#named")
    await camera.shoot("pattern")


async def _words(camera: Camera) -> None:
    """Say everything that can be said of one incident, and take each form before it is sent."""
    page = camera.page
    await camera.go("")
    await page.locator(".summary").first.click()
    await page.wait_for_selector(".case")
    address = page.url.removeprefix(camera.url)
    await camera.shoot("incident")
    await page.click("text=This is normal")
    await page.fill("[name=note]", "the weekly rehearsal")
    await camera.shoot("feedback")
    await page.click("text=Send")
    await page.wait_for_selector(".sent")
    await camera.go(address)
    await page.click("text=Mute the cause")
    await page.fill("[name=note]", "until the new disk is in")
    await camera.shoot("mute")
    await page.click("button[value=mute]")
    await page.wait_for_selector(".sent")
    await camera.go(address)
    await page.click("button[value=acknowledge]")
    await page.wait_for_selector(".sent")
    await page.fill("[name=note]", "asked the database people")
    await page.click("button[value=note]")
    await camera.until("mutes", "button[value=unmute]")
    await camera.shoot("mutes")
    await camera.until(address, ".labels:has-text('asked the database people')")
    await camera.shoot("notes", "#notes")


async def _documents(camera: Camera) -> None:
    """Add standards, check texts, and take the pages of both."""
    page = camera.page
    await _send(camera, "standards", STANDARDS)
    await camera.go("documents")
    await camera.shoot("documents")
    await _send(camera, "standards", BURST, wait=False)
    await page.wait_for_selector("#results progress")
    await camera.shoot("progress")
    await page.wait_for_selector("#results:not([data-left])")
    await _send(camera, "checks", CHECKED)
    await camera.shoot("upload")
    await page.click("text=Side by side")
    await camera.shoot("check")
    await camera.go("documents?q=who+must+pay")
    await camera.shoot("search")
    await page.locator("text=Remove …").first.click()
    await page.wait_for_selector("text=cannot be undone")
    await camera.shoot("remove")


async def _send(camera: Camera, what: str, texts: Mapping[str, str], *, wait: bool = True) -> None:
    """Upload texts, and wait until each has its result."""
    await camera.go("documents")
    page = camera.page
    files = [{"name": name, "mimeType": "text/plain", "buffer": text.encode()} for name, text in texts.items()]
    await page.set_input_files(f"form[action$={what}] input[type=file]", files)  # type: ignore[arg-type]
    await page.click(f"form[action$={what}] button")
    await page.wait_for_selector("#results")
    if wait:
        await page.wait_for_selector("#results:not([data-left])")


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
    print(f"{len(taken)} pictures, {sum(path.stat().st_size for path in taken) / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
