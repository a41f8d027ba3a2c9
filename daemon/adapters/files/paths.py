"""Files by name: which can be opened, and their names as text."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from daemon.errors import InputError

STDIN = "-"


def check_files(paths: Sequence[str]) -> None:
    """Raise InputError, naming every file that cannot be opened, before any work is done for the others."""
    problems = []
    once = []
    for path in paths:
        if path == STDIN:
            once.append(path)
            if sys.stdin is None:
                problems.append(f"{path}: standard input is closed")
            continue
        try:
            if not stat.S_ISREG(Path(path).stat().st_mode):
                once.append(path)
                _check_special(path)
            else:
                Path(path).open("rb").close()
        except OSError as error:
            problems.append(f"{printable(path)}: {error.strerror or error}")
    twice = sorted({printable(path) for path in once if once.count(path) > 1})
    problems += [f"{path}: {'standard input ' if path == STDIN else ''}can be read only once" for path in twice]
    if problems:
        raise InputError("\n".join(problems))


def last_written(paths: Sequence[str]) -> int:
    """Return when the newest file was last written, in microseconds: now for standard input, and for what is gone."""
    newest = 0.0
    for path in paths:
        try:
            newest = max(newest, time.time() if path == STDIN else Path(path).stat().st_mtime)
        except OSError:
            newest = time.time()
    return int(newest * 1e6)


def printable(path: str) -> str:
    """Return a file's name as text; bytes of it that are not UTF-8 are escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _check_special(path: str) -> None:
    """Raise OSError for a folder, or for a pipe or device that may not be read. Opening one would disturb it."""
    if Path(path).is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
