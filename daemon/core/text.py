"""Text for people: cut to length, numbers as a person writes them, and no control characters."""

from __future__ import annotations

import json
import re

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x1b\\|\x07|$)|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]"
)
_FRAME = re.compile(r"\s*(?:at \S|\.\.\. \d+ more)")
_WORD = re.compile(r"[^\W\d_]+")


def clean(text: str) -> str:
    """Return text that is safe on one line of a terminal or a chat message.

    Escape sequences are removed. Any other control or invisible character, also a text direction mark, becomes a
    visible dot. A run of white space becomes one space.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    plain = " ".join(_ESCAPES.sub("", text).split())
    return "".join(c if c.isprintable() else "·" for c in plain)


def harmless(text: str) -> str:
    """Return text of several lines that is safe on a terminal: like `clean`, but spaces and line ends stay."""
    return "".join(c if c.isprintable() or c == "\n" else "·" for c in _ESCAPES.sub("", text))


def harmless_json(text: str) -> str:
    """Return the same JSON with control and invisible characters of its strings as escapes."""
    if text.isprintable():
        return text
    # json.dumps leaves DEL as it is. A line end can only stand between values, where an escape would be wrong.
    return "".join(
        c if c.isprintable() or c in "\n\r\t" else json.dumps(c)[1:-1].replace("\x7f", "\\u007f") for c in text
    )


def gist(text: str) -> str:
    """Return a message as one clean line. Of a stack trace it keeps the first line and the last that gives a reason."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 3:
        return clean(text)
    reasons = [line for line in lines[1:] if not _FRAME.match(line)]
    return f"{clean(lines[0])} … {clean(reasons[-1])}" if reasons else f"{clean(lines[0])} …"


def shorten(text: str, length: int) -> str:
    """Return the text cut to `length` characters, with an ellipsis if it was longer."""
    return text if len(text) <= length else text[: length - 1].rstrip(" …") + "…"


def ends(text: str, length: int) -> str:
    """Return the beginning and the end of the text, together about `length` characters, if it is longer."""
    if len(text) <= length:
        return text
    return f"{text[: length // 2].rstrip()}\n…\n{text[-length // 2 :].lstrip()}"


def first_new_word(text: str, known: str) -> int:
    """Return the index in `text` of its first word that `known` does not have; 0 when there is none."""
    words = {word[0].lower() for word in _WORD.finditer(known)}
    return next((word.start() for word in _WORD.finditer(text) if word[0].lower() not in words), 0)


def cosine(similarity: float) -> str:
    """Return a similarity with 2 digits, or 3 near 1: 0.87, 0.998. Only 1 itself is written as 1."""
    return f"{similarity:.2f}" if similarity < 0.99 or similarity >= 1 else f"{min(similarity, 0.999):.3f}"


def percent(share: float) -> str:
    """Return a share with two significant digits near 0 and near 1: 99.8%, 12%, 0.04%, over 99.9%."""
    value = 100 * share
    if 0 < value < 0.01:
        return "under 0.01%"
    if 99.9 < value < 100:
        return "over 99.9%"
    return f"{value:.3g}%" if value > 99 else f"{value:.2g}%"


def duration(seconds: float, digits: int = 1) -> str:
    """Return a length of time in its largest unit, with `digits` below 10 of it: 40 s, 2.5 h, 12 days."""
    for unit, name in ((86_400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 1.5 * unit:
            amount = seconds / unit
            return f"{amount:.{digits if amount < 10 else 0}f} {name}"
    return f"{max(seconds, 0.0):.0f} s"


def many(count: int, noun: str) -> str:
    """Return a count and its noun: 1 line, 1,200 lines."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def share(value: float) -> str:
    """Return a share as per cent, with enough digits to compare small budgets."""
    return f"{100 * value:.2f}%" if value < 0.1 else f"{100 * value:.1f}%"


def figure(value: float | None, digits: int = 3) -> str:
    """Return a figure, or a dash when it is not known."""
    return "-" if value is None or value != value else f"{value:,.{digits}f}"  # noqa: PLR0124 - nan is not itself


def p_value(value: float | None) -> str:
    """Return a p-value with four decimals, or a dash when there is none."""
    return "-" if value is None else f"p {value:.4f}" if value >= 0.0001 else "p < 0.0001"
