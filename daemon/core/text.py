"""Text for people: cut to length, shares as a person writes them, and nothing in it that a terminal obeys."""

from __future__ import annotations

import re

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x1b\\|\x07|$)|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]"
)
_FRAME = re.compile(r"\s*(?:at \S|\.\.\. \d+ more)")
_WORD = re.compile(r"[^\W\d_]+")


def clean(text: str) -> str:
    """Return text that is safe on one line of a terminal or a chat message.

    Escape sequences go, every other control or invisible character (text direction marks too) becomes a visible dot,
    and white space is one space.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    plain = " ".join(_ESCAPES.sub("", text).split())
    return "".join(c if c.isprintable() else "·" for c in plain)


def gist(text: str) -> str:
    """Return a message as one clean line: of many lines (a stack trace) the first, and the last that says why."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 3:
        return clean(text)
    told = [line for line in lines[1:] if not _FRAME.match(line)]
    return f"{clean(lines[0])} … {clean(told[-1])}" if told else f"{clean(lines[0])} …"


def shorten(text: str, length: int) -> str:
    """Return the text cut to `length` characters, with an ellipsis where something was cut."""
    return text if len(text) <= length else text[: length - 1].rstrip(" …") + "…"


def first_new_word(text: str, known: str) -> int:
    """Return where the first word of `text` begins that `known` lacks; 0 when it lacks none."""
    words = {it[0].lower() for it in _WORD.finditer(known)}
    return next((it.start() for it in _WORD.finditer(text) if it[0].lower() not in words), 0)


def excerpt(text: str, known: str, length: int) -> str:
    """Return the text cut to `length` characters; where `known` resembles it, from a little before what is new on."""
    start = first_new_word(text, known) if known else 0
    if len(text) <= length or start < length // 2:
        return shorten(text, length)
    begin = start - length // 4
    whole = text.find(" ", begin, start) + 1  # not in the middle of a word, where there is another to begin at
    return shorten(f"…{text[whole or begin :]}", length)


def cosine(similarity: float) -> str:
    """Return a similarity that is 1 only where it is: 0.87, 0.998."""
    return f"{similarity:.2f}" if similarity < 0.99 or similarity >= 1 else f"{min(similarity, 0.999):.3f}"


def percent(share: float) -> str:
    """Return a share with the two digits that matter at either end: 99.8%, 12%, 0.04%, over 99.9%."""
    value = 100 * share
    if 0 < value < 0.01:
        return "under 0.01%"
    if 99.9 < value < 100:
        return "over 99.9%"
    return f"{value:.3g}%" if value > 99 else f"{value:.2g}%"


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
    """Return a p-value as people compare it, or a dash."""
    return "-" if value is None else f"p {value:.4f}" if value >= 0.0001 else "p < 0.0001"
