"""Files that are read again when they change: the users file, and the certificate with its key.

A change that cannot be used, such as a certificate whose key has not come yet, leaves in force what was before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from daemon.errors import StraylineError

log = structlog.get_logger(__name__)

EVERY_S = 2.0
"""Seconds between two looks."""

_Stamp = tuple[tuple[int, int, int] | None, ...]


class WatchedFiles:
    """Calls `read` each time one of `paths` has changed."""

    def __init__(self, paths: Sequence[Path], read: Callable[[], None], every_s: float = EVERY_S) -> None:
        self._paths = paths
        self._read = read
        self._every_s = every_s
        self._seen = self._stamp()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                if await asyncio.to_thread(self._look):
                    log.info("console_files_read", files=[str(path) for path in self._paths])
            except StraylineError as error:
                log.warning("console_files_unusable", error=str(error))

    def _look(self) -> bool:
        """Read the files if they have changed; return whether they have."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        self._read()
        return True

    def _stamp(self) -> _Stamp:
        return tuple(_stamp_of(path) for path in self._paths)


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
