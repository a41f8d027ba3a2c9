"""How much may be joined, and where an event that would hold more is cut."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Marks = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most lines and bytes of an event, and how many microseconds of its partition's time it waits for more."""

    lines: int = 500
    size: int = 65_536
    wait: int = 2_000_000


@dataclass(slots=True)
class Decisions:
    """Decisions on lines grouped by source: arrays with one element per line.

    `goes_on`: the line goes on with the one before; `glued`: without a line break; `kept`: its text is part of the
    event. `decided` lines were decided before and stay as they are. `size` is a line's bytes.
    """

    decided: Marks
    goes_on: Marks
    glued: Marks
    kept: Marks
    size: Ints

    def cut(self, bounds: Bounds) -> Counter[str]:
        """Cut the events that are over the bounds; return how many were cut, by bound (``lines``, ``bytes``)."""
        cuts: Counter[str] = Counter()
        begins = np.flatnonzero(~self.goes_on)
        ends = np.append(begins[1:], len(self.goes_on))
        sizes = np.add.reduceat(self.size + 1, begins)
        for event in np.flatnonzero((ends - begins > bounds.lines) | ((ends - begins > 1) & (sizes > bounds.size))):
            self._cut_one(int(begins[event]), int(ends[event]), bounds, cuts)
        return cuts

    def _cut_one(self, begin: int, end: int, bounds: Bounds, cuts: Counter[str]) -> None:
        lines, size = 1, int(self.size[begin]) + 1
        for at in range(begin + 1, end):
            bound = None
            grown = size + int(self.size[at]) + 1
            left_out = bool(self.glued[at]) and not self.kept[at - 1]
            if not self.decided[at]:
                bound = "lines" if lines >= bounds.lines else "bytes" if grown > bounds.size or left_out else None
            if bound == "bytes" and self.glued[at]:
                # The rest of a line is not a line: its text is left out, as that of every line that is too long.
                cuts[bound] += not left_out
                self.kept[at] = False
            elif bound is not None:
                cuts[bound] += 1
                self.goes_on[at] = self.glued[at] = False
                lines, size = 1, int(self.size[at]) + 1
                continue
            lines += 1
            size = size + 1 if not self.kept[at] else grown
