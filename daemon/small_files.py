"""Files that people name in a configuration or beside it: small ones, whatever lies at their path.

A path may lead to a pipe that nobody writes to, to a device without an end, or to gigabytes. Reading ends soon and
within `MOST` bytes all the same, and what is wrong is an OSError whose `strerror` is the sentence. A pipe that somebody
writes to is read to its end: `--config <(decrypt config.yaml)` is one.
"""

from __future__ import annotations

import errno
import os
import select
import stat
from io import FileIO
from pathlib import Path
from time import monotonic

MOST = 4 << 20
"""Bytes."""
PATIENCE = 10.0
"""Seconds for all that a pipe gives."""
_AT_ONCE = 1 << 16
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""Opening never waits, and a terminal does not become that of the process."""


def read_small(path: Path | str) -> bytes:
    """Return what a file holds. Raises OSError, also for more than `MOST` bytes and for a pipe that gives nothing."""
    content, until = bytearray(), monotonic() + PATIENCE
    with _opened(path) as file:
        while piece := _piece(file, until, path):
            content += piece
            _check_size(len(content), path)
        if not content and stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.ENODATA, "is a pipe that nobody writes to", str(path))
    return bytes(content)


def read_line(path: Path | str) -> str:
    """Return a file's one line of text, such as a token, without its end. Raises OSError, also for anything else."""
    try:
        text = read_small(path).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise OSError(errno.EILSEQ, "is not UTF-8", str(path)) from None
    if not text or not text.isprintable():
        raise OSError(errno.EINVAL, "must hold one line of printable text", str(path))
    return text


def check_small(path: Path | str) -> None:
    """Raise OSError for what is not an ordinary file of at most `MOST` bytes: something else opens it by its name."""
    with _opened(path) as file:
        status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "is a pipe or a device, and must be a file", str(path))
    _check_size(status.st_size, path)


def _opened(path: Path | str) -> FileIO:
    """Return an open file. Raises OSError, also for a folder."""
    number = os.open(path, _FLAGS)
    try:
        return FileIO(number)
    except OSError as error:
        os.close(number)
        raise OSError(error.errno, error.strerror, str(path)) from None


def _piece(file: FileIO, until: float, path: Path | str) -> bytes:
    """Return the next bytes, none at the end. Raises OSError where nothing comes in time."""
    while (piece := file.read(_AT_ONCE)) is None:
        poll, left = select.poll(), until - monotonic()
        poll.register(file, select.POLLIN)
        if left <= 0 or not poll.poll(1000 * left):
            raise OSError(errno.ETIMEDOUT, f"gives nothing for {PATIENCE:g} s", str(path))
    return piece


def _check_size(size: int, path: Path | str) -> None:
    if size > MOST:
        raise OSError(errno.EOVERFLOW, f"is larger than {MOST >> 20} MiB", str(path))
