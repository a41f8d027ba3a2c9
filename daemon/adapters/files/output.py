"""Files that are written whole or not at all."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import zstandard

from daemon.errors import OutputError


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing under a temporary name, and rename it when it is complete.

    Raises OutputError when it cannot be written, for example on a full disk, and leaves nothing behind.
    """
    target = path.resolve()
    aside = target.is_file() or not target.exists()  # a pipe or a device is written directly
    part = target.with_name(f"{target.name}.part") if aside else target
    try:
        with part.open("wb") as file:
            yield file
        if aside:
            part.replace(target)
    except BaseException as error:
        if aside:
            with suppress(OSError):
                part.unlink()
        if isinstance(error, OSError):
            raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
        raise


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write lines to a file, compressed when its name ends in .zst or .gz. Raises OutputError as `whole_file` does."""
    with whole_file(path) as plain:
        if path.suffix == ".zst":
            packer = zstandard.ZstdCompressor(level=6).compressobj()
            plain.writelines(packer.compress(line + b"\n") for line in lines)
            plain.write(packer.flush())
        elif path.suffix == ".gz":
            with gzip.GzipFile(fileobj=plain, mode="wb") as zipped:
                zipped.writelines(line + b"\n" for line in lines)
        else:
            plain.writelines(line + b"\n" for line in lines)
