"""Protobuf on the wire, where objects for it would take too much memory."""

from __future__ import annotations


def field(number: int, content: bytes) -> bytes:
    """Return a field of protobuf that holds a message or a text."""
    size, left = bytearray(), len(content)
    while left > 0x7F:
        size.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([number << 3 | 2, *size, left]) + content
