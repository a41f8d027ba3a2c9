"""The console that commands print to."""

from __future__ import annotations

from rich.console import Console


class Terminal(Console):
    """rich's console, except that a reader who leaves, as `head` does, is an exception and not an exit with 1."""

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError, which the command line takes for the end of the work."""
        raise BrokenPipeError
