"""How strange is strange lately: the last RING sessions' parts and scores, per scope and input partition.

A ring is kept in chunks so that a commit writes what changed and no more: each chunk is a record of its own, with the
number of sessions ever noted when it was last touched, and the credit of alerts as it then stood. The ring's own count
and credit are those of its latest chunk. In memory a ring names what was found of each session by number, since the
same is found of many (see `findings`).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.core.baseline import WORDS, Sketch, differing
from daemon.core.calibration.score_table import PARTS, SCORED, Findings

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
_CALIBRATES = (False, True, True, False)
_AGES = np.tile(np.arange(RING - 1, -1, -1), 2)


@dataclass(frozen=True, slots=True)
class Recent:
    """What was found of recent sessions, as columns of equal length n.

    parts (PARTS, n), scores, sketches (WORDS, n), and `counts`, float64: of how many sessions it was found, maybe 0.
    """

    parts: NDArray[np.float32]
    scores: NDArray[np.float32]
    sketches: NDArray[np.uint64]
    counts: NDArray[np.float64]

    def __len__(self) -> int:
        return int(self.counts.sum())

    def bits(self, sketch: Sketch) -> NDArray[np.int64]:
        """Return the number of sketch bits in which each differs from `sketch`."""
        return differing(sketch, self.sketches)


class Ring:
    """The latest sessions of one scope and input partition, the oldest overwritten first; `count` is how many ever.

    `credit` is the number of alerts that can be afforded now (see `budget`), None before the first live session.
    """

    def __init__(self) -> None:
        self.minutes = np.zeros(RING, np.uint32)
        self.states = np.zeros(RING, np.uint8)
        self.found = np.zeros(RING, np.int64)
        """Numbers of `findings`, by place."""
        self.findings = Findings()
        self._counts = np.zeros(RING // CHUNK, np.int64)
        self._credits = np.full(RING // CHUNK, np.nan)
        self.count = 0
        self.credit: float | None = None

    def __len__(self) -> int:
        return min(self.count, RING)

    def next_chunk(self) -> int:
        """Return the chunk that the next session goes to."""
        return self.count % RING // CHUNK

    def append(self, finding: bytes, *, minute: int, state: int, credit: float | None) -> None:
        """Note one session over the oldest: what was found of it, see `findings.finding`."""
        place = self.count % RING
        former, of_state = self.found.item(place), self.states.item(place)
        self.found[place] = self.findings.take(finding, counts=_CALIBRATES[state])
        self.findings.give(former, counts=_CALIBRATES[of_state])
        self.minutes[place], self.states[place] = minute, state
        self.count += 1
        if not self.count % CHUNK:
            self.found = self.findings.compact()[self.found]
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
        found, findings = self.found[cut], self.findings
        rows["parts"], rows["score"] = findings.parts[:, found].T, findings.scores[found]
        rows["sketch"] = findings.sketches[:, found].T
        rows["minute"], rows["state"] = self.minutes[cut], self.states[cut]
        head = HEADER.pack(VERSION, len(PARTS), CHUNK, int(self._counts[chunk]), float(self._credits[chunk]))
        return head + rows.tobytes()

    def load(self, chunk: int, value: bytes | None) -> None:
        """Replace one chunk by what `dump` returned; raises ValueError when it is not of this shape."""
        cut = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        if value is None:
            self._counts[chunk] = 0
            self._replace(cut, np.zeros(CHUNK, ROW))
        else:
            if len(value) != HEADER.size + CHUNK * ROW.itemsize:
                raise ValueError("a calibration record of another size")
            version, width, size, count, credit = HEADER.unpack_from(value)
            if (version, width, size) != (VERSION, len(PARTS), CHUNK):
                raise ValueError("a calibration record of another version")
            rows = np.frombuffer(value, ROW, CHUNK, HEADER.size)
            if (rows["state"] >= len(_CALIBRATES)).any():
                raise ValueError("a calibration record with an unknown state")
            self._replace(cut, rows)
            self._counts[chunk], self._credits[chunk] = count, credit
        latest = int(self._counts.argmax())
        self.count = int(self._counts[latest])
        credit = float(self._credits[latest])
        self.credit = credit if self.count and not math.isnan(credit) else None

    def _replace(self, cut: slice, rows: NDArray[np.void]) -> None:
        former = zip(self.found[cut].tolist(), self.states[cut].tolist(), strict=True)
        scored = np.zeros(len(rows), SCORED)
        for name in SCORED.names or ():
            scored[name] = rows[name]
        states = rows["state"].tolist()
        taken = [
            self.findings.take(row.tobytes(), counts=_CALIBRATES[state])
            for row, state in zip(scored, states, strict=True)
        ]
        for number, state in former:
            self.findings.give(number, counts=_CALIBRATES[state])
        self.found[cut], self.minutes[cut], self.states[cut] = taken, rows["minute"], rows["state"]

    def memory(self) -> int:
        """Return the bytes held."""
        return self.minutes.nbytes + self.states.nbytes + self.found.nbytes + self.findings.memory()


def gather(own: Ring | None, all_rings: Sequence[Ring]) -> Recent:
    """Return the sessions to judge by: the partition's own, or with the scope's others while its own are too few."""
    found = [_recent(ring) for ring in ([own] if own is not None and len(own) >= ENOUGH else all_rings or [Ring()])]
    if len(found) == 1:
        return found[0]
    return Recent(
        np.concatenate([recent.parts for recent in found], axis=1),
        np.concatenate([recent.scores for recent in found]),
        np.concatenate([recent.sketches for recent in found], axis=1),
        np.concatenate([recent.counts for recent in found]),
    )


def _recent(ring: Ring) -> Recent:
    found = ring.findings
    cut = slice(0, len(found))
    return Recent(found.parts[:, cut], found.scores[cut], found.sketches[:, cut], found.counts[cut])
