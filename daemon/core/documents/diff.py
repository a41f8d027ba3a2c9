"""What differs between two sequences of words: the fewest words deleted and inserted, made readable.

The edits come from rapidfuzz's longest common subsequence, which takes milliseconds for thousands of words. Two texts
that have little in common still share *the* and *of*, so an island of few common words between two large changes
belongs to the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import LCSseq

ISLAND = 3
"""Fewer equal words than this between two changes, each larger than the island, belong to the change."""


@dataclass(frozen=True, slots=True)
class Edit:
    """``there[there_from:there_to]`` became ``here[here_from:here_to]``; one of them may be empty."""

    there_from: int
    there_to: int
    here_from: int
    here_to: int

    @property
    def size(self) -> int:
        """The words deleted and inserted."""
        return self.there_to - self.there_from + self.here_to - self.here_from


def diff(there: Sequence[str], here: Sequence[str], island: int = ISLAND) -> list[Edit]:
    """Return what changes `there` into `here`, in order; equal sequences have no edits.

    With an `island` of 0 the edits are the fewest; see above.
    """
    edits = [
        Edit(step.src_start, step.src_end, step.dest_start, step.dest_end)
        for step in LCSseq.opcodes(there, here)
        if step.tag != "equal"
    ]
    return _without_islands(_touching(edits), island)


def _touching(edits: Sequence[Edit]) -> list[Edit]:
    """Return the edits, those between which nothing is equal as one."""
    joined: list[Edit] = []
    for edit in edits:
        if joined and joined[-1].there_to == edit.there_from and joined[-1].here_to == edit.here_from:
            joined[-1] = _join(joined[-1], edit)
        else:
            joined.append(edit)
    return joined


def _without_islands(edits: Sequence[Edit], island: int) -> list[Edit]:
    joined: list[Edit] = []
    for edit in edits:
        joined.append(edit)
        while len(joined) > 1 and _is_island(joined[-2], joined[-1], island):
            joined[-2:] = [_join(joined[-2], joined[-1])]
    return joined


def _is_island(before: Edit, after: Edit, island: int) -> bool:
    equal = after.there_from - before.there_to
    return equal < island and min(before.size, after.size) > 2 * equal


def _join(first: Edit, second: Edit) -> Edit:
    return Edit(first.there_from, second.there_to, first.here_from, second.here_to)
