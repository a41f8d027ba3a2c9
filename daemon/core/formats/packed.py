"""Values that are packed: compressed by gzip, zlib or zstd, or with the header of a schema registry.

All of these begin with bytes that no text begins with, so a text is never taken for one of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Protocol

import zstandard

MAX_UNPACKED = 64 << 20
"""The most bytes of an unpacked value."""
_GZIP, _ZSTD, _REGISTRY, _GLUE = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\0", b"\x03"
_REGISTRY_HEADER, _GLUE_HEADER = 5, 18
_GLUE_COMPRESSED = 5
_AUTO = zlib.MAX_WBITS | 32  # gzip or zlib, by the header
_CHUNK = 512
"""Bytes that are unpacked at once. A zstd block of 4 bytes may hold 128 KiB, so a chunk holds at most 16 MiB."""


class _Member(Protocol):
    """The decompressor of one member, of either library."""

    @property
    def eof(self) -> bool:
        """Whether the member is complete."""
        ...

    @property
    def unused_data(self) -> bytes:
        """The part of the last chunk that follows the member."""
        ...

    def decompress(self, data: bytes, /) -> bytes:
        """Return the next chunk, unpacked."""
        ...


class PackedError(ValueError):
    """A value that cannot be unpacked; the message names how it is packed."""


def unpacked(value: bytes) -> bytes:
    """Return a value without its compression. Raises PackedError when it is damaged or larger than `MAX_UNPACKED`."""
    for magic, (name, unpack) in _PACKINGS.items():
        if value.startswith(magic):
            try:
                return unpack(value)
            except (zlib.error, zstandard.ZstdError, EOFError) as error:
                raise PackedError(f"the value is {name} and cannot be unpacked: {error}") from error
    return value


def schema_header(value: bytes) -> tuple[str, int] | None:
    """Return the schema's id and the header's length of a value with a registry's header; None without one.

    Confluent's and Apicurio's header is a zero and 4 bytes, AWS Glue's 18 bytes.
    """
    if value.startswith(_REGISTRY) and len(value) > _REGISTRY_HEADER:
        return str(int.from_bytes(value[1:_REGISTRY_HEADER])), _REGISTRY_HEADER
    if value.startswith(_GLUE) and len(value) > _GLUE_HEADER and value[1] in (0, _GLUE_COMPRESSED):
        return value[2:_GLUE_HEADER].hex(), _GLUE_HEADER
    return None


def without_schema_header(value: bytes) -> bytes:
    """Return a value without a registry's header."""
    header = schema_header(value)
    if header is None:
        return value
    body = value[header[1] :]
    return _from_zlib(body) if value.startswith(_GLUE) and value[1] == _GLUE_COMPRESSED else body


def _from_zlib(value: bytes) -> bytes:
    return _members(value, lambda: zlib.decompressobj(_AUTO))


def _from_zstd(value: bytes) -> bytes:
    return _members(value, zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj)


def _members(value: bytes, decompressor: Callable[[], _Member]) -> bytes:
    """Return what all members of a value hold: gzip and zlib streams, or zstd frames, one after the other.

    A member is fed in chunks, so that it is rejected before much more than `MAX_UNPACKED` bytes are in memory.
    """
    parts, size, at = [], 0, 0
    while at < len(value):
        member = decompressor()
        while not member.eof:
            if at >= len(value):
                raise EOFError("it ends too early")
            chunk = value[at : at + _CHUNK]
            parts.append(member.decompress(chunk))
            size, at = size + len(parts[-1]), at + len(chunk)
            if size > MAX_UNPACKED:
                raise EOFError(f"it holds more than {MAX_UNPACKED >> 20} MiB")
        at -= len(member.unused_data)
    return b"".join(parts)


_PACKINGS: Mapping[bytes, tuple[str, Callable[[bytes], bytes]]] = {
    _GZIP: ("gzip", _from_zlib),
    _ZSTD: ("zstd", _from_zstd),
    b"\x78\x9c": ("zlib", _from_zlib),
    b"\x78\xda": ("zlib", _from_zlib),
    b"\x78\x01": ("zlib", _from_zlib),
}
