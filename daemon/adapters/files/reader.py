"""Files as batches: the given files are one topic of one partition, in the given order, and each line is a record.

Four rules:

* A pipe, a FIFO or a device is opened once, when its turn comes, and read to its end: what was read from it is gone.
* The first bytes of a file decide how it is read (gzip, xz, zstd or plain; UTF-16 or UTF-8), never its name. ``-`` is
  standard input.
* Offsets count lines through all files without a gap, so a position names one line of one file (`FileReader.place`).
* Memory holds one batch: at most `batch_lines` lines, and about `BATCH_BYTES`, however long the lines are.
"""

from __future__ import annotations

import codecs
import errno
import gzip
import io
import lzma
import os
import stat
import sys
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedIOBase, BufferedReader
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import zstandard

from daemon.core.formats import Layout, in_utf8, joined
from daemon.core.types import Batch, TopicPartition
from daemon.errors import InputError, OutputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

STDIN = "-"
BATCH_LINES = 10_000
BATCH_BYTES = 16 << 20
MAX_LINE_BYTES = 64 << 20
_CHUNK = 1 << 20
_SAMPLE = 512
_ZSTD_CHUNK = 4 << 10  # compressed bytes for one step; bounds how much a step can decompress
_GZIP, _XZ, _ZSTD = b"\x1f\x8b", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"
_BROKEN = (OSError, EOFError, lzma.LZMAError, zlib.error, zstandard.ZstdError)


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a record: a file as named on the command line, and its line, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def check_files(paths: Sequence[str]) -> None:
    """Raise InputError, naming every file that cannot be opened, before any work is done for the others."""
    problems = []
    once = []
    for path in paths:
        if path == STDIN:
            once.append(path)
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


def read_head(path: str, size: int, stdin: BufferedReader | None = None) -> bytes:
    """Return the first bytes of a file, unpacked, at most about `size`. Raises InputError when it cannot be read."""
    source = stdin if path == STDIN and stdin is not None else None
    if source is None and not Path(path).is_file():
        raise InputError(f"{printable(path)}: can be read only once, and is needed twice; give it as standard input")
    head = b""
    try:
        with source or Path(path).open("rb") as raw:
            for piece in _decompressed(raw):
                head += piece
                if len(head) >= size:
                    break
    except _BROKEN as error:
        if not head:
            raise InputError(f"{path}: cannot be read: {error}") from error
    return head


class Rewound(io.RawIOBase):
    """A stream that is read twice from its beginning: what was read the first time is remembered, and read again."""

    def __init__(self, source: BufferedReader) -> None:
        self._source, self._kept, self._at, self._keeps = source, bytearray(), 0, True

    def readable(self) -> bool:
        """It is."""
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
        """Stay open: there is a second time."""


def printable(path: str) -> str:
    """Return a file's name as text; bytes of it that are not UTF-8 are escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _check_special(path: str) -> None:
    """Raise OSError for a folder, or for a pipe or device that may not be read. Opening one would disturb it."""
    if Path(path).is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


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
                    for batch in self._records(_decompressed(raw)):
                        self.bytes_read = before + (raw.tell() if size is not None else 0)
                        yield batch
                    _check_whole(raw, size)
            except _BROKEN as error:
                place = Place(printable(path), self.offset - start + 1)
                reason = (error.strerror if isinstance(error, OSError) else None) or error
                raise InputError(f"{place}: cannot be read from here on: {reason}") from error
            except _LineTooLongError as error:
                place = Place(printable(path), self.offset - start + 1)
                raise InputError(f"{place}: a line of more than {MAX_LINE_BYTES >> 20} MiB; is this a log?") from error

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
            if encoding := _wide_encoding(first):
                pieces = in_utf8(pieces, encoding)
        lists = _lines(pieces, self._batch_lines)
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


class _LineTooLongError(Exception):
    pass


class _CutError(OSError):
    pass


def _size(paths: Sequence[str]) -> int | None:
    if STDIN in paths or not all(Path(path).is_file() for path in paths):
        return None
    return sum(Path(path).stat().st_size for path in paths)


def _size_of(raw: BufferedReader) -> int | None:
    """Return the size of an open file; None for what has none, as a pipe."""
    try:
        status = os.fstat(raw.fileno())
    except (OSError, ValueError):  # not a file of the system
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _check_whole(raw: BufferedReader, size: int | None) -> None:
    """Raise an error for a file that was cut while it was read."""
    if size is None:
        return
    done, now = raw.tell(), os.fstat(raw.fileno()).st_size
    if done < size or now < done:
        raise _CutError(
            f"the file was cut while it was read: {done:,} bytes came, {size:,} were there, {now:,} are now"
        )


def _wide_encoding(head: bytes) -> str | None:
    """Return UTF-16 if the beginning of a file is that: a byte order mark, or every other byte of a line NUL."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = head[:_SAMPLE]
    if len(sample) < 8 or b"\0" not in sample:
        return None
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if odd > 0.6 * len(sample) / 2 and even == 0:
        return "utf-16-le"
    return "utf-16-be" if even > 0.6 * len(sample) / 2 and odd == 0 else None


def _decompressed(raw: BufferedReader) -> Iterator[bytes]:
    """Yield a file's bytes in pieces, decompressed as its first bytes require."""
    head = raw.peek(6)[:6]
    if head.startswith(_ZSTD):
        yield from _decompressed_zstd(raw)
        return
    if head.startswith(_GZIP):
        with gzip.GzipFile(fileobj=raw) as packed:
            yield from _pieces(packed)
    elif head.startswith(_XZ):
        with lzma.LZMAFile(raw) as squeezed:
            yield from _pieces(squeezed)
    else:
        yield from _pieces(raw)


def _pieces(file: BufferedIOBase) -> Iterator[bytes]:
    while piece := file.read1(_CHUNK):  # of a broken file, everything before the break
        yield piece


def _decompressed_zstd(raw: BufferedReader) -> Iterator[bytes]:
    """Yield the decompressed frames. zstandard's own reader does not notice that a file is truncated."""
    frame = None
    while data := raw.read(_ZSTD_CHUNK):
        while data:
            frame = frame or zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()
            if piece := frame.decompress(data):
                yield piece
            data = frame.unused_data if frame.eof else b""
            frame = None if frame.eof else frame
    if frame is not None:
        raise EOFError("Compressed file ended before the end-of-stream marker was reached")


def _lines(pieces: Iterable[bytes], batch_lines: int) -> Iterator[list[bytes]]:
    """Cut pieces at newlines into lists of lines; a last line without a newline counts.

    When reading fails, the complete lines before the failure are yielded first, so the caller's count is exact.
    """
    lines: list[bytes] = []
    buffered = 0
    open_line: list[bytes] = []  # a long line has many pieces, which are joined once
    open_bytes = 0
    broken: Exception | None = None
    try:
        for piece in pieces:
            open_line.append(piece)
            open_bytes += len(piece)
            if b"\n" in piece:
                *whole, rest = b"".join(open_line).split(b"\n")
                lines += whole
                buffered += open_bytes - len(rest)
                open_line, open_bytes = [rest], len(rest)
            if open_bytes > MAX_LINE_BYTES:
                broken = _LineTooLongError()
                break
            while len(lines) >= batch_lines or buffered >= BATCH_BYTES:
                yield lines[:batch_lines]
                del lines[:batch_lines]
                buffered = sum(map(len, lines))
    except _BROKEN as error:
        broken = error
    if open_bytes and not broken:
        lines.append(b"".join(open_line))
    if lines:
        yield lines
    if broken:
        raise broken
