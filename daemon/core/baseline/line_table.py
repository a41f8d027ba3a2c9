"""Line statistics of one scope: how much of the window's mass has each distinct masked line, and in what company.

A line is *common* when at least the share `mass` of the window's sessions has it. The common lines of a session are its
*backbone*; sessions with one backbone are alike. Everything is incremental: adding mass to a pattern touches its lines
only, and a line that becomes common, or ceases to be, touches the patterns that hold it. Backbones are compared by a
64-bit sum of random numbers, one a line (Zobrist, 1970), so a change of backbone is one exclusive or. Lines of one
wording are a family (see `families`), whose mass is kept along.
"""

from __future__ import annotations

from array import array
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from daemon.core.baseline.failure_words import failure_score
from daemon.core.baseline.line_families import NONE, Families

Ids = NDArray[np.int64]
KEEP = 0.8
"""A common line stays common down to this fraction of the bound, so that lines at the bound do not flicker."""


class LineTable:
    """Distinct lines by number, each with its mass, its severity, and the slots of the patterns that hold it."""

    def __init__(self) -> None:
        self.mass = np.zeros(64)
        self.failure = np.zeros(64, np.float32)
        self.common = np.zeros(64, bool)
        self.confirmed = np.zeros(64, np.int32)
        """By line: how many patterns that are confirmed normal hold it."""
        self.families = Families()
        self.family: Ids = np.full(64, NONE, np.int64)
        self._marked = np.zeros(64, bool)
        self.common_ids: Ids = np.zeros(0, np.int64)
        self._keys = np.zeros(64, np.uint64)
        self._ids: dict[str, int] = {}
        self._texts: list[str | None] = []
        self._slots: list[array[int]] = []
        self._families_of: list[Ids] = []
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._ids)

    def find(self, line: str) -> int:
        """Return the number of `line`, or -1 when no pattern holds it."""
        return self._ids.get(line, -1)

    def text(self, number: int) -> str:
        """Return the line numbered `number`."""
        return self._texts[number] or ""

    def intern(self, lines: tuple[tuple[str, int], ...], slot: int) -> Ids:
        """Return the numbers of a new pattern's lines, numbering the new ones, and note that `slot` holds them."""
        numbers = np.empty(len(lines), np.int64)
        for place, (line, _) in enumerate(lines):
            number = self._ids.get(line, -1)
            if number < 0:
                number = self._new(line)
            self._slots[number].append(slot)
            numbers[place] = number
        while slot >= len(self._families_of):
            self._families_of.append(np.zeros(0, np.int64))
        families = np.unique(self.family[numbers])
        self._families_of[slot] = families[families != NONE]
        return numbers

    def weigh(self, slot: int, numbers: Ids, change: float) -> None:
        """Add to the mass of the lines `numbers` that `slot` holds, and to that of their families."""
        self.mass[numbers] += change
        self.families.mass[self._families_of[slot]] += change

    def _new(self, line: str) -> int:
        if self._free:
            number = self._free.pop()
        else:
            number = len(self._texts)
            self._texts.append(None)
            self._slots.append(array("q"))
            if number >= len(self.mass):
                self.mass = np.concatenate([self.mass, np.zeros_like(self.mass)])
                self.failure = np.concatenate([self.failure, np.zeros_like(self.failure)])
                self.common = np.concatenate([self.common, np.zeros_like(self.common)])
                self._marked = np.concatenate([self._marked, np.zeros_like(self._marked)])
                self.confirmed = np.concatenate([self.confirmed, np.zeros_like(self.confirmed)])
                self._keys = np.concatenate([self._keys, np.zeros_like(self._keys)])
                self.family = np.concatenate([self.family, np.full_like(self.family, NONE)])
        self._ids[line] = number
        self._texts[number] = line
        self.mass[number], self.common[number], self.confirmed[number] = 0.0, False, 0
        self.failure[number] = failure_score(line)
        self.family[number] = self.families.join(line)
        digest = blake2b(line.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        self._keys[number] = np.frombuffer(digest, np.uint64)[0]
        return number

    def slots(self, number: int) -> Ids:
        """Return the slots of the patterns that hold line `number`."""
        return np.frombuffer(self._slots[number], np.int64) if self._slots[number] else np.zeros(0, np.int64)

    def backbone(self, numbers: Ids) -> np.uint64:
        """Return the hash of the common lines among `numbers`."""
        held = numbers[self.common[numbers]]
        return np.uint64(np.bitwise_xor.reduce(self._keys[held])) if len(held) else np.uint64(0)

    def together(self, numbers: Ids) -> int:
        """Return the hash of a set of known lines."""
        return int(np.bitwise_xor.reduce(self._keys[numbers])) if len(numbers) else 0

    def renew_common(self, bound: float, backbones: NDArray[np.uint64]) -> None:
        """Recompute which lines are common, and correct the `backbones` of their patterns (by slot, in place)."""
        size = len(self._texts)
        common = self.mass[:size] >= np.where(self.common[:size], KEEP * bound, bound)
        common &= self.mass[:size] > 0
        for number in np.flatnonzero(common != self.common[:size]):
            backbones[self.slots(int(number))] ^= self._keys[number]
        self.common[:size] = common
        self.common_ids = np.flatnonzero(common)

    def common_but(self, numbers: Ids) -> Ids:
        """Return the common lines that are not among `numbers`."""
        known = numbers[numbers >= 0]
        self._marked[known] = True
        absent: Ids = self.common_ids[~self._marked[self.common_ids]]
        self._marked[known] = False
        return absent

    def drop(self, held: list[Ids], gone: NDArray[np.bool_]) -> None:
        """Forget that the slots marked in `gone` hold the lines `held`; a line that nobody holds loses its number."""
        if not held:
            return
        for number in np.unique(np.concatenate(held)):
            slots = self.slots(int(number))
            kept = slots[~gone[slots]]
            self._slots[number] = array("q", kept.tobytes())
            if not len(kept):
                text = self._texts[number]
                if text is not None:
                    del self._ids[text]
                self._texts[number] = None
                self.mass[number], self.common[number] = 0.0, False
                self.families.leave(int(self.family[number]))
                self.family[number] = NONE
                self._free.append(int(number))
        self.common_ids = np.flatnonzero(self.common[: len(self._texts)])

    def memory(self) -> int:
        """Return an estimate of the bytes held."""
        arrays = self.mass.nbytes + self.failure.nbytes + self.common.nbytes + self._keys.nbytes
        texts = sum(len(text) + 150 for text in self._ids)
        texts += self.families.memory() + self.family.nbytes + sum(100 + held.nbytes for held in self._families_of)
        return arrays + texts + sum(64 + 8 * len(slots) for slots in self._slots)
