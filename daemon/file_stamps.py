"""Whether files have changed since the last check."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

Stamp = tuple[tuple[int, int, int] | None, ...]


def stamp_of(paths: Iterable[Path | str]) -> Stamp:
    """Return a stamp that differs once one of the files has changed; None for each file that does not exist."""
    return tuple(_of(Path(path)) for path in paths)


def _of(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
