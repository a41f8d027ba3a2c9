"""The lines of each pattern, end to end: line numbers, counts, and the family that each line stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.core.arrays import Arrays, nested, part
from daemon.core.columns import Column, Columns

Ids = NDArray[np.int64]


class _Spans(Columns):
    begin = Column(np.int64)
    size = Column(np.int32)


class _Cells(Columns):
    line = Column(np.int64)
    count = Column(np.int32)
    family = Column(np.int64)


class LineLists:
    """Lists of (line, count, family) by pattern, a row number of the owner's; a pattern without lines has none."""

    def __init__(self) -> None:
        self._spans = _Spans(1)
        self._cells = _Cells(1)
        self._unused = 0

    def put(self, patterns: Ids, sizes: Ids, lines: Ids, counts: Ids, families: Ids) -> None:
        """Store `sizes` lines for each of the different `patterns`, which have none; `families` may contain NONE."""
        self._spans.reserve(int(patterns.max(initial=-1)) + 1)
        rows = self._cells.push(len(lines))
        self._cells.line[rows], self._cells.count[rows], self._cells.family[rows] = lines, counts, families
        self._spans.begin[patterns] = len(self._cells) - len(lines) + np.cumsum(sizes) - sizes
        self._spans.size[patterns] = sizes

    def lines(self, pattern: int) -> Ids:
        """Return the line numbers of `pattern`, in the order they were put; read only."""
        return self._cells.line[self._span(pattern)]

    def counts(self, pattern: int) -> NDArray[np.int32]:
        """Return how often `pattern` has each of its lines."""
        return self._cells.count[self._span(pattern)]

    def families(self, pattern: int) -> Ids:
        """Return the families of `pattern`, each once, and NONE."""
        return self._cells.family[self._span(pattern)]

    def drop(self, patterns: Ids) -> None:
        """Forget the lines of different `patterns`."""
        patterns = patterns[patterns < len(self._spans.size)]
        self._unused += int(self._spans.size[patterns].sum())
        self._spans.size[patterns] = 0
        if 2 * self._unused > len(self._cells):
            self._close_gaps()

    def _close_gaps(self) -> None:
        """Move what is used to the front, in order."""
        spans = self._spans
        filled = np.flatnonzero(spans.size)
        filled = filled[np.argsort(spans.begin[filled], kind="stable")]
        sizes = spans.size[filled].astype(np.int64)
        ends = np.cumsum(sizes)
        begins = ends - sizes
        self._cells.keep(np.repeat(spans.begin[filled] - begins, sizes) + np.arange(int(sizes.sum())))
        spans.begin[filled] = begins
        self._unused = 0

    def cells(self) -> tuple[Ids, Ids, Ids]:
        """Return all lists end to end: pattern, line and family of each line."""
        filled = np.flatnonzero(self._spans.size)
        owners, lines, families = self.cells_of(filled)
        return filled[owners], lines, families

    def cells_of(self, patterns: Ids) -> tuple[Ids, Ids, Ids]:
        """Return the lists of `patterns` (n,) end to end: the number 0 to n - 1, line and family of each line."""
        sizes = self._spans.size[patterns].astype(np.int64)
        places = np.repeat(self._spans.begin[patterns] - (np.cumsum(sizes) - sizes), sizes)
        places += np.arange(len(places))
        return np.repeat(np.arange(len(patterns)), sizes), self._cells.line[places], self._cells.family[places]

    def save(self, patterns: int) -> Arrays:
        """Return the lists of the patterns 0 to `patterns` - 1, which are all."""
        self._spans.reserve(patterns)
        return {
            **nested("spans", self._spans.to_arrays("begin", "size", rows=patterns)),
            **nested("cells", self._cells.to_arrays("line", "count", "family")),
            "unused": np.array([self._unused]),
        }

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` returned, into an object without lists."""
        self._spans.from_arrays(part("spans", arrays), "begin", "size")
        self._cells.from_arrays(part("cells", arrays), "line", "count", "family")
        self._unused = int(arrays["unused"][0])

    def _span(self, pattern: int) -> slice:
        begin = self._spans.begin.item(pattern)
        return slice(begin, begin + self._spans.size.item(pattern))

    @property
    def nbytes(self) -> int:
        """The bytes held."""
        return self._spans.nbytes + self._cells.nbytes
