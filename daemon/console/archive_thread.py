"""The archive on a thread of its own, so that no query blocks the event loop."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from daemon.console.archive import Archive
from daemon.errors import UnavailableError

P = ParamSpec("P")
T = TypeVar("T")


class ArchiveThread:
    """Runs what uses the archive, one call after another."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self._thread = ThreadPoolExecutor(1, "archive")

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function on the archive's thread. Raises UnavailableError when the database cannot be used."""
        try:
            return await asyncio.wrap_future(self._thread.submit(function, *args, **kwargs))
        except sqlite3.Error as error:
            raise UnavailableError(f"console.archive: {error}") from None

    async def close(self) -> None:
        """Close the archive after the calls that are waiting."""
        await self.call(self.archive.close)
        self._thread.shutdown(wait=False)
