"""The bytes of a file: decompressed and decoded as its first bytes require, whatever its name."""

from __future__ import annotations

import codecs
import gzip
import lzma
import zlib
from collections.abc import Iterator
from io import BufferedIOBase, BufferedReader

import zstandard

_CHUNK = 1 << 20
_SAMPLE = 512
_ZSTD_CHUNK = 512
"""Compressed bytes for one step. Four of them may hold 128 KiB, so a step gives at most 16 MiB."""
_WINDOW = 1 << 27
"""Bytes of a zstd frame that a reader has to remember: as many as the zstd program allows without being asked."""
_XZ_MEMORY = 256 << 20
"""Bytes that unpacking xz may take; its strongest setting takes 65 MiB."""
_GZIP, _XZ, _ZSTD = b"\x1f\x8b", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"
BROKEN = (OSError, EOFError, lzma.LZMAError, zlib.error, zstandard.ZstdError)
"""What reading a damaged file raises."""


def decompressed(raw: BufferedReader) -> Iterator[bytes]:
    """Yield a file's bytes in pieces, decompressed as its first bytes require."""
    head = raw.peek(6)[:6]
    if head.startswith(_ZSTD):
        yield from _from_zstd(raw)
        return
    if head.startswith(_GZIP):
        with gzip.GzipFile(fileobj=raw) as packed:
            yield from _pieces(packed)
    elif head.startswith(_XZ):
        yield from _from_xz(raw)
    else:
        yield from _pieces(raw)


def _pieces(file: BufferedIOBase) -> Iterator[bytes]:
    while piece := file.read1(_CHUNK):  # of a damaged file, everything before the damage
        yield piece


def _from_xz(raw: BufferedReader) -> Iterator[bytes]:
    """Yield the decompressed streams. The library's own reader has no limit on memory."""
    stream, data = None, b""
    while data or (stream is not None and not stream.needs_input) or (data := raw.read(_CHUNK)):
        if stream is None:
            data = data.lstrip(b"\0")  # streams may be padded
            stream = lzma.LZMADecompressor(memlimit=_XZ_MEMORY) if data else None
            continue
        piece, data = stream.decompress(data, _CHUNK), b""
        if stream.eof:
            data, stream = stream.unused_data, None
        if piece:
            yield piece
    if stream is not None:
        raise EOFError("Compressed file ended before the end-of-stream marker was reached")


def _from_zstd(raw: BufferedReader) -> Iterator[bytes]:
    """Yield the decompressed frames. zstandard's own reader does not notice that a file is truncated."""
    frame = None
    while data := raw.read(_ZSTD_CHUNK):
        while data:
            frame = frame or zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
            piece = frame.decompress(data)
            yield from (piece[begin : begin + _CHUNK] for begin in range(0, len(piece), _CHUNK))
            data = frame.unused_data if frame.eof else b""
            frame = None if frame.eof else frame
    if frame is not None:
        raise EOFError("Compressed file ended before the end-of-stream marker was reached")


def wide_encoding(head: bytes) -> str | None:
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
