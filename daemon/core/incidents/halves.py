"""The highest value of a rolling window, kept by halves: that of this half, and that of the one before."""

from __future__ import annotations


def aged(highest: float, before: float, half: int, now: int) -> tuple[float, float, int]:
    """Return the highest value of half `now`, that of the half before it, and the current half.

    `highest` is of `half` and `before` of the half before it. An earlier `now` changes nothing.
    """
    if now <= half:
        return highest, before, half
    return 0.0, highest if now == half + 1 else 0.0, now
