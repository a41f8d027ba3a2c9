"""The patterns of one scope, each a row by which its lines, sessions, label and vector are kept elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from daemon.core.arrays import Arrays, nested, part, texts_from_arrays, texts_to_arrays
from daemon.core.baseline.simhash import WORDS, Sketch
from daemon.core.columns import ROWS, Column, Columns
from daemon.core.types import Vector

ABSENT = -1
"""Stands for the row of a pattern of which nothing is known."""


Lines = tuple[tuple[str, int], ...]


class Definition(NamedTuple):
    """A pattern's lines and vector, when the topic got them (0: it has not), and the vector's sketch, where known.

    The vector may be of half floats, as it is kept.
    """

    pattern: str
    lines: Lines
    vector: Vector | NDArray[np.float16]
    renewed: int = 0
    sketch: Sketch | None = None


class PatternTable(Columns):
    """One row for each pattern of which anything is known, found by its name."""

    name = Column(np.object_)
    defined = Column(np.bool_)
    renewed = Column(np.int64)
    """When its lines and vector were last written to the baseline's topic."""
    sessions = Column(np.float64)
    """Its sessions in the window, where it is defined."""
    mass = Column(np.float64)
    backbone = Column(np.uint64)
    sketch = Column(np.uint64, (ROWS, WORDS))
    sketched = Column(np.bool_)
    """Whether its sketch is computed: that of a restored pattern is when it is first read."""

    def __init__(self) -> None:
        super().__init__(1)
        self._rows: dict[str, int] = {}

    def __contains__(self, pattern: str) -> bool:
        return pattern in self._rows

    def find(self, pattern: str) -> int:
        """Return the row of `pattern`, ABSENT when it has none."""
        return self._rows.get(pattern, ABSENT)

    def row(self, pattern: str) -> int:
        """Return the row of `pattern`; raises KeyError when it has none."""
        return self._rows[pattern]

    def row_of(self, pattern: str) -> int:
        """Return the row of `pattern`, a new one when it has none."""
        return self.rows_of([pattern])[0]

    def rows_of(self, patterns: Sequence[str]) -> list[int]:
        """Return the row of each of `patterns`, which may come again; those that have none get new ones, in order."""
        known = self._rows
        if new := list(dict.fromkeys(pattern for pattern in patterns if pattern not in known)):
            rows = self.take_many(len(new))
            self.name[rows] = new
            known.update(zip(new, rows.tolist(), strict=True))
        return [known[pattern] for pattern in patterns]

    def renew(self, definitions: Iterable[Definition]) -> dict[int, Definition]:
        """Note when the topic got definitions; return the first one of each row that is not defined yet, by row."""
        some = list(definitions)
        rows = self.rows_of([one.pattern for one in some])
        np.maximum.at(self.renewed, rows, [one.renewed for one in some])
        new: dict[int, Definition] = {}
        for row, one, defined in zip(rows, some, self.defined[rows].tolist(), strict=True):
            if not defined:
                new.setdefault(row, one)
        return new

    def names(self) -> Iterable[tuple[str, int]]:
        """Return all patterns with their rows."""
        return self._rows.items()

    def forget(self, rows: Iterable[int]) -> None:
        """Free different `rows`."""
        gone = list(rows)
        for row in gone:
            del self._rows[self.name.item(row)]
        self.free_many(gone)

    @property
    def nbytes(self) -> int:
        """The bytes of all columns, and an estimate of those of the names."""
        return super().nbytes + 170 * len(self._rows)

    def save(self) -> Arrays:
        """Return what is known of each row but for its sessions, which the window has."""
        return {
            **nested("rows", self.to_arrays("defined", "renewed", "sketch", "sketched")),
            **nested("names", texts_to_arrays(self.name[: len(self)].tolist())),
        }

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` returned, into an empty table."""
        self.from_arrays(part("rows", arrays), "defined", "renewed", "sketch", "sketched")
        names, taken = texts_from_arrays(part("names", arrays)), self.taken()
        for row in taken.tolist():
            self.name[row] = names[row]
        self._rows = {names[row]: row for row in taken.tolist()}
