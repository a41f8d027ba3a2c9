"""A file for what is seldom needed while the process runs; implements `ColdStorage`.

The file has no name, so nothing but this process can open it, and the system removes it when the process ends, however
that happens. What is freed is used again, and the file becomes shorter when its end is free.
"""

from __future__ import annotations

import errno
import os
import weakref
from bisect import insort
from pathlib import Path
from tempfile import TemporaryFile

from daemon.core.detection import Extent


class ColdFile:
    """A file of at most `max_bytes` in `folder`, made when something is first put there."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max = folder, max_bytes
        self._number: int | None = None
        self._end = 0
        self._free: list[Extent] = []
        """Unused parts before the end, in order; no two of them touch."""

    @property
    def used(self) -> int:
        """The bytes that are in it."""
        return self._end - sum(part.length for part in self._free)

    def put(self, content: bytes) -> Extent:
        """Write `content` where there is room for it. Raises OSError when there is none; nothing is kept then."""
        number = self._open()
        place = self._take(len(content))
        try:
            written = 0
            while written < len(content):
                written += os.pwrite(number, memoryview(content)[written:], place.begin + written)
        except OSError:
            self.free(place)
            raise
        return place

    def read(self, place: Extent) -> bytes:
        """Return what was put at `place`. Raises OSError."""
        number, content = self._open(), bytearray()
        while len(content) < place.length:
            piece = os.pread(number, place.length - len(content), place.begin + len(content))
            if not piece:
                raise OSError(errno.EIO, "the file of cold scopes is cut off")
            content += piece
        return bytes(content)

    def free(self, place: Extent) -> None:
        """Use the room at `place` for something else, or give it back where nothing lies behind it."""
        insort(self._free, place)
        joined: list[Extent] = []
        for part in self._free:
            if joined and sum(joined[-1]) == part.begin:
                joined[-1] = Extent(joined[-1].begin, joined[-1].length + part.length)
            else:
                joined.append(part)
        if joined and sum(joined[-1]) == self._end:
            self._end = joined.pop().begin
            os.ftruncate(self._open(), self._end)
        self._free = joined

    def _take(self, length: int) -> Extent:
        """Take the first part that is long enough, else lengthen the file. Raises OSError where that is too long."""
        for number, part in enumerate(self._free):
            if part.length >= length:
                self._free[number : number + 1] = [Extent(part.begin + length, part.length - length)]
                self._free = [one for one in self._free if one.length]
                return Extent(part.begin, length)
        if self._end + length > self._max:
            raise OSError(errno.EDQUOT, f"the cold scopes would take more than {self._max} bytes")
        self._end += length
        return Extent(self._end - length, length)

    def _open(self) -> int:
        """Return the number of the open file. Raises OSError where the folder does not take one."""
        if self._number is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with TemporaryFile(dir=self._folder) as file:
                self._number = os.dup(file.fileno())
            weakref.finalize(self, os.close, self._number)
        return self._number
