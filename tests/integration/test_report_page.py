"""The report's page in a real browser."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from daemon.backtest import BacktestOptions
from tests.support.backtests import backtest, record, sessions, write

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
EVIL = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium (Debian: apt install chromium)")


def rendered(page: Path, profile: Path) -> tuple[str, str]:
    """Return the document as it stands after its script has run, and what the browser had to say."""
    command = [
        str(CHROMIUM),
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        f"--user-data-dir={profile}",
        "--virtual-time-budget=2000",
        "--dump-dom",
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    return done.stdout, done.stderr


async def test_the_page_works_in_a_browser(tmp_path: Path) -> None:
    """Under its own policy the page's script runs, its charts are there, and markup from a log stays text."""
    lines = [*sessions(400, (300, 350)), record(4001, EVIL, f"{EVIL} ERROR never seen")]
    await backtest(BacktestOptions([write(tmp_path / "a.jsonl", lines)], out=tmp_path / "out"))
    dom, log = rendered(tmp_path / "out" / "report.html", tmp_path / "profile")
    assert "<title>strayline backtest" in dom
    assert "owned" not in dom.partition("</title>")[0]
    assert '<input id="find" type="search"' in dom
    find = dom.partition('<input id="find"')[2].partition(">")[0]
    assert "hidden" not in find  # the script has run: it shows the box when there is something to find
    assert dom.count("<svg") >= 3
    incidents, _, strangest = dom.partition("<h2>The strangest sessions</h2>")
    assert 2 == incidents.count("<details>")  # the odd sessions are one
    assert 1 <= strangest.count("<details>") <= 10
    assert "&lt;img" in dom
    assert "<img" not in dom
    assert "CONSOLE" not in log
