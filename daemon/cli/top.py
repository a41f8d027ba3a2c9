"""`strayline top`: the state of the daemon and its scopes, from its metrics."""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.cli.parser import Parser, Verbs, add_verb, load

if TYPE_CHECKING:
    from rich.console import RenderableType

    from daemon.terminal.top import Scrape

DEFAULT_URL = "http://127.0.0.1:9108"


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    parser = add_verb(verbs, "top", top, "show the scopes' activity, from the daemon's metrics")
    parser.add_argument("--url", help=f"where it serves them (default: as configured, else {DEFAULT_URL})")
    parser.add_argument("--token-file", type=Path, help="a file with the bearer token, where http.users asks for one")
    parser.add_argument("--once", action="store_true", help="show totals once and end, as in a pipe")
    parser.add_argument("--interval", type=float, default=2.0, help="seconds between updates (default: 2)")
    parser.add_argument("--scope", help="also this scope's heaviest patterns, out of the baseline's topic")
    parser.add_argument("--limit", type=int, default=10, help="at most this many patterns (default: 10)")


def top(options: argparse.Namespace) -> int:
    """Show one table; on a terminal, update it until interrupted."""
    from rich.console import Group

    from daemon.terminal.console import Terminal
    from daemon.terminal.top import render

    url = options.url or _url(options)
    token = _token(options.token_file)
    console = Terminal(highlight=False, markup=False)
    patterns = _patterns(options) if options.scope is not None else None

    def screen(now: Scrape, before: Scrape | None) -> RenderableType:
        return Group(render(now, before), patterns) if patterns is not None else render(now, before)

    now = _scrape(url, token)
    if options.once or not console.is_terminal:
        console.print(screen(now, None))
        return 0
    from rich.live import Live
    from rich.text import Text

    from daemon.errors import UnavailableError

    with Live(screen(now, None), console=console, screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(options.interval)
            try:
                before, now = now, _scrape(url, token)
            except UnavailableError as error:
                live.update(Text(str(error), "bold red"), refresh=True)  # the daemon may be starting again
            else:
                live.update(screen(now, before), refresh=True)


def _url(options: argparse.Namespace) -> str:
    """Return the address of the configured daemon; without a config.yaml, the default address."""
    if options.config == Path("config.yaml") and not options.config.exists():
        return DEFAULT_URL
    http = load(options).http
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(http.host, http.host)  # noqa: S104  # asks, does not listen
    return f"{'https' if http.tls is not None else 'http'}://{host}:{http.port}"


def _token(file: Path | None) -> str | None:
    from daemon.errors import InputError
    from daemon.small_files import read_small

    if file is None:
        return None
    try:
        token = read_small(file).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: {getattr(error, 'strerror', None) or 'is not a token'}") from None
    if not token or token.split() != [token]:
        raise InputError(f"{file}: {'is not a token' if token else 'is empty; it must hold a token'}")
    return token


def _scrape(url: str, token: str | None) -> Scrape:
    from daemon.adapters.metrics_client import fetch
    from daemon.errors import DataError
    from daemon.terminal.top import read_scrape

    text = fetch(f"{url.rstrip('/')}/metrics", token)
    try:
        return read_scrape(text, time.monotonic())
    except ValueError as error:
        raise DataError(f"{url}/metrics is not an exposition in Prometheus's format: {error}") from None


def _patterns(options: argparse.Namespace) -> RenderableType:
    from daemon.cli.baseline_topic import read_baseline
    from daemon.cli.stored_baseline import chosen
    from daemon.errors import DataError
    from daemon.terminal.top import pattern_row, patterns_table
    from daemon.wiring import detector_settings, kafka_settings

    config = load(options)
    stored = asyncio.run(read_baseline(kafka_settings(config), config.topics.baseline, detector_settings(config)))
    if stored is None:
        raise DataError(f"{config.topics.baseline} is empty: nothing has been learned yet")
    chosen(stored, options.scope)
    return patterns_table(map(pattern_row, stored.detector.patterns(options.scope)[: options.limit]))
