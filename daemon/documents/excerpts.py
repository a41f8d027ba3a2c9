"""A marked clause cut for people: all marked words, with a little of the text around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from daemon.core.documents import Piece
from daemon.core.text import clean, shorten

AROUND = 60
"""Characters of unmarked text that are kept beside marked words."""


class Run(NamedTuple):
    """Text without control characters, marked or not."""

    text: str
    marked: bool


def excerpt(pieces: Sequence[Piece], most: int | None = None) -> list[Run]:
    """Return a clause in runs. Unmarked text is cut in its middle; after `most` characters everything is cut.

    Marked words with nothing but space between them are one run.
    """
    runs: list[Run] = []
    left = most
    for at, piece in enumerate(pieces):
        marked = piece.mark is not None
        text = clean(piece.text) if marked else _around(piece.text, first=at == 0, last=at == len(pieces) - 1)
        if left is not None:
            if len(text) > left:
                runs.append(Run(shorten(text, max(left, 1)) if left else "…", marked))
                break
            left -= len(text)
        if marked and len(runs) > 1 and runs[-2].marked and not runs[-1].text.strip():
            runs[-2:] = [Run(f"{runs[-2].text} {text}", marked=True)]
        else:
            runs.append(Run(text, marked))
    return runs


def _around(text: str, *, first: bool, last: bool) -> str:
    begins, finishes = text[:1].isspace(), text[-1:].isspace()
    plain = clean(text)
    if first and last:
        plain = shorten(plain, 3 * AROUND)
    elif first and len(plain) > AROUND:
        plain = "…" + plain[-AROUND:]
    elif last and len(plain) > AROUND:
        plain = plain[:AROUND] + "…"
    elif len(plain) > 2 * AROUND:
        plain = f"{plain[:AROUND]} … {plain[-AROUND:]}"
    return f"{' ' if begins and not first else ''}{plain}{' ' if finishes and not last and plain else ''}"
