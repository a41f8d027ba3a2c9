"""Random hexadecimal tokens in shapes: those of one length become one, so that lines with different ones are alike.

Such tokens differ in every line. The masks make ``<HEX>`` of a word of eight and more hexadecimal digits, letters and
decimal digits among them, and ``<UUID>`` of five in a row, whichever digits they are. Here such a word becomes
``a1a1a1a1`` in its own length, where nothing beside it could make a mask tell the difference. A rule of redaction may
tell it (`redaction.is_suspicious`).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_LEAST = 8
_UUID = (8, 4, 4, 4, 12)
TOKEN = "a1a1a1a1"  # noqa: S105 - the beginning of each replaced token, not a secret
_REACH = 24
"""Characters before a token that are looked at: a date may end in its first two digits (``2026/September/22``), and
`identifiers` takes words of up to 23 characters with capitals for random, where the letters count."""


def _table(characters: bytes) -> Flags:
    table = np.zeros(256, dtype=np.bool_)
    table[list(characters)] = True
    return table


_DIGITS, _LETTERS = b"0123456789", b"abcdef"
_HEXADECIMAL, _DIGIT = _table(_DIGITS + _LETTERS), _table(_DIGITS)
_CAPITALS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SMALL = _table(_CAPITALS.lower())
_CAPITAL, _WORD = _table(_CAPITALS), _table(b"_-" + _DIGITS + _CAPITALS + _CAPITALS.lower())
_BEFORE, _BEFORE_UNLESS = _table(b"\n\t \"'=({<|;#&?!>`-"), _table(b",/[")
_BEFORE_THAT = _table(_DIGITS + b"/\x1b")
"""Characters with which ``,``, ``/`` and ``[`` may begin something: ``1.2.3.4/24``, ``1//0...``, a colour."""
_BETWEEN = _table(b"-/")
_BEHIND, _END = _table(b"\n\t\"')]}>,;|`"), _table(b"\n \"')")


def without_hexadecimal(shapes: pl.Series) -> pl.Series:
    """Return a String column of shapes with their random hexadecimal tokens as ``a1a1...``.

    A shape and its result have the same masked form. Shapes with a line feed stay as they are.
    """
    joined = shapes.str.join("\n").item()
    if joined.count("\n") != len(shapes) - 1:
        rows = (~shapes.str.contains("\n", literal=True)).arg_true()
        return shapes.clone().scatter(rows, without_hexadecimal(shapes.gather(rows))) if len(rows) else shapes
    around = "\n" * _REACH
    text = np.frombuffer(f"{around}{joined}{around}".encode(), dtype=np.uint8).copy()
    _replace(text)
    return pl.Series(shapes.name, [text[_REACH:-_REACH].tobytes().decode()]).str.split("\n").explode()


def _replace(text: Bytes) -> None:
    """Replace the tokens of lines in their place; `_REACH` line feeds stand before and behind them."""
    borders = np.flatnonzero(np.diff(_HEXADECIMAL[text], prepend=False, append=False))
    starts, ends = borders[::2], borders[1::2]
    lengths = ends - starts
    groups = _uuids(text, starts, ends, lengths)
    groups = groups[_stand_alone(text, starts[groups], ends[groups + len(_UUID) - 1])]
    words = np.flatnonzero(lengths >= _LEAST)
    words = words[_mixed(text, starts[words], ends[words])]
    words = words[_stand_alone(text, starts[words], ends[words])]
    words = words[~_ends_uuid(starts, lengths, words) & ~_may_be_identifier(text, starts[words])]
    runs = np.union1d(words, groups[:, None] + np.arange(len(_UUID)))
    _fill(text, starts[runs], ends[runs])


def _mixed(text: Bytes, starts: Ints, ends: Ints) -> Flags:
    """Return whether each token has letters and digits."""
    if not len(starts):
        return np.zeros(0, dtype=np.bool_)
    borders = np.column_stack([starts, ends]).ravel()
    mixed: Flags = (np.maximum.reduceat(text, borders) >= ord("a")) & (np.minimum.reduceat(text, borders) <= ord("9"))
    return mixed[::2]


def _uuids(text: Bytes, starts: Ints, ends: Ints, lengths: Ints) -> Ints:
    """Return the numbers of the runs with which a UUID begins."""
    first = np.flatnonzero(lengths == _UUID[0])
    first = first[first <= len(lengths) - len(_UUID)]
    for at, size in enumerate(_UUID[1:], start=1):
        before = ends[first + at - 1]
        joined = (text[before] == ord("-")) & (starts[first + at] == before + 1)
        first = first[joined & (lengths[first + at] == size)]
    return first


def _stand_alone(text: Bytes, starts: Ints, ends: Ints) -> Flags:
    """Return whether nothing beside each token belongs to it, or takes a part of it, for any mask."""
    before, behind = text[starts - 1], text[ends]
    begins = _BEFORE[before] | (_BEFORE_UNLESS[before] & ~_BEFORE_THAT[text[starts - 2]])
    stop, blank = (behind == ord(".")) & _END[text[ends + 1]], (behind == ord(" ")) & ~_days(text, ends)
    folder = (behind == ord("/")) & _SMALL[text[ends + 1]] & ~_DIGIT[text[ends[:, None] - np.arange(1, 5)]].all(axis=1)
    alone: Flags = begins & (_BEHIND[behind] | stop | blank | folder) & ~_may_end_date(text, starts)
    return alone


def _days(text: Bytes, ends: Ints) -> Flags:
    """Return whether ``days`` may stand behind each token (``12 days 10:41:07`` is a time)."""
    days: Flags = (text[ends + 1] == ord("d")) & (text[ends + 2] == ord("a"))
    return days


def _may_end_date(text: Bytes, starts: Ints) -> Flags:
    """Return whether a date may stand before each token that ends in its first two digits."""
    reach = text[starts[:, None] + np.arange(-_REACH, -1)]
    dated = np.logical_or.reduce(_DIGIT[reach[:, :-1]] & _BETWEEN[reach[:, 1:]], axis=1)
    ends: Flags = dated & _BETWEEN[text[starts - 1]] & _DIGIT[text[starts]] & _DIGIT[text[starts + 1]]
    return ends


def _ends_uuid(starts: Ints, lengths: Ints, words: Ints) -> Flags:
    """Return whether each word may begin with the last group of a UUID."""
    before = lengths[words - 1]
    behind: Flags = (words > 0) & (before == _UUID[-2]) & (starts[words - 1] + before + 1 == starts[words])
    return behind


def _may_be_identifier(text: Bytes, starts: Ints) -> Flags:
    """Return whether each token ends a word with capitals, which `identifiers` may take for random."""
    reach = text[starts[:, None] - np.arange(1, _REACH)]
    within = np.logical_and.accumulate(_WORD[reach], axis=1)
    capitals: Flags = np.logical_or.reduce(within & _CAPITAL[reach], axis=1)
    return capitals


def _fill(text: Bytes, starts: Ints, ends: Ints) -> None:
    """Write ``a1a1...`` between each start and its end."""
    sizes = ends - starts
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    text[np.repeat(starts, sizes) + within] = np.where(within % 2, ord("1"), ord("a")).astype(np.uint8)
