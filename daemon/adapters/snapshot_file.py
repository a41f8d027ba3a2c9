"""The snapshot of the baselines: one file of numpy columns, written anew as a whole and checked as it is read.

    MAGIC, then sections: length (8 bytes), BLAKE2b digest of the content (16 bytes), content
    content: length of a JSON text (8 bytes), the text, then the bytes of the arrays that the text names
    first section: the head; then a section for each scope; last section: how many scopes there are

The new file has another name until it is complete and on the disk; then it replaces the old one. It holds masked lines
and vectors, as the baseline's topic does, so only its owner may read it. Nothing in it can be executed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from daemon.core.arrays import Arrays
from daemon.core.detection import SavedScope
from daemon.errors import DataError

MAGIC = b"strayline snapshot 1\n"
_NUMBER, _DIGEST = 8, 16
_KINDS = "biuf"


class Snapshot(NamedTuple):
    """A snapshot that is being read: what its writer said of it, and its scopes."""

    head: Mapping[str, Any]
    scopes: Iterator[SavedScope]


class SnapshotFile:
    """The file at `path`, of at most `max_bytes`."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path, self._max = path, max_bytes

    def open(self) -> Snapshot | None:
        """Return what is there, None when nothing is. Raises OSError and DataError."""
        with contextlib.suppress(FileNotFoundError):
            content = _contents(self._path)
            return Snapshot(_json(next(content, b"")), _scopes(content))
        return None

    def writer(self) -> PartialSnapshot:
        """Return what writes a new file."""
        return PartialSnapshot(self._path, self._max)


class PartialSnapshot:
    """A file on its way to `path`; it counts only when it is finished."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.bytes = 0
        self._path, self._max = path, max_bytes
        self._partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        self._scopes = 0
        self._opened = contextlib.ExitStack()

    def begin(self, head: Mapping[str, Any]) -> None:
        """Write the head of a new file. Raises OSError, and DataError where the file becomes larger than it may be."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._partial.unlink(missing_ok=True)
        number = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = self._opened.enter_context(os.fdopen(number, "wb"))
        self._file.write(MAGIC)
        self._write(_content(dict(head), {}))

    def add(self, saved: SavedScope) -> None:
        """Write one scope. Raises OSError, and DataError where the file becomes larger than it may be."""
        self._scopes += 1
        self._write(_content({"scope": saved.name}, saved.arrays))

    def finish(self) -> None:
        """Put the file in the place of the old one. Raises OSError."""
        self._write(_content({"scopes": self._scopes}, {}))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._opened.close()
        self._partial.replace(self._path)

    def abandon(self) -> None:
        """Remove what was written. Never raises."""
        with contextlib.suppress(OSError):
            self._opened.close()
        with contextlib.suppress(OSError):
            self._partial.unlink(missing_ok=True)

    def _write(self, content: list[bytes]) -> None:
        digest = blake2b(digest_size=_DIGEST)
        for piece in content:
            digest.update(piece)
        length = sum(map(len, content))
        self.bytes += length
        if self.bytes > self._max:
            raise DataError(f"the snapshot is larger than {self._max} bytes")
        self._file.write(length.to_bytes(_NUMBER, "little") + digest.digest())
        self._file.writelines(content)


def _content(said: dict[str, Any], arrays: Arrays) -> list[bytes]:
    """Return the pieces of one section."""
    shapes = [[name, array.dtype.str, array.shape] for name, array in arrays.items()]
    text = orjson.dumps({**said, "arrays": shapes})
    return [len(text).to_bytes(_NUMBER, "little"), text, *(array.tobytes() for array in arrays.values())]


def _contents(path: Path) -> Iterator[bytes]:
    """Yield the content of each section of a file. Raises DataError where one is not what was written."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if file.read(len(MAGIC)) != MAGIC:
            raise DataError(f"{path} is not a snapshot of this release")
        while file.tell() < size:
            yield _section(path, file, size)


def _section(path: Path, file: BufferedReader, size: int) -> bytes:
    length, digest = int.from_bytes(file.read(_NUMBER), "little"), file.read(_DIGEST)
    if length > size - file.tell():
        raise DataError(f"{path} is cut off at byte {size}")
    content = file.read(length)
    if blake2b(content, digest_size=_DIGEST).digest() != digest:
        raise DataError(f"{path} is damaged before byte {file.tell()}")
    return content


def _scopes(contents: Iterator[bytes]) -> Iterator[SavedScope]:
    """Yield the scopes of a file whose head was read."""
    count = 0
    for content in contents:
        said = _json(content)
        if "scope" not in said:
            if said["scopes"] != count or next(contents, None) is not None:
                raise DataError(f"the snapshot has {count} of {said['scopes']} scopes, or more than these")
            return
        count += 1
        yield SavedScope(said["scope"], dict(_arrays(content, said["arrays"])))
    raise DataError(f"the snapshot ends after {count} scopes")


def _json(content: bytes) -> dict[str, Any]:
    """Return what a section says of itself."""
    length = int.from_bytes(content[:_NUMBER], "little")
    try:
        said = orjson.loads(content[_NUMBER : _NUMBER + length])
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        raise DataError("the snapshot has a section that is not of this release")
    return said


def _arrays(content: bytes, shapes: list[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the arrays of a section, read only."""
    offset = _NUMBER + int.from_bytes(content[:_NUMBER], "little")
    for name, kind, shape in shapes:
        dtype = np.dtype(kind)
        if dtype.kind not in _KINDS:
            raise DataError(f"the snapshot has an array of {kind}")
        count = int(np.prod(shape, dtype=np.int64))
        yield name, np.frombuffer(content, dtype, count, offset).reshape(shape)
        offset += count * dtype.itemsize
