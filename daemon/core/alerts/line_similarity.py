"""The known line that is most similar to a new one, by shared words.

The similarity is the Dice coefficient of the two sets of words, where a placeholder is a word: 1 for equal sets, 0 for
disjoint ones. With an inverted index, a look-up costs as much as the postings of the line's words. Both sides are
bounded, so an alert of ten thousand lines costs no more than one of a few hundred.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

MAX_LINES = 512
MAX_CHARACTERS = 1000
_WORD = re.compile(r"[^\W_]+|<[A-Z_]+>")


def words(line: str) -> frozenset[str]:
    """Return the words of a line's first 1,000 characters, in lower case."""
    return frozenset(word.lower() for word in _WORD.findall(line[:MAX_CHARACTERS]))


class LineIndex:
    """An index over the lines of a few patterns."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = list(dict.fromkeys(lines))
        self._known = frozenset(self._lines)

    def __contains__(self, line: str) -> bool:
        return line in self._known

    def novelty(self, line: str) -> tuple[float, str | None]:
        """Return the distance (0 to 1) to the nearest known line, and that line; 1 and None without a shared word."""
        bag = words(line)
        lines = [self._postings[word] for word in bag if word in self._postings]
        if not lines:
            return 1.0, None
        shared = np.bincount(np.concatenate(lines), minlength=len(self._sizes))
        similarity = 2 * shared / (len(bag) + self._sizes)
        at = int(similarity.argmax())
        return 1.0 - similarity.item(at), self._lines[at]

    @cached_property
    def _bags(self) -> list[frozenset[str]]:
        """The words of each line, from the first look-up on; explanations of known lines need none."""
        return [words(line) for line in self._lines[:MAX_LINES]]

    @cached_property
    def _sizes(self) -> NDArray[np.int64]:
        return np.fromiter(map(len, self._bags), np.int64, len(self._bags))

    @cached_property
    def _postings(self) -> dict[str, NDArray[np.int64]]:
        """The lines that have each word."""
        lines = defaultdict[str, list[int]](list)
        for at, bag in enumerate(self._bags):
            for word in bag:
                lines[word].append(at)
        return {word: np.array(numbers) for word, numbers in lines.items()}
