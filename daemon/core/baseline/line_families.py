"""Families of lines: lines of one wording, whose names and values differ.

Masks turn numbers, addresses and paths into placeholders. Names of hosts, users, tables and files stay, so a routine
message about a new name is a new line. Its wording is not new. The wording is the number of words, the first two as
they are (a prefix, a level, a program), and of the others those that are plain lower-case words, in order. The words
left out are mostly names (Drain finds these by comparing lines; He et al., 2017). A line with fewer than two plain
words has no wording, and so no family: languages without lower case never have any.

A family's mass is that of the sessions that have a line of it. A line is at most as rare as its family.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.core.arrays import Arrays
from daemon.core.columns import Column, Columns

KEPT_AS_THEY_ARE = 2
FEWEST_PLAIN = 2
NONE = 0
"""The family of a line that has none; the values of its row have no meaning."""


@lru_cache(maxsize=1024)
def wording(line: str) -> int | None:
    """Return the hash of a masked line's wording, None for a line with fewer than FEWEST_PLAIN plain words."""
    tokens = line.split()
    plain = [token for token in tokens[KEPT_AS_THEY_ARE:] if token.isalpha() and token.islower()]
    if len(plain) < FEWEST_PLAIN:
        return None
    return _hashed(" ".join([str(len(tokens)), *tokens[:KEPT_AS_THEY_ARE], *plain]))


@lru_cache(maxsize=1024)
def _hashed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


class FamilyTable(Columns):
    """Families by number, each with its mass; a family exists as long as a line of it does."""

    mass = Column(np.float64)
    wording = Column(np.uint64)
    members = Column(np.int32)

    def __init__(self) -> None:
        super().__init__(room=1)
        self._numbers: dict[int, int] = {}
        self.take()

    def find(self, line: str) -> int:
        """Return the number of the line's family, NONE when it has none or no other line of it is known."""
        worded = wording(line)
        return NONE if worded is None else self._numbers.get(worded, NONE)

    def join(self, line: str) -> int:
        """Return the number of a new line's family, NONE when it has none, and count one member more."""
        worded = wording(line)
        if worded is None:
            return NONE
        number = self._numbers.get(worded)
        if number is None:
            number = self._numbers[worded] = self.take()
            self.wording[number] = worded
        self.members[number] += 1
        return number

    def leave(self, number: int) -> None:
        """Count one member fewer of a family; a family without members is removed."""
        if number == NONE:
            return
        self.members[number] -= 1
        if not self.members[number]:
            del self._numbers[self.wording.item(number)]
            self.free(number)

    def save(self) -> Arrays:
        """Return the families without their masses."""
        return self.to_arrays("wording", "members")

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` returned, into an empty table."""
        self.from_arrays(arrays, "wording", "members")
        numbers = self.taken()[1:]
        self._numbers = dict(zip(self.wording[numbers].tolist(), numbers.tolist(), strict=True))

    def memory(self) -> int:
        """Return an estimate of the bytes held."""
        return self.nbytes + 130 * len(self._numbers)
