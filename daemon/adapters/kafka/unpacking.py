"""Compressed batches are unpacked up to a bound, whatever they say of themselves.

aiokafka unpacks a whole batch at once and without a limit, and one megabyte may hold gigabytes. This module puts its
own functions in the place of aiokafka's decoders, for every consumer of the process. It depends on their names
(`gzip_decode`, ...) in the modules of `DefaultRecordBatch` and `LegacyRecordBatch`.

What bounds each codec: zlib stops at a length; a zstd frame is read in steps; a snappy block begins with its length,
which its decoder holds it to; an lz4 frame states the largest size of its blocks, which its decoder holds them to.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import cramjam
import zstandard
from aiokafka import codec
from aiokafka.errors import KafkaError
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatch

from daemon.adapters.kafka.settings import DEFAULT_MOST

Payload = bytes | memoryview
BYTES_A_HEADER = 128
"""A batch may hold a header of a record for so many of the bytes that it may unpack to."""
SMALL = 8_000_000
"""Bytes of a batch whose headers are not counted. A header of 2 bytes takes 64 bytes as an object."""
_CHUNK = 16 * 1024
_STEP = 1024 * 1024
_GZIP = zlib.MAX_WBITS | 16
_XERIAL = codec.snappy_encode(b"")
"""What Java's snappy streams begin with: 16 bytes."""
_LZ4_MAGIC, _LZ4_RATIO = b"\x04\x22\x4d\x18", 255
_DAMAGED = (zlib.error, zstandard.ZstdError, cramjam.DecompressionError, EOFError, struct.error)


class UnpackingError(KafkaError):  # type: ignore[misc]  # aiokafka is untyped here
    """A batch that is not unpacked; the message is a sentence."""

    def __str__(self) -> str:
        return str(self.args[0])


class TooLargeError(UnpackingError):
    """A batch that unpacks to more bytes than it may."""


class DamagedError(UnpackingError):
    """A batch that cannot be unpacked."""


@dataclass(slots=True)
class Unpacking:
    """How large one batch may become, and how large the batches unpacked so far are, in bytes."""

    most: int
    size: int = 0


_CURRENT: ContextVar[Unpacking | None] = ContextVar("unpacking", default=None)


@contextmanager
def unpacking(most: int) -> Iterator[Unpacking]:
    """Bound the batches that are unpacked in this context to `most` bytes each, and count what they hold."""
    current = Unpacking(most)
    token = _CURRENT.set(current)
    try:
        yield current
    finally:
        _CURRENT.reset(token)


def gunzip(payload: Payload, most: int) -> bytes:
    """Return what gzip members hold. Raises TooLargeError, and zlib.error or EOFError for damaged ones."""
    view, parts, size, at = memoryview(payload), list[bytes](), 0, 0
    while at < len(view):
        member = zlib.decompressobj(_GZIP)
        while not member.eof:
            chunk = view[at : at + _CHUNK]
            if not chunk:
                raise EOFError("it ends too early")
            parts.append(member.decompress(chunk, most + 1 - size))
            size += len(parts[-1])
            if size > most:
                raise _too_large(most)
            at += len(chunk) - len(member.unused_data)
    return b"".join(parts)


def unsnap(payload: Payload, most: int) -> bytes:
    """Return what a snappy block, or a stream of Java's, holds. Raises TooLargeError and DecompressionError."""
    if sum(map(cramjam.snappy.decompress_raw_len, _snappy_blocks(memoryview(payload)))) > most:
        raise _too_large(most)
    data: bytes = codec.snappy_decode(payload)
    return data


def _snappy_blocks(view: memoryview) -> Iterator[memoryview]:
    if not (len(view) > len(_XERIAL) and view[: len(_XERIAL)] == _XERIAL):
        yield view
        return
    at = len(_XERIAL)
    while at < len(view):
        (length,) = struct.unpack_from("!i", view, at)
        if not 0 < length <= len(view) - at - 4:
            raise EOFError("a block ends too early")
        yield view[at + 4 : at + 4 + length]
        at += 4 + length


