r"""Names for secrets in disguise: escaped, full-width or Cyrillic letters, colours, and invisible characters.

The rules read names in plain letters. A text with signs of a disguise (``pass\u0077ord``, ``%70assword``) is read a
second time without it. Where a rule then finds a secret, the plain form replaces the text; otherwise the text stays
as it is.
"""

from __future__ import annotations

import re

_CYRILLIC = "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0456\u0455"
SIGNS = (
    r"\\u00[4-7][0-9A-Fa-f]|%(?:[46][1-9A-Fa-f]|[57][0-9Aa])|(?:\x1b|\\[ux]0{0,2}1[bB]|\\033|\\e)\[[0-9]"
    rf"|[A-Za-z][{_CYRILLIC}][A-Za-z]"
    r"|[\x{FF10}-\x{FF5A}\x{200B}-\x{200F}\x{2060}\x{FEFF}\x{AD}\x00]"
)
"""A text without a match of this has no disguise."""
SHAPE_SIGNS = (
    SIGNS.replace("[4-7]", "[0-9]")
    .replace(r"(?:[46][1-9A-Fa-f]|[57][0-9Aa])", "[0-9][0-9A-Fa-f]")
    .replace("u00", "u[0-9][0-9]")
    .replace("1[bB]", "1[bB]")
    .replace("033", "[0-9]{3}")
)
"""The same for texts in which every digit is 1."""

_INVISIBLE = re.compile(
    r"(?:\x1b|\\[ux]0{0,2}1[bB]|\\033|\\e)\[[0-9;:?]*[A-Za-z]|[\u200b-\u200f\u2060\ufeff\u00ad\x00]"
)
_ESCAPE = re.compile(r"(?:\\u00|%)([4-7][0-9A-Fa-f])")
_LOOKALIKES = str.maketrans(_CYRILLIC, "aceopxyis")
_LOOKALIKE = re.compile(f"(?<=[A-Za-z])[{_CYRILLIC}](?=[A-Za-z])")
"""A Cyrillic letter between Latin ones that it looks like."""
_WIDE = {code: code - 0xFEE0 for code in range(0xFF10, 0xFF5B)}


def plain(text: str) -> str:
    """Return `text` without colours and invisible characters, and with its letters as plain ones."""
    latin = _LOOKALIKE.sub(lambda letter: letter[0].translate(_LOOKALIKES), text)
    return _ESCAPE.sub(_letter, _INVISIBLE.sub("", latin).translate(_WIDE))


def _letter(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    return char if char.isalpha() else match[0]
