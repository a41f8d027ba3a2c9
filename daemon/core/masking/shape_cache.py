"""Lines without their digits: what most lines of a log have in common, and all that masking has to know of them.

No built-in mask tells one digit from another (but in ``0x``, and in statuses, which are words by then), and after the
last of them no digit is left. So two lines that differ in digits only are masked alike, and whether a line may hold a
secret is seen without them too. A batch has few such *shapes*: masks and the search for secrets run over those that
have not been met lately, not over lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

KEPT_SHAPES = 5_000
"""Shapes that are remembered; up to twice as many between clearings."""
KEPT_BYTES = 512
"""Longer shapes are not remembered: that bounds the memory, and stack traces and documents seldom come again."""
RESTING = 7
"""Batches that go without shapes after one in which more than a quarter of the lines had a shape of their own."""
FEW_LINES = 256
"""So few lines prove nothing."""
ONE_DIGIT = bytes.maketrans(b"023456789", b"1" * 9)
HEXADECIMAL = "0x"

Ints = NDArray[np.int64]


def without_digits(text: str) -> str:
    """Return `text` with every ASCII digit turned into the same one."""
    return text.encode("utf-8", "surrogatepass").translate(ONE_DIGIT).decode("utf-8", "surrogatepass")


def shapes(texts: pl.Series) -> pl.Series:
    """Return a String column without its digits, row by row."""
    joined = texts.str.join("\n").item()
    parted = pl.Series("shape", [without_digits(joined)]).str.split("\n").explode()
    if len(parted) == len(texts):
        return parted
    return pl.Series("shape", list(map(without_digits, texts)), dtype=pl.String)  # a line feed stands in a line


@dataclass(frozen=True, slots=True)
class Shaped:
    """What is known of a column's lines by their shapes: each line's shape by number, and of each shape its masked form
    and whether its lines may hold a secret."""

    number: Ints
    masked: pl.Series
    suspect: NDArray[np.bool_]


class ShapeMemory:
    """Shapes with what is known of them: the masked form, and whether a line of it may hold a secret."""

    def __init__(self, look: Callable[[pl.Series], tuple[pl.Series, pl.Series]]) -> None:
        """`look` returns masked forms and suspicions of a column of shapes."""
        self._look = look
        self._young: dict[str, tuple[str, bool]] = {}
        self._old: dict[str, tuple[str, bool]] = {}
        self._resting = 0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def pays(self) -> bool:
        """Whether the next lines are worth asking about; call it once for each batch."""
        self._resting = max(0, self._resting - 1)
        return not self._resting

    def of(self, texts: pl.Series) -> Shaped:
        """Return what is known of each line; what was not known is found out."""
        found = shapes(texts)
        rows = pl.int_range(len(found), dtype=pl.Int64).alias("row")
        groups = pl.DataFrame([found]).select("shape", rows).group_by("shape", maintain_order=True).agg("row")
        sizes = groups["row"].list.len().to_numpy()
        number = np.empty(len(found), dtype=np.int64)
        number[groups["row"].explode().to_numpy()] = np.repeat(np.arange(len(sizes)), sizes)
        known = self._known(groups["shape"], len(found))
        masked = pl.Series("masked", [masked for masked, _ in known], dtype=pl.String)
        return Shaped(number, masked, np.array([suspect for _, suspect in known], dtype=bool))

    def _known(self, distinct: pl.Series, lines: int) -> list[tuple[str, bool]]:
        names = distinct.to_list()
        new = [shape for shape in names if shape not in self._young and shape not in self._old]
        looked = dict[str, tuple[str, bool]]()
        if len(distinct) > FEW_LINES and 4 * len(new) > lines:
            self._resting = RESTING + 1
        if new:
            masked, suspect = self._look(pl.Series("text", new, dtype=pl.String))
            looked = dict(zip(new, zip(masked.to_list(), suspect.to_list(), strict=True), strict=True))
        known = []
        for shape in names:
            entry = self._young.get(shape)
            if entry is None:
                entry = self._old.pop(shape, None) or looked[shape]
                if len(shape.encode("utf-8", "surrogatepass")) <= KEPT_BYTES:
                    self._young[shape] = entry
            known.append(entry)
        if len(self._young) >= KEPT_SHAPES:
            self._old, self._young = self._young, {}
        return known
