"""Files that are read again when they change: the users file, and the certificate with its key.

A change that cannot be used, such as a certificate whose key has not come yet, leaves the previous content in use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from daemon.errors import StraylineError
from daemon.file_stamps import stamp_of

log = structlog.get_logger(__name__)

EVERY_S = 2.0
"""Seconds between two checks."""


class WatchedFiles:
    """Calls `read` each time one of `paths` has changed."""

    def __init__(self, paths: Sequence[Path], read: Callable[[], None], every_s: float = EVERY_S) -> None:
        self._paths = paths
        self._read = read
        self._every_s = every_s
        self._seen = stamp_of(paths)

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                if await asyncio.to_thread(self._look):
                    log.info("files_read_again", files=[str(path) for path in self._paths])
            except StraylineError as error:
                log.warning("files_unusable", error=str(error))

    def _look(self) -> bool:
        """Read the files if they have changed; return whether they have."""
        stamp = stamp_of(self._paths)
        if stamp == self._seen:
            return False
        self._seen = stamp
        self._read()
        return True