def unlz4(payload: Payload, most: int) -> bytes:
    """Return what an lz4 frame holds. Raises TooLargeError and DecompressionError."""
    if len(payload) * _LZ4_RATIO <= most or _lz4_bound(memoryview(payload)) <= most:
        data: bytes = codec.lz4_decode(payload)
        return data
    room = bytearray(most)
    try:
        size = cramjam.lz4.decompress_into(payload, room)
    except cramjam.DecompressionError as error:
        if "write whole buffer" in str(error):
            raise _too_large(most) from None
        raise
    return bytes(memoryview(room)[:size])


def _lz4_bound(view: memoryview) -> float:
    """Return the most bytes that an lz4 frame can hold by the number and the largest size of its blocks."""
    if view[:4] != _LZ4_MAGIC or len(view) < 7:
        return float("inf")
    flags, largest = view[4], 1 << (8 + 2 * (view[5] >> 4 & 7))
    at, blocks = 7 + (8 if flags & 8 else 0) + (4 if flags & 1 else 0), 0
    while at + 4 <= len(view):
        (length,) = struct.unpack_from("<I", view, at)
        if length == 0:
            end = at + 4 + (4 if flags & 4 else 0)
            return blocks * largest if end >= len(view) else float("inf")
        blocks += 1
        at += 4 + (length & 0x7FFF_FFFF) + (4 if flags & 16 else 0)
    return float("inf")


def unzstd(payload: Payload, most: int) -> bytes:
    """Return what zstd frames hold. Raises TooLargeError and ZstdError."""
    parts, size = list[bytes](), 0
    with zstandard.ZstdDecompressor().stream_reader(payload, read_across_frames=True) as reader:
        while part := reader.read(_STEP):
            parts.append(part)
            size += len(part)
            if size > most:
                raise _too_large(most)
    return b"".join(parts)


def headers_of(data: bytes, most: float) -> int:
    """Return how many headers the records of an unpacked batch state, counted until there are more than `most`.

    What is not a record ends the count: aiokafka's reader will object to it.
    """
    at, count = 0, 0
    try:
        while at < len(data) and count <= most:
            length, at = _number(data, at)
            end = at + length
            _, at = _number(data, at + 1)  # one byte of attributes, the time
            _, at = _number(data, at)  # the offset
            for _ in ("key", "value"):
                length, at = _number(data, at)
                at += max(length, 0)
            stated, _ = _number(data, at)
            if end <= at or stated < 0:
                break
            count, at = count + stated, end
    except IndexError:
        return count
    return count


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return the signed number of variable length at a place, and the place behind it. Raises IndexError."""
    byte, shift, number = data[at], 0, 0
    while byte & 0x80:
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        byte = data[at]
    number |= byte << shift
    return (number >> 1) ^ -(number & 1), at + 1


def _too_large(most: int) -> TooLargeError:
    return TooLargeError(f"a compressed batch unpacks to more than {most:,} bytes")


def _bounded(name: str, unpack: Callable[[Payload, int], bytes], *, headers: bool) -> Callable[[Payload], bytes]:
    """Return a decoder of aiokafka's kind that heeds the bound of the context it is called in.

    `headers` says whether the records that it unpacks may have some.
    """

    def decode(payload: Payload) -> bytes:
        current = _CURRENT.get() or Unpacking(DEFAULT_MOST)
        try:
            data = unpack(payload, current.most)
        except _DAMAGED as error:
            raise DamagedError(f"a batch compressed by {name} cannot be unpacked: {error}") from None
        current.size += len(data)
        many = current.most // BYTES_A_HEADER
        if headers and len(data) > SMALL and headers_of(data, many) > many:
            raise TooLargeError(f"a compressed batch holds more than {many:,} headers")
        return data

    return decode


_DECODERS = {"gzip": gunzip, "snappy": unsnap, "lz4": unlz4, "zstd": unzstd}


def _install() -> None:
    for batch in (DefaultRecordBatch, LegacyRecordBatch):
        module = sys.modules[batch.__module__]
        for name, unpack in _DECODERS.items():
            if hasattr(module, f"{name}_decode"):  # old batches are not compressed by zstd
                setattr(module, f"{name}_decode", _bounded(name, unpack, headers=batch is DefaultRecordBatch))


_install()
