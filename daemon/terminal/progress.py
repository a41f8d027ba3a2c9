"""The progress of a backtest as a bar, on a terminal only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from daemon.backtest.options import Progress, Watcher
from daemon.core.text import clean


@contextmanager
def progress(console: Console | None = None) -> Iterator[Watcher]:
    """Yield the watcher for `run_backtest`; it draws a bar on `console` (default: stderr) while the block runs."""
    console = console or Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting", total=None, counts="")

        def watch(now: Progress) -> None:
            rate = now.lines / max(bar.tasks[0].elapsed or 0.0, 0.1)
            counts = f"{now.lines:,} lines  {rate:,.0f}/s  {now.sessions:,} sessions  {now.incidents:,} incidents"
            name = clean(Path(now.file).name)
            bar.update(task, description=name, completed=now.done, total=now.total, counts=counts)

        yield watch
