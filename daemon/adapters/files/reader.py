"""Files as the records of one topic of one partition; the package's docstring gives the rules."""

from __future__ import annotations

import os
import stat
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from itertools import chain
from pathlib import Path

from daemon.adapters.files.decompression import BROKEN, decompressed, wide_encoding
from daemon.adapters.files.lines import LineTooLongError, cut_lines
from daemon.adapters.files.paths import STDIN, printable
from daemon.core.formats import Layout, in_utf8, joined
from daemon.core.types import Batch, TopicPartition
from daemon.errors import InputError

BATCH_LINES = 10_000


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a record: a file as named on the command line, and its line, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class FileReader:
    """Reads files into batches of `source`, with offsets from `first_offset` on."""

    def __init__(
        self,
        paths: Sequence[str],
        source: TopicPartition,
        *,
        first_offset: int = 0,
        batch_lines: int = BATCH_LINES,
        stdin: BufferedReader | None = None,
        layout: Layout | None = None,
    ) -> None:
        self.paths = tuple(paths)
        self.source = source
        self.offset = first_offset
        """The next line's offset."""
        self.bytes_read = 0
        """Bytes of the files read so far, before decompression."""
        self.bytes_total = _size(paths)
        """Bytes of all files; None when standard input is one of them."""
        self._batch_lines = batch_lines
        self._stdin = stdin
        self._layout = layout or Layout()
        self._starts: list[int] = []

    def batches(self) -> Iterator[Batch]:
        """Yield the records of all files. Raises InputError, which names the file and the line that cannot be read."""
        for path in self.paths:
            self._starts.append(self.offset)
            start, before = self.offset, self.bytes_read
            try:
                with self._open(path) as raw:
                    size = _size_of(raw)
                    for batch in self._records(decompressed(raw)):
                        self.bytes_read = before + (raw.tell() if size is not None else 0)
                        yield batch
                    _check_whole(raw, size)
            except BROKEN as error:
                place = Place(printable(path), self.offset - start + 1)
                reason = (error.strerror if isinstance(error, OSError) else None) or error
                raise InputError(f"{place}: cannot be read from here on: {reason}") from error
            except LineTooLongError as error:
                place = Place(printable(path), self.offset - start + 1)
                raise InputError(f"{place}: {error}") from error

    def place(self, offset: int) -> Place:
        """Return the place of the record at `offset`, which must have been read by this reader."""
        at = bisect_right(self._starts, offset) - 1
        return Place(printable(self.paths[at]), offset - self._starts[at] + 1)

    @property
    def opened(self) -> dict[str, int]:
        """The offset of the first line of every file opened so far; for a file given twice, the first time."""
        return dict(reversed(list(zip(self.paths, self._starts, strict=False))))

    def _open(self, path: str) -> BufferedReader:
        if path != STDIN:
            return Path(path).open("rb")
        if self._stdin is not None:
            return self._stdin
        if sys.stdin is None:
            raise InputError("-: standard input is closed")
        assert isinstance(sys.stdin.buffer, BufferedReader)
        return sys.stdin.buffer

    def _records(self, pieces: Iterator[bytes]) -> Iterator[Batch]:
        """Yield one file's records; a record of many lines has the offset of its first."""
        if self._layout.encoding != "utf-8":
            pieces = in_utf8(pieces, self._layout.encoding)
        else:
            first = next(pieces, b"")
            pieces = chain([first], pieces)
            if encoding := wide_encoding(first):
                pieces = in_utf8(pieces, encoding)
        lists = cut_lines(pieces, self._batch_lines)
        if self._layout.begins is None:
            yield from map(self._batch, lists)
            return
        for records in joined(lists, self._layout.begins):
            offsets = []
            for record in records:
                offsets.append(self.offset)
                self.offset += len(record)
            values = [b"\n".join(record) for record in records]
            yield Batch(self.source, offsets, [-1] * len(values), [None] * len(values), values)

    def _batch(self, lines: list[bytes]) -> Batch:
        first, count = self.offset, len(lines)
        self.offset += count
        return Batch(self.source, range(first, first + count), [-1] * count, [None] * count, lines)


class _CutError(OSError):
    pass


def _size(paths: Sequence[str]) -> int | None:
    if STDIN in paths or not all(Path(path).is_file() for path in paths):
        return None
    return sum(Path(path).stat().st_size for path in paths)


def _size_of(raw: BufferedReader) -> int | None:
    """Return the size of an open file; None for a file without a size, such as a pipe."""
    try:
        status = os.fstat(raw.fileno())
    except (OSError, ValueError):  # without a file descriptor
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _check_whole(raw: BufferedReader, size: int | None) -> None:
    """Raise an error for a file that was truncated while it was read."""
    if size is None:
        return
    done, now = raw.tell(), os.fstat(raw.fileno()).st_size
    if done < size or now < done:
        raise _CutError(
            f"the file was cut while it was read: {done:,} bytes came, {size:,} were there, {now:,} are now"
        )
