"""Whether files have changed since they were looked at last."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

Stamp = tuple[tuple[int, int, int] | None, ...]


def stamp_of(paths: Iterable[Path | str]) -> Stamp:
    """Return what tells that one of some files has changed, None for each that is not there."""
    return tuple(_of(Path(path)) for path in paths)


def _of(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
