"""Line statistics of one scope: how much of the window's mass has each distinct masked line, and which occur together.

A line is *common* when at least the share `mass` of the window's sessions has it. The common lines of a session are its
*backbone*; sessions with equal backbones are similar. Everything is incremental: adding mass to a pattern touches its
lines only, and a line that becomes common, or ceases to be, touches the patterns that hold it. Backbones are compared
by a 64-bit sum of random numbers, one for each line (Zobrist, 1970), so a change of backbone is one exclusive or. Lines
of one wording are a family (see `line_families`), whose mass is kept too.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.core.arrays import Arrays, nested, part, texts_from_arrays, texts_to_arrays
from daemon.core.baseline.failure_words import failure_score
from daemon.core.baseline.line_families import NONE, FamilyTable
from daemon.core.columns import ROWS, Column, Columns

Ids = NDArray[np.int64]
KEEP = 0.8
"""A common line stays common down to this fraction of the bound, so that lines at the bound do not flicker."""
NOBODY, MANY = -1, -2
"""Stand for the one pattern that holds a line, where there is none or there are several."""
UNREAD = -1.0
"""Stands for a failure score that is not computed yet."""


class LineTable(Columns):
    """Distinct lines by number. `used` is how many there are."""

    text = Column(np.object_)
    mass = Column(np.float64)
    common = Column(np.bool_)
    confirmed = Column(np.int32)
    """How many patterns that are confirmed normal hold a line."""
    family = Column(np.int64)
    _failure = Column(np.float32, (ROWS,), UNREAD)
    _key = Column(np.uint64)
    _marked = Column(np.bool_)
    _holder = Column(np.int64, (ROWS,), NOBODY)

    def __init__(self) -> None:
        super().__init__(room=1)
        self.families = FamilyTable()
        self.common_ids: Ids = np.zeros(0, np.int64)
        self._numbers: dict[str, int] = {}
        self._holders: dict[int, array[int]] = {}
        self._text_bytes = self._held = 0

    def find(self, line: str) -> int:
        """Return the number of `line`, or -1 when no pattern holds it."""
        return self._numbers.get(line, -1)

    def intern(self, lines: Sequence[str], patterns: Ids) -> Ids:
        """Return the numbers of `lines`, numbering the new ones, and note that `patterns` hold them, one for each."""
        known = self._numbers
        new = list(dict.fromkeys(line for line in lines if line not in known))
        if new:
            self._number(new)
        numbers = np.fromiter(map(known.__getitem__, lines), np.int64, len(lines))
        self._hold(numbers, patterns)
        return numbers

    def failures(self, numbers: Ids) -> NDArray[np.float32]:
        """Return the failure scores of the known lines `numbers`, float32; see `failure_words`."""
        scores = self._failure[numbers]
        for place in np.flatnonzero(scores == UNREAD).tolist():
            number = numbers.item(place)
            scores[place] = self._failure[number] = failure_score(self.text.item(number))
        return scores

    def families_of(self, numbers: Ids, patterns: Ids) -> Ids:
        """Return the families of lines that `patterns` hold, each once per pattern; for each other line NONE."""
        families = self.family[numbers]
        order = np.lexsort((families, patterns))
        repeated = order[1:][(np.diff(families[order]) == 0) & (np.diff(patterns[order]) == 0)]
        families[repeated] = NONE
        return families

    def weigh(self, numbers: Ids, families: Ids, change: float) -> None:
        """Add to the mass of the different lines `numbers`, and to that of the different `families`."""
        self.mass[numbers] += change
        self.families.mass[families] += change

    def weigh_each(self, numbers: Ids, families: Ids, changes: NDArray[np.float64]) -> None:
        """Add each of `changes` to the mass of its line and its family; both may be repeated."""
        np.add.at(self.mass, numbers, changes)
        np.add.at(self.families.mass, families, changes)

    def count_anew(self, patterns: Ids, numbers: Ids, families: Ids, mass: NDArray[np.float64]) -> None:
        """Sum all masses: each of `patterns`, of `mass` by pattern, has one of `numbers` and one of `families`."""
        self.mass[:] = self.families.mass[:] = 0.0
        self.weigh_each(numbers, families, mass[patterns])

    def _number(self, lines: list[str]) -> None:
        """Number different new `lines`."""
        numbers = self.take_many(len(lines))
        self.text[numbers] = lines
        self._text_bytes += sum(map(len, lines))
        self.family[numbers] = [self.families.join(line) for line in lines]
        digests = [blake2b(line.encode("utf-8", "surrogatepass"), digest_size=8).digest() for line in lines]
        self._key[numbers] = np.frombuffer(b"".join(digests), "<u8")
        self._numbers.update(zip(lines, numbers.tolist(), strict=True))

    def _hold(self, numbers: Ids, patterns: Ids) -> None:
        """Note that `patterns` hold the lines `numbers`, one for each."""
        order = np.argsort(numbers, kind="stable")
        ordered = numbers[order]
        begins = np.flatnonzero(np.diff(ordered, prepend=-1))
        lines, ends = ordered[begins], np.append(begins[1:], len(order))
        holders = self._holder[lines]
        self._held += len(numbers) - int((holders == NOBODY).sum())
        alone = (holders == NOBODY) & (ends - begins == 1)
        self._holder[lines] = np.where(alone, patterns[order[begins]], MANY)
        for place in np.flatnonzero(~alone).tolist():
            several = self._holders.get(lines.item(place))
            if several is None:
                first = holders.item(place)
                several = self._holders[lines.item(place)] = array("q", () if first == NOBODY else (first,))
            several.frombytes(patterns[order[begins[place] : ends[place]]].tobytes())

    def holders(self, number: int) -> Ids:
        """Return the patterns that hold line `number`, at least one; do not keep the array."""
        if self._holder.item(number) == MANY:
            return np.frombuffer(self._holders[number], np.int64)
        return self._holder[number : number + 1]

    def backbone(self, numbers: Ids) -> np.uint64:
        """Return the hash of the common lines among `numbers`."""
        return np.uint64(self.together(numbers[self.common[numbers]]))

    def backbones(self, numbers: Ids, owners: Ids, count: int) -> NDArray[np.uint64]:
        """Return `backbone` of each of the owners 0 to `count` - 1 of the lines `numbers`."""
        hashes, common = np.zeros(count, np.uint64), self.common[numbers]
        np.bitwise_xor.at(hashes, owners[common], self._key[numbers[common]])
        return hashes

    def together(self, numbers: Ids) -> int:
        """Return the hash of a set of known lines."""
        return int(np.bitwise_xor.reduce(self._key[numbers])) if len(numbers) else 0

    def renew_common(self, bound: float, backbones: NDArray[np.uint64], keep: float = KEEP) -> None:
        """Recompute which lines are common, and correct the `backbones` of their patterns in place.

        A common line stays one down to the share `keep` of the bound; 1 gives what no earlier state has a part in.
        """
        size = len(self)
        common = self.mass[:size] >= np.where(self.common[:size], keep * bound, bound)
        common &= self.mass[:size] > 0
        for number in np.flatnonzero(common != self.common[:size]).tolist():
            backbones[self.holders(number)] ^= self._key[number]
        self.common[:size] = common
        self.common_ids = np.flatnonzero(common)

    def common_but(self, numbers: Ids) -> Ids:
        """Return the common lines that are not among `numbers`."""
        known = numbers[numbers >= 0]
        self._marked[known] = True
        absent: Ids = self.common_ids[~self._marked[self.common_ids]]
        self._marked[known] = False
        return absent

    def drop(self, numbers: Ids, gone: NDArray[np.bool_]) -> None:
        """Forget that the patterns marked in `gone` hold the different lines `numbers`.

        A line that no pattern holds loses its number.
        """
        for number in numbers.tolist():
            holders = self.holders(number)
            kept = holders[~gone[holders]]
            self._held -= len(holders) - max(len(kept), 1)
            if len(kept) > 1:
                self._holders[number] = array("q", kept.tobytes())
                continue
            self._holders.pop(number, None)
            if len(kept):
                self._holder[number] = kept[0]
                continue
            text = self.text.item(number)
            self._text_bytes -= len(text)
            del self._numbers[text]
            self.families.leave(self.family.item(number))
            self.free(number)
        self.common_ids = np.flatnonzero(self.common[: len(self)])

    def save(self) -> Arrays:
        """Return the lines and their families, without masses."""
        return {
            **nested("rows", self.to_arrays("family", "_key")),
            **nested("families", self.families.save()),
            **nested("texts", texts_to_arrays(self.text[: len(self)].tolist())),
        }

    def load(self, arrays: Mapping[str, NDArray[Any]], numbers: Ids, patterns: Ids) -> None:
        """Take over what `save` returned, into an empty table; `patterns` hold the lines `numbers`, one for each."""
        self.from_arrays(part("rows", arrays), "family", "_key")
        self.families.load(part("families", arrays))
        texts, taken = texts_from_arrays(part("texts", arrays)), self.taken().tolist()
        if taken:
            self.text[taken] = np.array([texts[number] for number in taken], object)
        self._numbers = {texts[number]: number for number in taken}
        self._text_bytes = sum(map(len, self._numbers))
        if len(numbers):
            self._hold(numbers, patterns)

    def memory(self) -> int:
        """Return an estimate of the bytes held."""
        texts = self._text_bytes + 160 * len(self._numbers)
        holders = 8 * self._held + 180 * len(self._holders)
        return self.nbytes + self.families.memory() + texts + holders
