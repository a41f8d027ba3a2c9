"""What a rule is: a Rust regular expression with a replacement.

Rules of a family are one alternation, for two reasons: a line is read once for all of them, and polars keeps only 32
compiled expressions. Each alternative is a `Form`: what stays in front of the secret, the secret, and what stays
after it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

SECRET = "<SECRET>"  # noqa: S105 - the placeholder, not a secret

Rule = tuple[str, str]


class Form(NamedTuple):
    """One form of a secret: Rust expressions for what stays in front, for the secret, and for what stays after it."""

    before: str
    secret: str
    behind: str = ""


def rule(forms: Sequence[Form], flags: str = "(?i)", placeholder: str = SECRET) -> Rule:
    """Return the rule for any of `forms`; of two that match at the same place, the first wins."""
    pattern = "|".join(
        f"(?P<b{at}>{form.before})(?:{form.secret})" + (f"(?P<e{at}>{form.behind})" if form.behind else "")
        for at, form in enumerate(forms)
    )
    before = "".join(f"${{b{at}}}" for at in range(len(forms)))
    behind = "".join(f"${{e{at}}}" for at, form in enumerate(forms) if form.behind)
    return ascii_classes(f"{flags}(?:{pattern})"), before + placeholder + behind


_CLASS = re.compile(r"(?s)\\[wdsSb]|\[\^?\]?(?:\\.|[^\]\\])*+(?:\]|\\?\Z)|\\.")
"""A class of characters, which ends with the expression where it has no end: so each character is read once."""
_ASCII = {r"\w": "A-Za-z0-9_", r"\d": "0-9", r"\s": r"\t\n\v\f\r "}


def ascii_classes(pattern: str) -> str:
    r"""Return an expression with the ASCII members of ``\w``, ``\d`` and ``\s`` only, and ASCII edges of words.

    Unicode classes have so many ranges that an alternation of all forms would not fit the cache of the regex engine.
    """
    return _CLASS.sub(_ascii_class, pattern)


def _ascii_class(match: re.Match[str]) -> str:
    text = match[0]
    if text.startswith("["):
        return re.sub(r"\\.", lambda escape: _ASCII.get(escape[0], escape[0]), text)
    if text in (r"\b", r"\S"):
        return r"(?-u:\b)" if text == r"\b" else r"[^\t\n\v\f\r ]"
    return f"[{_ASCII[text]}]" if text in _ASCII else text


def literals(texts: Sequence[str]) -> str:
    """Return an alternation of literals, the longest first. (`re.escape` escapes what Rust does not.)"""
    return "|".join(re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text) for text in sorted(texts, key=len, reverse=True))
