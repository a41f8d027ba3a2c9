"""The encoding of a text, from its first bytes."""

from __future__ import annotations

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def encoding_of(head: bytes) -> str:
    """Return Python's name of an encoding: by a byte order mark, by the places of zeros, or UTF-8; otherwise cp1252.

    Zeros in a row are no letters: a log that was cut while its writer went on begins or goes on with them.
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    even, odd = head[0:2_000:2].count(0), head[1:2_000:2].count(0)
    if max(even, odd) > max(len(head[:2_000]) / 8, 8 * min(even, odd)):
        return "utf-16-be" if even > odd else "utf-16-le"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # a character that the head cuts is not an error
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"
