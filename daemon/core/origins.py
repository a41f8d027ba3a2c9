"""The original places of lines that are judged from another topic than the one they were written to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from daemon.core.positions import Positions, place

if TYPE_CHECKING:
    from daemon.core.types import TopicPartition

AT = "@"
"""Stands between the partition and the position of a line, where lines of several partitions are named."""


@dataclass(frozen=True, slots=True)
class Origins:
    """The original places of n lines. `positions` are where they are judged, sorted, shape (n,); `origin` their
    original positions and `source` the indices of their partitions in `sources`, both of shape (n,)."""

    positions: Positions
    origin: Positions
    source: Positions
    sources: Sequence[TopicPartition]

    def by_source(self) -> list[tuple[TopicPartition, Positions]]:
        """Return the partitions that hold lines, that of the first line first, each with its sorted positions."""
        indices, first = np.unique(self.source, return_index=True)
        in_order = indices[np.argsort(first)].tolist()
        return [(self.sources[at], np.sort(self.origin[self.source == at])) for at in in_order]

    def place(self, position: int) -> str:
        """Return one line's original place as text: ``logs/3@140``."""
        at = int(np.searchsorted(self.positions, position))
        return placed(self.sources[int(self.source[at])], int(self.origin[at]))


def placed(source: TopicPartition, position: int) -> str:
    """Return a place of the input as text: ``logs/3@140``, or ``logs/3@140:2`` for line 2 of a record of many."""
    return f"{source}{AT}{place(position)}"


def split_place(text: str) -> tuple[str, str]:
    """Return the partition that a place names, empty where it names none, and the position."""
    source, _, position = text.rpartition(AT)
    return source, position
