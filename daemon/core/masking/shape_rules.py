"""Rules on shapes: whether a rule may match any line of a shape, decided once for all of them.

In a shape every digit is a 1 (`shape_cache`). So a rule is read as one that does not tell digits apart: where it names
a digit, any digit fits. Then it matches the shape of every line that the rule itself matches, and some more.
"""

from __future__ import annotations

import re

_PART = re.compile(
    r"\\[xu]\{[^}]*\}|\\x..|\\p\{[^}]*\}|\\."  # escapes
    r"|\(\?P?<\w+>"  # the name of a group
    r"|\{[0-9,]+\}"  # a repetition
    r"|\[\^?\]?(?:\\.|[^\]\\])*\]"  # a class
    r"|[0-9]",
    re.DOTALL,
)
_DIGITS = re.compile("[0-9](?:-[0-9])?")


def on_shapes(pattern: str) -> str:
    """Return an expression that matches the shape of every text that `pattern` matches."""
    return _PART.sub(_any_digit, pattern)


def _any_digit(part: re.Match[str]) -> str:
    text = part[0]
    if not text.startswith("["):
        return "1" if len(text) == 1 else text
    if "0-9" in text or not _DIGITS.search(text):
        return text
    if not text.startswith("[^"):
        return f"{text[:-1]}1]"
    others = _DIGITS.sub("", text[2:-1])
    return f"[^{others}]" if others else r"[\s\S]"
