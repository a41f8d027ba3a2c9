"""The component values and scores of the last RING sessions, by scope and input partition.

A ring is kept in chunks so that a commit writes only what changed. Each chunk is a record of its own, with the number
of sessions ever noted when it was last changed. The ring's own count is that of its latest chunk. In memory a ring
holds the number of each session's finding, since many sessions share one (see `score_table`). It has room for as many
sessions as it has seen, up to RING.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from daemon.core.arrays import Arrays, nested, part
from daemon.core.baseline import WORDS, Sketch, differing
from daemon.core.calibration.score_table import ScoreTable, finding_type
from daemon.core.columns import Column, Columns

RING = 4096
CHUNK = 64
ENOUGH = 1000
"""Sessions after which a partition's own ring is enough to rank among; until then its scope's others are added."""
HEADER = struct.Struct("<BBHq8x")
VERSION = 2
EMPTY, QUIET, LOUD, EARLY = 0, 1, 2, 3
"""States of a place: LOUD sessions carried a clue. EARLY ones were judged while the scope knew too little; they count
as seen and calibrate nothing."""
_CALIBRATES = (False, True, True, False)
_AGES = np.tile(np.arange(RING - 1, -1, -1), 2)


@lru_cache(maxsize=8)
def row_type(width: int) -> np.dtype[np.void]:
    """Return the stored layout of one session with `width` component values."""
    return np.dtype(
        [
            ("parts", "<f4", (width,)),
            ("score", "<f4"),
            ("minute", "<u4"),
            ("state", "u1"),
            ("sketch", "<u8", (WORDS,)),
        ]
    )


class Recent(NamedTuple):
    """The findings of recent sessions, as columns of equal length n.

    `names` are the components; parts (components, n), scores, sketches (WORDS, n), and `counts`, float64: how many
    sessions have each finding, possibly 0.
    """

    names: tuple[str, ...]
    parts: NDArray[np.float32]
    scores: NDArray[np.float32]
    sketches: NDArray[np.uint64]
    counts: NDArray[np.float64]

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return int(self.counts.sum())

    def part(self, name: str) -> NDArray[np.float32]:
        """Return the values of the component called `name`."""
        return np.asarray(self.parts[self.names.index(name)])

    def bits(self, sketch: Sketch) -> NDArray[np.int64]:
        """Return the number of sketch bits in which each differs from `sketch`."""
        return differing(sketch, self.sketches)


class _Places(Columns):
    minute = Column(np.uint32)
    state = Column(np.uint8)
    found = Column(np.uint16)


class _Chunks(Columns):
    count = Column(np.int64)


class Ring:
    """The latest sessions of one scope and input partition, the oldest overwritten first.

    `count` is how many there ever were. `names` are the score's components, in their stored order.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.findings = ScoreTable(len(names))
        self.count = 0
        self._places = _Places(1)
        self._chunks = _Chunks(1)

    def __len__(self) -> int:
        return min(self.count, RING)

    def next_chunk(self, ahead: int = 0) -> int:
        """Return the chunk that the next session goes to, after `ahead` others."""
        return (self.count + ahead) % RING // CHUNK

    def append(self, finding: bytes, *, minute: int, state: int) -> None:
        """Note one session in place of the oldest; for its finding see `score_table.finding`."""
        place = self.count % RING
        places, chunks = self._places, self._chunks
        places.reserve(place + 1)
        chunks.reserve(place // CHUNK + 1)
        former, of_state = places.found.item(place), places.state.item(place)
        places.found[place] = self.findings.take_one(finding, counts=_CALIBRATES[state])
        self.findings.give_back(former, counts=_CALIBRATES[of_state])
        places.minute[place], places.state[place] = minute, state
        self._noted(1)

    def extend(self, findings: Sequence[bytes], minutes: NDArray[np.int64], states: NDArray[np.int64]) -> None:
        """Do what `append` does for each of some sessions that calibrate."""
        begin = 0
        while begin < len(findings):
            some = slice(begin, begin + CHUNK - self.count % CHUNK)
            self._extend(findings[some], minutes[some], states[some])
            begin = some.stop

    def _extend(self, findings: Sequence[bytes], minutes: NDArray[np.int64], states: NDArray[np.int64]) -> None:
        """Note sessions that go to one chunk."""
        begin, places = self.count % RING, self._places
        cut = slice(begin, begin + len(findings))
        places.reserve(cut.stop)
        self._chunks.reserve(begin // CHUNK + 1)
        if not all(map(_CALIBRATES.__getitem__, places.state[cut].tolist())):
            for finding, minute, state in zip(findings, minutes.tolist(), states.tolist(), strict=True):
                self.append(finding, minute=minute, state=state)
            return
        places.found[cut] = self.findings.exchange(findings, places.found[cut].tolist())
        places.minute[cut], places.state[cut] = minutes, states
        self._noted(len(findings))

    def _noted(self, sessions: int) -> None:
        """Count sessions that were noted in one chunk."""
        chunk = self.count % RING // CHUNK
        self.count += sessions
        if not self.count % CHUNK:
            renamed = self.findings.compact()
            if renamed is not None:
                self._places.found[:] = renamed[self._places.found]
        self._chunks.count[chunk] = self.count

    def states(self, count: int) -> NDArray[np.uint8]:
        """Return the states of the latest `count` sessions, newest first."""
        places = np.arange(self.count - 1, self.count - 1 - min(count, len(self)), -1) % RING
        return np.asarray(self._places.state[places])

    def rows(self) -> NDArray[np.void]:
        """Return the noted sessions, oldest first, laid out as `row_type`."""
        whole = np.zeros(RING, row_type(len(self.names)))
        for chunk in range(RING // CHUNK):
            whole[chunk * CHUNK : (chunk + 1) * CHUNK] = self._rows(chunk)
        start = -self.count % RING
        ordered = whole[np.argsort(-_AGES[start : start + RING])]
        return np.asarray(ordered[ordered["state"] != EMPTY])

    def _rows(self, chunk: int) -> NDArray[np.void]:
        rows = np.zeros(CHUNK, row_type(len(self.names)))
        places, findings = self._places, self.findings
        if chunk >= len(self._chunks.count) or not self._chunks.count[chunk]:
            return rows
        numbers = places.found[chunk * CHUNK : (chunk + 1) * CHUNK]
        filled = rows[: len(numbers)]
        filled["parts"], filled["score"] = findings.parts[:, numbers].T, findings.scores[numbers]
        filled["sketch"] = findings.sketches[:, numbers].T
        filled["minute"] = places.minute[chunk * CHUNK : (chunk + 1) * CHUNK]
        filled["state"] = places.state[chunk * CHUNK : (chunk + 1) * CHUNK]
        return rows

    def dump(self, chunk: int) -> bytes | None:
        """Return one chunk as bytes, None when it holds nothing."""
        if chunk >= len(self._chunks.count) or not self._chunks.count[chunk]:
            return None
        return (
            HEADER.pack(VERSION, len(self.names), CHUNK, self._chunks.count.item(chunk)) + self._rows(chunk).tobytes()
        )

    def chunks(self) -> range:
        """Return the chunks that may hold something."""
        return range(len(self._chunks.count))

    def load(self, chunk: int, value: bytes | None) -> None:
        """Replace one chunk by what `dump` returned; raises ValueError when it is not of this shape."""
        width = len(self.names)
        chunks = self._chunks
        if value is None:
            chunks.reserve(chunk + 1)
            chunks.count[chunk] = 0
            self._replace(chunk, np.zeros(CHUNK, row_type(width)))
        else:
            if len(value) != HEADER.size + CHUNK * row_type(width).itemsize:
                raise ValueError("a calibration record of another size")
            head = HEADER.unpack_from(value)
            if head[:3] != (VERSION, width, CHUNK):
                raise ValueError("a calibration record of another version")
            rows = np.frombuffer(value, row_type(width), CHUNK, HEADER.size)
            if (rows["state"] >= len(_CALIBRATES)).any():
                raise ValueError("a calibration record with an unknown state")
            self._replace(chunk, rows)
            chunks.reserve(chunk + 1)
            chunks.count[chunk] = head[3]
        latest = int(chunks.count.argmax())
        self.count = int(chunks.count[latest])

    def _replace(self, chunk: int, rows: NDArray[np.void]) -> None:
        places, findings = self._places, self.findings
        places.reserve((chunk + 1) * CHUNK)
        cut = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        numbers, states, kind = places.found[cut], places.state[cut], finding_type(len(self.names))
        scored, former = np.zeros(len(rows), kind), np.zeros(len(rows), kind)
        for name in kind.names or ():
            scored[name] = rows[name]
        former["parts"], former["score"] = findings.parts[:, numbers].T, findings.scores[numbers]
        former["sketch"] = findings.sketches[:, numbers].T
        other = np.flatnonzero((states != rows["state"]) | _differ(scored, former)).tolist()
        taken = [findings.take_one(scored[n].tobytes(), counts=_CALIBRATES[rows["state"].item(n)]) for n in other]
        for n in other:
            findings.give_back(numbers.item(n), counts=_CALIBRATES[states.item(n)])
        numbers[other] = taken
        places.minute[cut], places.state[cut] = rows["minute"], rows["state"]

    def save(self) -> Arrays:
        """Return all sessions and their findings as arrays."""
        return {
            **nested("places", self._places.to_arrays("minute", "state", "found", rows=RING)),
            **nested("chunks", self._chunks.to_arrays("count", rows=RING // CHUNK)),
            **nested("findings", self.findings.save()),
        }

    def load_all(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` returned, into an empty ring."""
        self._places.from_arrays(part("places", arrays), "minute", "state", "found")
        self._chunks.from_arrays(part("chunks", arrays), "count")
        self.findings.load(part("findings", arrays))
        self.count = int(self._chunks.count.max())

    def memory(self) -> int:
        """Return an estimate of the bytes held."""
        return self._places.nbytes + self._chunks.nbytes + self.findings.memory()


def _differ(one: NDArray[np.void], other: NDArray[np.void]) -> NDArray[np.bool_]:
    """Return which of two columns of findings differ, byte by byte."""
    size = one.dtype.itemsize
    return np.asarray((one.view(np.uint8).reshape(-1, size) != other.view(np.uint8).reshape(-1, size)).any(axis=1))


def gather(names: tuple[str, ...], own: Ring | None, all_rings: Collection[Ring]) -> Recent:
    """Return the sessions to rank among: the partition's own, or all of the scope's while its own are too few."""
    if own is not None and len(own) >= ENOUGH:
        return _recent(own)
    by_ring = [_recent(ring) for ring in all_rings] or [_recent(Ring(names))]
    if len(by_ring) == 1:
        return by_ring[0]
    return Recent(
        names,
        np.concatenate([recent.parts for recent in by_ring], axis=1),
        np.concatenate([recent.scores for recent in by_ring]),
        np.concatenate([recent.sketches for recent in by_ring], axis=1),
        np.concatenate([recent.counts for recent in by_ring]),
    )


def _recent(ring: Ring) -> Recent:
    table = ring.findings
    cut = slice(0, len(table))
    return Recent(ring.names, table.parts[:, cut], table.scores[cut], table.sketches[:, cut], table.counts[cut])
