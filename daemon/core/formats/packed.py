"""Values that are packed: compressed by gzip, zlib or zstd, or behind the header of a schema registry.

All of these begin with bytes that no text begins with, so that nothing is lost by looking.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

import zstandard

MAX_UNPACKED = 64 << 20
"""Bytes that a value may have when it is unpacked."""
_GZIP, _ZSTD, _REGISTRY, _GLUE = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\0", b"\x03"
_REGISTRY_HEADER, _GLUE_HEADER = 5, 18
_GLUE_COMPRESSED = 5
_AUTO = zlib.MAX_WBITS | 32  # gzip or zlib, by the header


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
    """Return the schema's id and the header's length of a value behind a registry's header; None without one.

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
    return _inflated(body) if value.startswith(_GLUE) and value[1] == _GLUE_COMPRESSED else body


def _inflated(value: bytes) -> bytes:
    """Return every member of a gzip or zlib value."""
    parts, size = [], 0
    while value:
        member = zlib.decompressobj(_AUTO)
        part = member.decompress(value, MAX_UNPACKED + 1 - size)
        size += len(part)
        if size > MAX_UNPACKED:
            raise EOFError(f"it holds more than {MAX_UNPACKED >> 20} MiB")
        if not member.eof:
            raise EOFError("it ends too early")
        parts.append(part)
        value = member.unused_data
    return b"".join(parts)


def _from_zstd(value: bytes) -> bytes:
    parts, size = [], 0
    while value:
        frame = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
        part = frame.decompress(value)
        size += len(part)
        if size > MAX_UNPACKED:
            raise EOFError(f"it holds more than {MAX_UNPACKED >> 20} MiB")
        if not frame.eof:
            raise EOFError("it ends too early")
        parts.append(part)
        value = frame.unused_data
    return b"".join(parts)


_PACKINGS: Mapping[bytes, tuple[str, Callable[[bytes], bytes]]] = {
    _GZIP: ("gzip", _inflated),
    _ZSTD: ("zstd", _from_zstd),
    b"\x78\x9c": ("zlib", _inflated),
    b"\x78\xda": ("zlib", _inflated),
    b"\x78\x01": ("zlib", _inflated),
}
