"""How strange is strange lately: the last RING sessions' parts and scores, per scope and input partition.

A ring is kept in chunks so that a commit writes what changed and no more: each chunk is a record of its own, with the
number of sessions ever noted when it was last touched, and the credit of alerts as it then stood. The ring's own count
and credit are those of its latest chunk.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.core.sketches import WORDS, Sketch, differing

PARTS = ("dtm", "ctx", "sev")
RING = 4096
CHUNK = 64
ENOUGH = 1000
"""Sessions after which a partition's own ring is enough to judge by; until then its scope's others help."""
HEADER = struct.Struct("<BBHqd")
VERSION = 2
ROW = np.dtype(
    [
        ("parts", "<f4", (len(PARTS),)),
        ("score", "<f4"),
        ("minute", "<u4"),
        ("state", "u1"),
        ("sketch", "<u8", (WORDS,)),
    ]
)
EMPTY, QUIET, LOUD, EARLY = 0, 1, 2, 3
"""States of a place: LOUD is an alert that the budget is charged with; EARLY sessions, judged while the scope knew too
little, count as seen and calibrate nothing."""
_AGES = np.tile(np.arange(RING - 1, -1, -1), 2)


@dataclass(frozen=True, slots=True)
class Recent:
    """Recent sessions as columns of equal length n.

    parts (PARTS, n) and scores. `kinds` (WORDS, k) are the distinct sketches and `kind` says which each session has.
    """

    parts: NDArray[np.float32]
    scores: NDArray[np.float32]
    kinds: NDArray[np.uint64]
    kind: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)

    def bits(self, sketch: Sketch) -> NDArray[np.int64]:
        """Return the number of sketch bits in which each session differs from `sketch`."""
        return differing(sketch, self.kinds).take(self.kind)


class Kinds:
    """Distinct sketches by number. 0 is the empty sketch's for ever; others are given again when nobody has them."""

    def __init__(self) -> None:
        self.table = np.zeros((WORDS, 64), np.uint64)
        self._numbers = {bytes(8 * WORDS): 0}
        self._held = [1]
        self._free: list[int] = []

    def take(self, sketch: bytes) -> int:
        """Return the number of `sketch`, held once more."""
        number = self._numbers.get(sketch)
        if number is not None:
            self._held[number] += 1
            return number
        number = self._free.pop() if self._free else len(self._held)
        if number == len(self._held):
            self._held.append(0)
            if number == self.table.shape[1]:
                self.table = np.concatenate([self.table, np.zeros_like(self.table)], axis=1)
        self._numbers[sketch] = number
        self._held[number] = 1
        self.table[:, number] = np.frombuffer(sketch, np.uint64)
        return number

    def give(self, number: int) -> None:
        """Hold the sketch of `number` once less."""
        if not number:
            return
        self._held[number] -= 1
        if not self._held[number]:
            del self._numbers[self.table[:, number].tobytes()]
            self._free.append(number)

    def known(self) -> NDArray[np.uint64]:
        """Return the sketches of all numbers: (WORDS, k); what a free number had is still there."""
        return self.table[:, : len(self._held)]


