"""The beginning of a file, for what must be known before the whole file is read."""

from __future__ import annotations

import io
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.adapters.files.decompression import BROKEN, decompressed
from daemon.adapters.files.paths import STDIN, printable
from daemon.errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer


def read_head(path: str, size: int, stdin: BufferedReader | None = None) -> bytes:
    """Return the first bytes of a file, unpacked, at most about `size`. Raises InputError when it cannot be read."""
    source = stdin if path == STDIN and stdin is not None else None
    if source is None and not Path(path).is_file():
        raise InputError(f"{printable(path)}: can be read only once, and is needed twice; give it as standard input")
    head = b""
    try:
        with source or Path(path).open("rb") as raw:
            for piece in decompressed(raw):
                head += piece
                if len(head) >= size:
                    break
    except BROKEN as error:
        if not head:
            raise InputError(f"{path}: cannot be read: {error}") from error
    return head


class Rewound(io.RawIOBase):
    """A stream that is read twice from its beginning: what was read the first time is remembered, and read again."""

    def __init__(self, source: BufferedReader) -> None:
        self._source, self._kept, self._at, self._keeps = source, bytearray(), 0, True

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Read what was kept, then from the source."""
        room = memoryview(buffer)
        piece = bytes(self._kept[self._at : self._at + len(room)])
        if not piece:
            piece = self._source.read1(len(room))
            if self._keeps:
                self._kept += piece
        self._at += len(piece)
        room[: len(piece)] = piece
        return len(piece)

    def rewind(self) -> None:
        """Go back to the beginning, and keep nothing from here on."""
        self._at, self._keeps = 0, False

    def close(self) -> None:
        """Stay open for the second reading."""
