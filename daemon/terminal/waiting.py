"""Shows what a command waits for: a spinner with the seconds on a terminal, elsewhere one line after a while."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from daemon.core.text import clean

LONG = 2.0
"""Seconds after which a line is written where there is no terminal."""


@contextmanager
def waiting(what: str, console: Console | None = None, after: float = LONG) -> Iterator[None]:
    """Show on `console` (default: stderr) what the block waits for. Nothing of it stays on a terminal."""
    console = console or Console(stderr=True, file=sys.stderr)
    if console.is_terminal:
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            bar.add_task(clean(what), total=None)
            yield
        return
    line = threading.Timer(after, _say, (console, what))
    line.daemon = True
    line.start()
    try:
        yield
    finally:
        line.cancel()


def _say(console: Console, what: str) -> None:
    console.out(f"strayline: {clean(what)}", highlight=False)
