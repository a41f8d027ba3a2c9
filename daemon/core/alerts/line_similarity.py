"""The known line that is most similar to a new one, by shared words.

The similarity is the Dice coefficient of the two sets of words, where a placeholder is a word: 1 for equal sets, 0 for
disjoint ones. With an inverted index, a look-up costs as much as the postings of the line's words. Both sides are
bounded, so an alert of ten thousand lines costs no more than one of a few hundred.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import islice

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
        self._sizes: list[int] = []
        self._postings: defaultdict[str, list[int]] = defaultdict(list)

    def __contains__(self, line: str) -> bool:
        return line in self._known

    def novelty(self, line: str) -> tuple[float, str | None]:
        """Return the distance (0 to 1) to the nearest known line, and that line; 1 and None without a shared word."""
        self._index()
        bag = words(line)
        shared = Counter(at for word in bag for at in self._postings.get(word, ()))
        if not shared:
            return 1.0, None
        similarity, at = max((2 * common / (len(bag) + self._sizes[at]), -at) for at, common in shared.items())
        return 1.0 - similarity, self._lines[-at]

    def _index(self) -> None:
        """Fill the index at the first look-up; explanations of known lines need none."""
        if self._sizes:
            return
        for at, line in enumerate(islice(self._lines, MAX_LINES)):
            bag = words(line)
            self._sizes.append(len(bag))
            for word in bag:
                self._postings[word].append(at)
