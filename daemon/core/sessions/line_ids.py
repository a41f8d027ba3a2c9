"""Numbers for masked lines, so that sessions hold and compare numbers instead of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from daemon.core.generation_cache import GenerationCache
from daemon.core.sessions.limits import Ints

CountTokens = Callable[[Sequence[str]], NDArray[np.int32]]
"""Returns the token counts of texts."""
NumberedLine = tuple[str, int, int]
"""A line, its number, its tokens."""

CACHED_LINES = 50_000
"""Distinct masked lines that are cached; up to twice as many between clearings, and those of open sessions."""


class LineNumbers:
    """Numbers of masked lines, their token counts, and one string object for equal lines.

    Forgets lines that have not been seen lately, unless an open session holds them: a number means one line, and a line
    of an open session has one number. Numbers are never reused.
    """

    def __init__(self, count_tokens: CountTokens) -> None:
        self._count = count_tokens
        self._cache: GenerationCache[str, NumberedLine] = GenerationCache(CACHED_LINES)
        self._next = 0

    def look_up(self, lines: Sequence[str], in_use: Callable[[], set[int]]) -> tuple[list[str], Ints, Ints]:
        """Return different lines as shared objects, their numbers, and their tokens.

        `in_use` returns the numbers that open sessions hold; it is called only when lines are forgotten.
        """
        missing = self._cache.missing(lines)
        tokens = self._count(missing).tolist() if missing else []
        numbers = range(self._next, self._next + len(missing))
        self._next += len(missing)
        entries = self._cache.look_up(
            lines, dict(zip(missing, zip(missing, numbers, tokens, strict=True), strict=True))
        )
        if self._cache.full:
            kept = in_use()
            self._cache.turn(lambda entry: entry[1] in kept)
        return (
            [line for line, _, _ in entries],
            np.array([number for _, number, _ in entries], dtype=np.int64),
            np.array([cost for _, _, cost in entries], dtype=np.int64),
        )
