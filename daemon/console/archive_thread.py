"""The archive on a thread of its own, so that no query blocks the event loop."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from daemon.console.archive import Archive
from daemon.errors import UnavailableError

P = ParamSpec("P")
T = TypeVar("T")
_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_SENTENCES = {
    sqlite3.SQLITE_FULL: "the disk is full; make room, or lower console.max_size",
    sqlite3.SQLITE_BUSY: "the file is in use by another process",
    sqlite3.SQLITE_READONLY: "the file cannot be written to",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written",
    **dict.fromkeys(_CORRUPT, "the file was corrupt; it is moved aside and filled again"),
}


class ArchiveThread:
    """Runs what uses the archive, one call after another."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self._thread = ThreadPoolExecutor(1, "archive")

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function on the archive's thread. Raises UnavailableError when the database cannot be used.

        A corrupt file is moved aside, and `archive` is then a new, empty one.
        """
        try:
            return await asyncio.wrap_future(self._thread.submit(self._run, partial(function, *args, **kwargs)))
        except sqlite3.Error as error:
            raise UnavailableError(f"console.archive: {_sentence(error)}") from None

    def _run(self, function: Callable[[], T]) -> T:
        try:
            return function()
        except sqlite3.DatabaseError as error:
            if _code(error) in _CORRUPT:
                self.archive = self.archive.begun_again()
            raise

    async def close(self) -> None:
        """Close the archive after the calls that are waiting."""
        await self.call(self.archive.close)
        self._thread.shutdown(wait=False)


def _code(error: sqlite3.Error) -> int:
    """Return the primary code of an error of SQLite, 0 where Python has raised it."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _sentence(error: sqlite3.Error) -> str:
    return _SENTENCES.get(_code(error), str(error))
