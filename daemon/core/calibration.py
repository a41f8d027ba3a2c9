"""How strange is strange lately: the last RING sessions' parts and scores, per scope and input partition.

A ring is kept in chunks so that a commit writes what changed and no more: each chunk is a record of its own, with the
number of values ever written when it was last touched. The ring's own count is the greatest of its chunks'.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

PARTS = ("dtm", "ctx", "sev", "rep")
RING = 4096
CHUNK = 128
EMPTY, QUIET, LOUD = 0, 1, 2
_HEADER = struct.Struct("<BBHq")
_VERSION = 1


class Ring:
    """The latest sessions of one scope and input partition, oldest overwritten first.

    `parts` (RING, parts) and `scores` (RING,) are float32, `minutes` (RING,) the sessions' ends in minutes since the
    epoch, `states` (RING,) EMPTY, QUIET, or LOUD for a session that was called anomalous.
    """

    def __init__(self) -> None:
        self.parts = np.zeros((RING, len(PARTS)), np.float32)
        self.scores = np.zeros(RING, np.float32)
        self.minutes = np.zeros(RING, np.uint32)
        self.states = np.zeros(RING, np.uint8)
        self._counts = np.zeros(RING // CHUNK, np.int64)
        self.count = 0

    def __len__(self) -> int:
        return min(self.count, RING)

    def next_chunk(self) -> int:
        """Return the chunk that the next value goes to."""
        return self.count % RING // CHUNK

    def append(self, parts: NDArray[np.float32], score: float, minute: int, loud: bool) -> None:
        """Write one session over the oldest."""
        place = self.count % RING
        self.parts[place], self.scores[place] = parts, score
        self.minutes[place], self.states[place] = minute, LOUD if loud else QUIET
        self.count += 1
        self._counts[place // CHUNK] = self.count

    def latest(self, count: int) -> NDArray[np.int64]:
        """Return the places of the latest `count` sessions, newest first."""
        return np.arange(self.count - 1, self.count - 1 - min(count, len(self)), -1) % RING

    def dump(self, chunk: int) -> bytes | None:
        """Return one chunk as bytes, None when it holds nothing."""
        cut = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        if not self._counts[chunk]:
            return None
        columns = (self.parts[cut], self.scores[cut], self.minutes[cut], self.states[cut])
        head = _HEADER.pack(_VERSION, len(PARTS), CHUNK, int(self._counts[chunk]))
        return head + b"".join(column.tobytes() for column in columns)

    def load(self, chunk: int, value: bytes | None) -> None:
        """Replace one chunk by what `dump` returned; raises ValueError when it is not of this shape."""
        cut = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        if value is None:
            self.states[cut], self._counts[chunk] = EMPTY, 0
        else:
            version, width, size, count = _HEADER.unpack_from(value)
            expected = _HEADER.size + CHUNK * (4 * len(PARTS) + 9)
            if (version, width, size, len(value)) != (_VERSION, len(PARTS), CHUNK, expected):
                raise ValueError("a calibration record of another version")
            at = _HEADER.size
            self.parts[cut] = np.frombuffer(value, np.float32, CHUNK * width, at).reshape(CHUNK, width)
            at += 4 * CHUNK * width
            self.scores[cut] = np.frombuffer(value, np.float32, CHUNK, at)
            self.minutes[cut] = np.frombuffer(value, np.uint32, CHUNK, at + 4 * CHUNK)
            self.states[cut] = np.frombuffer(value, np.uint8, CHUNK, at + 8 * CHUNK)
            self._counts[chunk] = count
        self.count = int(self._counts.max())

    def memory(self) -> int:
        """Return the bytes held."""
        return self.parts.nbytes + self.scores.nbytes + self.minutes.nbytes + self.states.nbytes
