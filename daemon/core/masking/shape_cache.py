"""The shapes of lines, and what is known of each: lines that differ only in digits share one shape.

No built-in mask distinguishes digits (except in ``0x``, which a shape keeps; numbers that stay are words before the
masks), and no digit is left after the last mask. So two lines that differ only in digits have the same masked form, and
whether a line may hold a secret can be decided without its digits too. A batch has few shapes: what there is to know of
one is found out once while it is remembered, not once for each line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
import polars as pl

from daemon.core.generation_cache import GenerationCache

CACHED_SHAPES = 5_000
"""Shapes in one generation of a cache; it holds at most twice as many."""
MAX_CACHED_BYTES = 512
"""Longer shapes are not cached. That bounds the memory, and stack traces and documents seldom recur."""
ONE_DIGIT = bytes.maketrans(b"023456789", b"1" * 9)
_ZERO, _X = ord("0"), ord("x")

Known = TypeVar("Known")


def without_digits(text: str) -> str:
    """Return `text` with 1 in the place of every ASCII digit."""
    return text.encode("utf-8", "surrogatepass").translate(ONE_DIGIT).decode("utf-8", "surrogatepass")


def shape_of(text: str) -> str:
    """Return `text` with 1 in the place of every ASCII digit but the 0 of ``0x``."""
    held = text.encode("utf-8", "surrogatepass")
    letters, shape = np.frombuffer(held, dtype=np.uint8), held.translate(ONE_DIGIT)
    before = np.flatnonzero(letters[1:] == _X)  # bytes.find takes long where 0 is frequent
    zeros = before[letters[before] == _ZERO]
    if len(zeros):
        kept = np.frombuffer(shape, dtype=np.uint8).copy()
        kept[zeros] = _ZERO
        shape = kept.tobytes()
    return shape.decode("utf-8", "surrogatepass")


def shapes(texts: pl.Series) -> pl.Series:
    """Return the shape of each text of a String column."""
    return pl.Series("shape", list(map(shape_of, texts.to_list())), dtype=pl.String)


class ShapeCache(Generic[Known]):
    """What is known of shapes that were seen lately."""

    def __init__(self, examine: Callable[[pl.Series], list[Known]]) -> None:
        """`examine` returns what is to be known of each shape of a String column."""
        self._examine = examine
        self._cache = GenerationCache[str, Known](CACHED_SHAPES)

    def __len__(self) -> int:
        return len(self._cache)

    def known(self, shapes: pl.Series) -> list[Known]:
        """Return what is known of each of a few shapes."""
        each = shapes.to_list()
        names = list(dict.fromkeys(each))
        known = dict(zip(names, self._look_up(names), strict=True))
        return [known[name] for name in each]

    def _look_up(self, names: list[str]) -> list[Known]:
        """Return what is known of different shapes, in order; those that are not cached are examined."""
        new = self._cache.missing(names)
        found = dict(zip(new, self._examine(pl.Series("text", new, dtype=pl.String)), strict=True)) if new else {}
        known = self._cache.look_up(names, found, _is_short)
        if self._cache.full:
            self._cache.turn()
        return known


def _is_short(shape: str) -> bool:
    """Return whether a shape is short enough for the cache."""
    return len(shape.encode("utf-8", "surrogatepass")) <= MAX_CACHED_BYTES
