"""Long sequences in pieces: a comparison takes as much memory as both have words, multiplied.

Eight words in a row that stand once in either text are an anchor, as in Bram Cohen's patience diff. Of all anchors the
longest run with the same order in both is kept, and the texts are cut there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

MOST_PAIRS = 1_600_000_000
"""The most pairs of words that are compared at once: 40,000 by 40,000, which takes 200 MB."""
ENOUGH_PAIRS = 1_000_000
"""A piece of so many pairs ends at its next anchor."""
_WORDS = 8

Piece = tuple[int, int, int, int]
"""``there[0]:there[1]`` goes with ``here[2]:here[3]``."""


def pieces(there: Sequence[str], here: Sequence[str], most_pairs: int = MOST_PAIRS) -> Iterator[Piece]:
    """Yield the pieces in order; together they are both texts. Texts of at most `most_pairs` are one piece."""
    begin, start = 0, 0
    if len(there) * len(here) > most_pairs:
        enough = min(ENOUGH_PAIRS, most_pairs)
        for one, other in _in_order(_anchors(there, here)):
            if (one - begin) * (other - start) >= enough:
                yield begin, one, start, other
                begin, start = one, other
    yield begin, len(there), start, len(here)


def _anchors(there: Sequence[str], here: Sequence[str]) -> list[tuple[int, int]]:
    """Return where the same words in a row stand in both, once in each, in the order of `there`."""
    ones, others = _once(there), _once(here)
    both = sorted((at, others[key]) for key, at in ones.items() if key in others)
    return [(one, other) for one, other in both if there[one : one + _WORDS] == here[other : other + _WORDS]]


def _once(words: Sequence[str]) -> dict[int, int]:
    """Return the place of each run of words that stands once, by its hash."""
    places: dict[int, int] = {}
    twice: set[int] = set()
    for at in range(len(words) - _WORDS + 1):
        key = hash(tuple(words[at : at + _WORDS]))
        if places.setdefault(key, at) != at:
            twice.add(key)
    for key in twice:
        del places[key]
    return places


def _in_order(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest run of pairs whose second numbers grow too."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for at, (_, other) in enumerate(pairs):
        length = bisect_left(ends, other)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [other]
        last[length : length + 1] = [at]
    run: list[tuple[int, int]] = []
    at = last[-1] if last else -1
    while at >= 0:
        run.append(pairs[at])
        at = before[at]
    return run[::-1]
