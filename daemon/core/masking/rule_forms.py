"""What a rule is: an expression of RE2 (`expressions`) with a replacement.

Rules of a family are one alternation, so that a line is read once for all of them. Each alternative is a `Form`: what
stays in front of the secret, the secret, and what stays after it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

SECRET = "<SECRET>"  # noqa: S105 - the placeholder, not a secret

Rule = tuple[str, str]


class Form(NamedTuple):
    """One form of a secret: expressions for what stays in front, for the secret, and for what stays after it."""

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
    return f"{flags}(?:{pattern})", before + placeholder + behind


def literals(texts: Sequence[str]) -> str:
    """Return an alternation of literals, the longest first. (`re.escape` escapes what RE2 does not.)"""
    return "|".join(re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text) for text in sorted(texts, key=len, reverse=True))
