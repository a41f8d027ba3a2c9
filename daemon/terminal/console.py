"""The console that commands print to."""

from __future__ import annotations

from rich.console import Console


class Terminal(Console):
    """rich's console, except that a closed pipe, as `head` leaves it, raises an exception instead of exiting with 1."""

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError, which the command line takes for the end of the work."""
        raise BrokenPipeError
