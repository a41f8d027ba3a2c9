"""What was found of recent sessions, each finding once: most sessions of steady traffic are one more of the same.

A finding is a session's parts, score and sketch. Sessions that share one are counted, so that ranking a session costs
in proportion to the findings among the recent sessions, and not to the sessions.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from daemon.core.baseline import WORDS, Sketch

PARTS = ("dtm", "ctx", "sev")
SCORED = np.dtype([("parts", "<f4", (len(PARTS),)), ("score", "<f4"), ("sketch", "<u8", (WORDS,))])
_SCORE = struct.Struct("<f")


def finding(parts: NDArray[np.float32], score: float, sketch: Sketch) -> bytes:
    """Return one finding, laid out as SCORED."""
    return parts.astype("<f4", copy=False).tobytes() + _SCORE.pack(score) + sketch.astype("<u8", copy=False).tobytes()


class Findings:
    """Findings by number, as columns of `len` in use; a number is given again when nobody has it.

    parts (PARTS, n) float32, scores (n,) float32, sketches (WORDS, n) uint64 and counts (n,) float64: how many of the
    sessions that have it calibrate. What a free number had is still there, with a count of 0. Number 0 is for ever that
    of places where no session is.
    """

    def __init__(self) -> None:
        self.parts = np.zeros((len(PARTS), 64), np.float32)
        self.scores = np.zeros(64, np.float32)
        self.sketches = np.zeros((WORDS, 64), np.uint64)
        self.counts = np.zeros(64)
        self._names = [bytes(SCORED.itemsize)]
        self._numbers = {self._names[0]: 0}
        self._held = [1]
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._held)

    def take(self, name: bytes, *, counts: bool) -> int:
        """Return the number of a finding, held once more; `counts`: by a session that calibrates."""
        number = self._numbers.get(name)
        if number is None:
            number = self._new(name)
        self._held[number] += 1
        if counts:
            self.counts[number] += 1.0
        return number

    def give(self, number: int, *, counts: bool) -> None:
        """Hold the finding of `number` once less; `counts`: it was held by a session that calibrates."""
        if counts:
            self.counts[number] -= 1.0
        if not number:
            return
        self._held[number] -= 1
        if not self._held[number]:
            del self._numbers[self._names[number]]
            self._free.append(number)

    def compact(self) -> NDArray[np.int64]:
        """Give up free numbers, where they are most, and return the new number by the old one."""
        renamed = np.arange(len(self._held))
        if len(self._free) <= len(self._held) // 4:
            return renamed
        kept = np.flatnonzero(np.array(self._held) > 0)
        renamed[kept] = np.arange(len(kept))
        for column in (self.parts, self.scores, self.sketches, self.counts):
            column[..., : len(kept)] = column[..., kept]
        self.counts[len(kept) :] = 0.0
        self._names = [self._names[number] for number in kept]
        self._held = [self._held[number] for number in kept]
        self._numbers = {name: number for number, name in enumerate(self._names)}
        self._free = []
        return renamed

    def _new(self, name: bytes) -> int:
        number = self._free.pop() if self._free else len(self._held)
        if number == len(self._held):
            self._held.append(0)
            self._names.append(name)
            if number == len(self.scores):
                self.parts = np.concatenate([self.parts, np.zeros_like(self.parts)], axis=1)
                self.scores = np.concatenate([self.scores, np.zeros_like(self.scores)])
                self.sketches = np.concatenate([self.sketches, np.zeros_like(self.sketches)], axis=1)
                self.counts = np.concatenate([self.counts, np.zeros_like(self.counts)])
        self._numbers[name], self._names[number] = number, name
        found = np.frombuffer(name, SCORED)[0]
        self.parts[:, number], self.scores[number] = found["parts"], found["score"]
        self.sketches[:, number] = found["sketch"]
        return number

    def memory(self) -> int:
        """Return the bytes held."""
        columns = (self.parts, self.scores, self.sketches, self.counts)
        arrays: int = sum(column.nbytes for column in columns)
        return arrays + 200 * len(self._held)
