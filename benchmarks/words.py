"""Words that nobody has seen: the lines of one number share none with those of another."""

from __future__ import annotations

import random

SYLLABLES = ("bor", "cam", "dul", "fen", "gar", "hep", "jov", "kin", "lum", "nar", "pos", "qua")


def new_words(number: int) -> str:
    """Return five words that belong to a number."""
    rng = random.Random(number)
    return " ".join("".join(rng.choices(SYLLABLES, k=4)) for _ in range(5))
