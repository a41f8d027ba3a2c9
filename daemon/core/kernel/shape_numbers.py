"""Texts by their shapes: numbers instead of texts; see ``shapes.zig``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daemon.core.kernel.machine import LONGEST, Machine, machine, pieces

Ints = NDArray[np.int64]
_SEED = hash("shapes") & 0x7FFF_FFFF
"""Python's own, another in each process: strangers who choose texts must not know which ones share a place."""


@dataclass(frozen=True, slots=True)
class ShapeNumbers:
    """The number of each of n texts, and the index of the first text with each number.

    Texts with one number differ only in digits, or in UUIDs that stand alone. Some that do may have different numbers.
    """

    number: Ints
    firsts: Ints


def number_shapes(texts: pl.Series, known: pl.Series | None = None) -> ShapeNumbers:
    """Number the texts of a String column without nulls.

    `known` are numbers that they have from `read_objects`; those without one have null or -1.
    """
    if known is None:
        return _number_all(texts)
    number = known.fill_null(-1).to_numpy().copy()
    others = np.flatnonzero(number < 0)
    if len(others):
        rest = _number_all(texts.gather(others))
        number[others] = rest.number + number.max() + 1
    first = np.full(int(number.max(initial=-1)) + 1, -1)
    first[number[::-1]] = np.arange(len(number))[::-1]
    if len(first) and first.min() < 0:  # not all numbers are still there
        there = first >= 0
        number, first = (np.cumsum(there) - 1)[number], first[there]
    return ShapeNumbers(number, first)


def _number_all(texts: pl.Series) -> ShapeNumbers:
    lengths = texts.str.len_bytes().to_numpy()
    long = np.flatnonzero(lengths > LONGEST)
    if len(long):
        texts = texts.clone().scatter(long, "")
        lengths = texts.str.len_bytes().to_numpy()
    numbers, firsts, known = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
    for piece in pieces(lengths):
        with machine() as kernel:
            part = number_parts(kernel, *kernel.put_texts(texts[piece], lengths[piece]), piece.stop - piece.start)
        numbers.append(part.number + known)
        firsts.append(part.firsts + piece.start)
        known += len(part.firsts)
    number, first = np.concatenate(numbers), np.concatenate([*firsts, long])
    number[long] = np.arange(known, known + len(long))
    return ShapeNumbers(number, first)


def number_parts(kernel: Machine, data: int, begins: int, sizes: int, count: int) -> ShapeNumbers:
    """Number `count` texts that lie in the memory of a machine; a text that is not there gets -1."""
    table_size = 1 << (2 * count).bit_length()
    numbers, firsts = kernel.room(count, np.uint32), kernel.room(count, np.uint32)
    table = kernel.room(table_size, np.uint32)
    known = kernel.call("numberShapes", data, begins, sizes, count, numbers, firsts, table, table_size, _SEED)
    return ShapeNumbers(
        kernel.view(numbers, count, np.int32).astype(np.int64), kernel.view(firsts, known, np.int32).astype(np.int64)
    )
