"""The findings of recent sessions, each stored once: in steady traffic, most sessions repeat an earlier one.

A finding is a session's component values, score and sketch. Sessions that share one are counted, so ranking a session
costs in proportion to the number of findings among the recent sessions, not of sessions.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.core.arrays import Arrays
from daemon.core.baseline import WORDS, Sketch
from daemon.core.columns import ROWS, Column, Columns

_SAVED = ("parts", "scores", "sketches", "counts", "_held")
_SCORE = struct.Struct("<f")


@lru_cache(maxsize=8)
def finding_type(width: int) -> np.dtype[np.void]:
    """Return the layout of a finding with `width` component values."""
    return np.dtype([("parts", "<f4", (width,)), ("score", "<f4"), ("sketch", "<u8", (WORDS,))])


def finding(parts: NDArray[np.float32], score: float, sketch: Sketch) -> bytes:
    """Return one finding, laid out as `finding_type`."""
    return parts.astype("<f4", copy=False).tobytes() + _SCORE.pack(score) + sketch.astype("<u8", copy=False).tobytes()


class ScoreTable(Columns):
    """Findings by number; a number is reused when no session has it.

    Number 0 belongs to the places of a ring that have no session.
    """

    parts = Column(np.float32, ("width", ROWS))
    scores = Column(np.float32)
    sketches = Column(np.uint64, (WORDS, ROWS))
    counts = Column(np.float64)
    """How many of the sessions that have a finding calibrate."""
    _held = Column(np.int32)
    _finding = Column(np.object_)

    def __init__(self, width: int) -> None:
        """Make a table of findings with `width` component values each."""
        super().__init__(room=1, width=width)
        self._type = finding_type(width)
        self._numbers: dict[bytes, int] = {}
        self.take_one(bytes(self._type.itemsize), counts=False)

    def take_one(self, finding: bytes, *, counts: bool) -> int:
        """Return the number of a finding, for one session more; `counts`: the session calibrates."""
        number = self._numbers.get(finding)
        if number is None:
            number = self._new(finding)
        self._held[number] += 1
        if counts:
            self.counts[number] += 1.0
        return number

    def give_back(self, number: int, *, counts: bool) -> None:
        """Count one session fewer that has the finding `number`; `counts`: the session calibrated."""
        if counts:
            self.counts[number] -= 1.0
        if not number:
            return
        self._held[number] -= 1
        if not self._held[number]:
            del self._numbers[self._finding.item(number)]
            self.free(number)

    def exchange(self, findings: Sequence[bytes], former: Sequence[int]) -> list[int]:
        """Take a finding and give a former number back, one pair after the other; return the numbers of the findings.

        All sessions concerned calibrate. The result is that of `take_one` and `give_back`, with each number's counts
        changed once.
        """
        numbers, change = list[int](), dict[int, int]()
        for finding, before in zip(findings, former, strict=True):
            number = self._numbers.get(finding)
            if number is None:
                number = self._new(finding)
            numbers.append(number)
            if number == before:
                continue
            change[number] = change.get(number, 0) + 1
            change[before] = left = change.get(before, 0) - 1
            if self._held.item(before) + left == 0:
                del self._numbers[self._finding.item(before)], change[before]
                self.free(before)
        places = np.fromiter(change, np.int64, len(change))
        more = np.fromiter(change.values(), np.int64, len(change))
        self._held[places] += more
        self.counts[places] += more
        return numbers

    def compact(self) -> NDArray[np.int64] | None:
        """Close the gaps that free numbers leave, where they are many; return the new numbers by the old ones."""
        if len(self) - self.used <= len(self) // 4:
            return None
        kept = self.taken()
        renamed = np.zeros(len(self), np.int64)
        renamed[kept] = np.arange(len(kept))
        self.keep(kept)
        self._numbers = dict(zip(self._finding[: len(self)].tolist(), range(len(self)), strict=True))
        return renamed

    def _new(self, finding: bytes) -> int:
        number = self._numbers[finding] = self.take()
        self._finding[number] = finding
        row = np.frombuffer(finding, self._type)[0].item()
        self.parts[:, number], self.scores[number], self.sketches[:, number] = row
        return number

    def save(self) -> Arrays:
        """Return all findings, and how many sessions have each."""
        return self.to_arrays(*_SAVED)

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` returned, into an empty table."""
        self.from_arrays(arrays, *_SAVED)
        rows, numbers = np.zeros(len(self), self._type), self.taken()
        rows["parts"], rows["score"] = self.parts[:, : len(self)].T, self.scores[: len(self)]
        rows["sketch"] = self.sketches[:, : len(self)].T
        for number in numbers.tolist():
            self._finding[number] = rows[number].tobytes()
        self._numbers = {self._finding.item(number): number for number in numbers.tolist()}

    def memory(self) -> int:
        """Return an estimate of the bytes held."""
        return self.nbytes + 230 * self.used