class Ring:
    """The latest sessions of one scope and input partition, the oldest overwritten first; `count` is how many ever.

    `credit` is the number of alerts that can be afforded now (see `budget`), None before the first live session.
    """

    def __init__(self) -> None:
        self.parts = np.zeros((len(PARTS), RING), np.float32)
        self.scores = np.zeros(RING, np.float32)
        self.minutes = np.zeros(RING, np.uint32)
        self.states = np.zeros(RING, np.uint8)
        self.kind = np.zeros(RING, np.int64)
        self._kinds = Kinds()
        self._counts = np.zeros(RING // CHUNK, np.int64)
        self._credits = np.full(RING // CHUNK, np.nan)
        self.count = 0
        self.credit: float | None = None

    def __len__(self) -> int:
        return min(self.count, RING)

    @property
    def kinds(self) -> NDArray[np.uint64]:
        """The distinct sketches that `kind` numbers: (WORDS, k)."""
        return self._kinds.known()

    def next_chunk(self) -> int:
        """Return the chunk that the next session goes to."""
        return self.count % RING // CHUNK

    def append(
        self, parts: NDArray[np.float32], score: float, sketch: Sketch, *, minute: int, state: int, credit: float | None
    ) -> None:
        """Note one session over the oldest."""
        place = self.count % RING
        self.parts[:, place], self.scores[place] = parts, score
        self.minutes[place], self.states[place] = minute, state
        former = self.kind.item(place)
        self.kind[place] = self._kinds.take(sketch.tobytes())
        self._kinds.give(former)
        self.count += 1
        self.credit = credit
        self._counts[place // CHUNK] = self.count
        self._credits[place // CHUNK] = np.nan if credit is None else credit

    def take_back(self, credit: float) -> None:
        """Note that the latest session is not charged to the budget after all, if it was; that leaves `credit`."""
        place = (self.count - 1) % RING
        if self.states[place] == LOUD:
            self.states[place] = QUIET
            self.credit = self._credits[place // CHUNK] = credit

    def ages(self) -> NDArray[np.int64]:
        """Return how many sessions ago each place was written, 0 for the latest."""
        start = -self.count % RING
        return _AGES[start : start + RING]

    def latest(self, count: int) -> NDArray[np.int64]:
        """Return the places of the latest `count` sessions, newest first."""
        return np.arange(self.count - 1, self.count - 1 - min(count, len(self)), -1) % RING

    def dump(self, chunk: int) -> bytes | None:
        """Return one chunk as bytes, None when it holds nothing."""
        if not self._counts[chunk]:
            return None
        cut = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        rows = np.zeros(CHUNK, ROW)
        rows["parts"], rows["score"], rows["minute"] = self.parts[:, cut].T, self.scores[cut], self.minutes[cut]
        rows["state"], rows["sketch"] = self.states[cut], self._kinds.table[:, self.kind[cut]].T
        head = HEADER.pack(VERSION, len(PARTS), CHUNK, int(self._counts[chunk]), float(self._credits[chunk]))
        return head + rows.tobytes()

    def load(self, chunk: int, value: bytes | None) -> None:
        """Replace one chunk by what `dump` returned; raises ValueError when it is not of this shape."""
        cut = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        if value is None:
            self.states[cut], self._counts[chunk] = EMPTY, 0
            self._renumber(cut, [0] * CHUNK)
        else:
            if len(value) != HEADER.size + CHUNK * ROW.itemsize:
                raise ValueError("a calibration record of another size")
            version, width, size, count, credit = HEADER.unpack_from(value)
            if (version, width, size) != (VERSION, len(PARTS), CHUNK):
                raise ValueError("a calibration record of another version")
            rows = np.frombuffer(value, ROW, CHUNK, HEADER.size)
            self.parts[:, cut], self.scores[cut], self.minutes[cut] = rows["parts"].T, rows["score"], rows["minute"]
            self.states[cut] = rows["state"]
            self._renumber(cut, [self._kinds.take(sketch.tobytes()) for sketch in rows["sketch"]])
            self._counts[chunk], self._credits[chunk] = count, credit
        latest = int(self._counts.argmax())
        self.count = int(self._counts[latest])
        credit = float(self._credits[latest])
        self.credit = credit if self.count and not math.isnan(credit) else None

    def _renumber(self, cut: slice, taken: list[int]) -> None:
        former = self.kind[cut].tolist()
        self.kind[cut] = taken
        for number in former:
            self._kinds.give(number)

    def memory(self) -> int:
        """Return the bytes held."""
        columns = (self.parts, self.scores, self.minutes, self.states, self.kind, self._kinds.table)
        arrays: int = sum(column.nbytes for column in columns)
        return arrays + 200 * int(self.kinds.shape[1])


def gather(own: Ring | None, all_rings: Sequence[Ring]) -> Recent:
    """Return the sessions to judge by: the partition's own, or with the scope's others while its own are too few."""
    found = [_columns(ring) for ring in ([own] if own is not None and len(own) >= ENOUGH else all_rings or [Ring()])]
    if len(found) == 1:
        return found[0]
    before = np.cumsum([0, *(recent.kinds.shape[1] for recent in found)])
    return Recent(
        np.concatenate([recent.parts for recent in found], axis=1),
        np.concatenate([recent.scores for recent in found]),
        np.concatenate([recent.kinds for recent in found], axis=1),
        np.concatenate([recent.kind + first for recent, first in zip(found, before, strict=False)]),
    )


def _columns(ring: Ring) -> Recent:
    size, known = len(ring), ring.kinds
    held = (ring.states == QUIET) | (ring.states == LOUD)
    if held[:size].all():
        cut = slice(0, size)
        return Recent(ring.parts[:, cut], ring.scores[cut], known, ring.kind[cut])
    return Recent(ring.parts[:, held], ring.scores[held], known, ring.kind[held])
