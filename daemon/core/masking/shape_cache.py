"""The shapes of lines, with the masked form of each: lines that differ only in digits share one shape.

No built-in mask distinguishes digits (except after ``0x``; numbers that stay are words before the masks), and no digit
is left after the last mask. So two lines that differ only in digits have the same masked form, and whether a
line may hold a secret can be decided without its digits too. A batch has few shapes: the masks and the search for
secrets run once for each shape that is not in the cache, not once for each line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daemon.core.generation_cache import GenerationCache

CACHED_SHAPES = 5_000
"""Shapes in one generation of the cache; it holds at most twice as many."""
MAX_CACHED_BYTES = 512
"""Longer shapes are not cached. That bounds the memory, and stack traces and documents seldom recur."""
PAUSED_BATCHES = 7
"""Batches that are masked line by line after one in which more than a quarter of the lines had a shape of their own."""
FEW_LINES = 256
"""A batch with so few shapes never causes a pause."""
ONE_DIGIT = bytes.maketrans(b"023456789", b"1" * 9)
HEXADECIMAL = "0x"

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Entry = tuple[str, bool, bool]


def without_digits(text: str) -> str:
    """Return `text` with 1 in the place of every ASCII digit."""
    return text.encode("utf-8", "surrogatepass").translate(ONE_DIGIT).decode("utf-8", "surrogatepass")


def shapes(texts: pl.Series) -> pl.Series:
    """Return the shape of each text of a String column."""
    joined = texts.str.join("\n").item()
    parts = pl.Series("shape", [without_digits(joined)]).str.split("\n").explode()
    if len(parts) == len(texts):
        return parts
    return pl.Series("shape", list(map(without_digits, texts)), dtype=pl.String)  # a text holds a line feed


@dataclass(frozen=True, slots=True)
class Shaped:
    """The shapes of a column's lines.

    `number` has the shape's number of each line (int64). By that number, `masked` (String) has the masked form of the
    shape, `suspect` (bool) whether a line of it may hold a secret, and `telling` (bool) whether it may hold a number
    that stays in the masked form, which then is not the shape's.
    """

    number: Ints
    masked: pl.Series
    suspect: Flags
    telling: Flags


class ShapeCache:
    """What is known of shapes: the masked form, and whether their lines may hold a secret or a number that stays."""

    def __init__(self, examine: Callable[[pl.Series], tuple[pl.Series, pl.Series, pl.Series]]) -> None:
        """`examine` returns the masked forms (String) of shapes, and which are suspect and telling (Boolean)."""
        self._examine = examine
        self._cache = GenerationCache[str, Entry](CACHED_SHAPES)
        self._paused = 0

    def __len__(self) -> int:
        return len(self._cache)

    def pays(self) -> bool:
        """Return whether the next batch is to be masked by shape; call it once for each batch."""
        self._paused = max(0, self._paused - 1)
        return not self._paused

    def of(self, texts: pl.Series) -> Shaped:
        """Return the shapes of a String column; those that are not cached are examined."""
        shape = shapes(texts)
        rows = pl.int_range(len(shape), dtype=pl.Int64).alias("row")
        groups = pl.DataFrame([shape]).select("shape", rows).group_by("shape", maintain_order=True).agg("row")
        sizes = groups["row"].list.len().to_numpy()
        number = np.empty(len(shape), dtype=np.int64)
        number[groups["row"].explode().to_numpy()] = np.repeat(np.arange(len(sizes)), sizes)
        entries = self._entries(groups["shape"], len(shape))
        forms, suspect, telling = zip(*entries, strict=True)
        masked = pl.Series("masked", forms, dtype=pl.String)
        return Shaped(number, masked, np.array(suspect, dtype=bool), np.array(telling, dtype=bool))

    def _entries(self, distinct: pl.Series, lines: int) -> list[Entry]:
        """Return what is known of each distinct shape of `lines` lines."""
        names = distinct.to_list()
        new = self._cache.missing(names)
        examined = dict[str, Entry]()
        if len(names) > FEW_LINES and 4 * len(new) > lines:
            self._paused = PAUSED_BATCHES + 1
        if new:
            columns = self._examine(pl.Series("text", new, dtype=pl.String))
            examined = dict(zip(new, zip(*(column.to_list() for column in columns), strict=True), strict=True))
        entries = self._cache.look_up(names, examined, _is_short)
        if self._cache.full:
            self._cache.turn()
        return entries


def _is_short(shape: str) -> bool:
    """Return whether a shape is short enough for the cache."""
    return len(shape.encode("utf-8", "surrogatepass")) <= MAX_CACHED_BYTES
