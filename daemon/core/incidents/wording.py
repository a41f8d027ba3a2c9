"""Wording: whether two lines say the same."""

from __future__ import annotations

from collections.abc import Collection

from daemon.core.baseline import words_of_failure
from daemon.core.incidents.memory import ScopeMemory
from daemon.core.observations import Sighting

ALIKE = 0.6
SAME = 0.75
FEWEST_WORDS = 3


def alike(one: Collection[str], other: Collection[str]) -> bool:
    """Return whether two sets of words share most of them (Jaccard)."""
    one, other = set(one), set(other)
    return bool(one and other) and len(one & other) >= ALIKE * len(one | other)


def reworded(memory: ScopeMemory, words: tuple[str, ...], sighting: Sighting) -> str | None:
    """Return the known cause that a new line rewords: as grave or graver, most words kept, no failure word added.

    A failure that names something else that failed is another failure, however much of its wording is known.
    """
    mine = set(words)
    if len(mine) < FEWEST_WORDS:
        return None
    failing = words_of_failure(sighting.line)
    best: tuple[float, str] | None = None
    for cause, known in memory.causes.items():
        theirs = known.words
        if len(theirs) < FEWEST_WORDS or known.score < sighting.score or known.one_off is not None:
            continue
        shared = len(mine.intersection(theirs))
        if shared >= SAME * len(theirs) and failing <= set(theirs) | words_of_failure(known.example):
            share = shared / len(mine)
            if best is None or (share, cause) > best:
                best = (share, cause)
    return best[1] if best else None
