"""Families of lines: lines of one wording, whose names and values differ.

Masks turn numbers, addresses and paths into placeholders; names of hosts, users, tables and files stay, so a routine
message about a new name is a new line. Its wording is not new: the number of its words, the first two as they stand
(a prefix, a level, a program), and of the others those that are plain lower-case words, in order. What is left out are
the slots that names stand in (Drain finds them by comparing lines; He et al., 2017). A line with fewer than two plain
words has no wording to go by, and so no family: languages without lower case never have any.

A family's mass is that of the sessions that have a line of it. A line is as rare as its family, at most.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

import numpy as np

AS_THEY_STAND = 2
FEWEST = 2
NONE = -1


@lru_cache(maxsize=1024)
def wording(line: str) -> int | None:
    """Return the hash of a masked line's wording, None for a line with fewer than FEWEST plain words."""
    tokens = line.split()
    plain = [token for token in tokens[AS_THEY_STAND:] if token.isalpha() and token.islower()]
    if len(plain) < FEWEST:
        return None
    text = " ".join([str(len(tokens)), *tokens[:AS_THEY_STAND], *plain])
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


class Families:
    """Families by number, each with its mass; a family is there as long as a line of it is."""

    def __init__(self) -> None:
        self.mass = np.zeros(64)
        self._ids: dict[int, int] = {}
        self._wordings: list[int] = []
        self._members: list[int] = []
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._ids)

    def find(self, line: str) -> int:
        """Return the number of the line's family, NONE when it has none or no other line of it is known."""
        worded = wording(line)
        return NONE if worded is None else self._ids.get(worded, NONE)

    def join(self, line: str) -> int:
        """Return the number of a new line's family, NONE when it has none, and note one member more."""
        worded = wording(line)
        if worded is None:
            return NONE
        number = self._ids.get(worded)
        if number is None:
            number = self._new(worded)
        self._members[number] += 1
        return number

    def _new(self, worded: int) -> int:
        if self._free:
            number = self._free.pop()
            self._wordings[number] = worded
        else:
            number = len(self._wordings)
            self._wordings.append(worded)
            self._members.append(0)
            if number >= len(self.mass):
                self.mass = np.concatenate([self.mass, np.zeros_like(self.mass)])
        self._ids[worded] = number
        self.mass[number] = 0.0
        return number

    def leave(self, number: int) -> None:
        """Note one member fewer of a family; the last one takes the family with it."""
        if number == NONE:
            return
        self._members[number] -= 1
        if not self._members[number]:
            del self._ids[self._wordings[number]]
            self.mass[number] = 0.0
            self._free.append(number)

    def memory(self) -> int:
        """Return an estimate of the bytes held."""
        return self.mass.nbytes + 180 * len(self._ids)
