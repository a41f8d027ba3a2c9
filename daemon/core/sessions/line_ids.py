"""Numbers for masked lines, so that sessions hold and compare numbers instead of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from daemon.core.sessions.limits import Ints

CountTokens = Callable[[Sequence[str]], NDArray[np.int32]]
"""Returns the token counts of texts."""
NumberedLine = tuple[str, int, int]
"""A line, its number, its tokens."""

CACHED_LINES = 50_000
"""Distinct masked lines that are remembered; up to twice as many between clearings, and those of open sessions."""


class LineNumbers:
    """Numbers of masked lines, their token counts, and one string object for equal lines.

    Forgets lines that have not been seen lately, unless an open session holds them: a number means one line, and a line
    of an open session has one number. Numbers are never used again.
    """

    def __init__(self, count_tokens: CountTokens) -> None:
        self._count = count_tokens
        self._young: dict[str, NumberedLine] = {}
        self._old: dict[str, NumberedLine] = {}
        self._next = 0

    def look_up(self, lines: Sequence[str], in_use: Callable[[], set[int]]) -> tuple[list[str], Ints, Ints]:
        """Return the same lines as shared objects, their numbers, and their tokens.

        `in_use` returns the numbers that open sessions hold; it is asked only when lines are forgotten.
        """
        missing = [line for line in lines if line not in self._young and line not in self._old]
        counts = dict(zip(missing, self._count(missing).tolist(), strict=True)) if missing else {}
        entries = []
        for line in lines:
            entry = self._young.get(line)
            if entry is None:
                entry = self._old.pop(line, None)
                if entry is None:
                    entry = (line, self._next, counts[line])
                    self._next += 1
                self._young[line] = entry
            entries.append(entry)
        if len(self._young) >= CACHED_LINES:
            kept = in_use()
            self._young = {line: entry for line, entry in self._old.items() if entry[1] in kept} | self._young
            self._old, self._young = self._young, {}
        return (
            [line for line, _, _ in entries],
            np.array([number for _, number, _ in entries], dtype=np.int64),
            np.array([tokens for _, _, tokens in entries], dtype=np.int64),
        )
