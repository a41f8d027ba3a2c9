"""What of a partition is accounted for: the arithmetic of positions and the checkpoint that carries it.

An offset is *settled* when the transaction that accounts for its lines has committed. A checkpoint splits a partition
at two offsets, `low <= next`:

* below `low` everything is settled;
* from `low` up to `next` everything is settled except the positions in `unsettled`;
* from `next` on nothing has been looked at.

A replica that takes over reads from `low`, keeps only `unsettled` below `next`, and everything after. So exactness
does not depend on how sessions are cut, on the wall clock, or on a configuration that changed in between.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
import orjson
import zstandard
from numpy.typing import NDArray

from daemon.core.positions import INDEX_BITS, Positions, offset_of, position_of
from daemon.core.types import TopicPartition
from daemon.errors import DataError

CHECKPOINT_VERSION = 1
_HEAD = struct.Struct(">HI")
NONE: Positions = np.empty(0, dtype=np.int64)
Mask = NDArray[np.bool_]


def pack(positions: Positions) -> bytes:
    """Return sorted positions delta-coded and compressed; a run of neighbours costs next to nothing."""
    deltas = np.diff(positions, prepend=np.int64(0)).astype("<i8")
    # Bytes of equal significance side by side compress several times better than interleaved.
    planes = deltas.view(np.uint8).reshape(-1, 8).T
    return zstandard.ZstdCompressor(level=3).compress(planes.tobytes())


def unpack(data: bytes) -> Positions:
    """Return what `pack` was given."""
    planes = np.frombuffer(zstandard.ZstdDecompressor().decompress(data), dtype=np.uint8).reshape(8, -1)
    return np.cumsum(np.ascontiguousarray(planes.T).view("<i8").reshape(-1), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that a new owner needs to go on with a partition, exactly where the last transaction left it.

    `next` is the offset to process next, `unsettled` the sorted positions below it that are held by open or unjudged
    sessions, `watermark` the greatest event time seen (None before the first line), `state` what incidents need,
    `config` the hash of the configuration that wrote it.
    """

    next: int
    watermark: int | None = None
    unsettled: Positions = field(default_factory=lambda: NONE)
    state: bytes = b""
    config: str = ""

    @property
    def low(self) -> int:
        """The offset to read from again: the first that is not wholly settled."""
        return offset_of(int(self.unsettled[0])) if self.unsettled.size else self.next

    def unsettled_from(self, offset: int) -> int:
        """Return how many of the unsettled lines are still to be had when the log begins at `offset`."""
        return int(np.count_nonzero(self.unsettled >= position_of(offset)))

    def encode(self) -> bytes:
        """Return the checkpoint's record value: a version, a readable JSON head, packed positions, opaque state."""
        unsettled = pack(self.unsettled)
        head = orjson.dumps(
            {
                "L": self.low,
                "H": self.next,
                "watermark": self.watermark,
                "unsettled": int(self.unsettled.size),
                "packed": len(unsettled),
                "config": self.config,
            }
        )
        return _HEAD.pack(CHECKPOINT_VERSION, len(head)) + head + unsettled + self.state

    @classmethod
    def decode(cls, value: bytes) -> Checkpoint:
        """Return the checkpoint in `value`; DataError names a version this release cannot read."""
        version, length = _HEAD.unpack_from(value)
        if version != CHECKPOINT_VERSION:
            raise DataError(
                f"checkpoint version {version} was written by another release; this one reads {CHECKPOINT_VERSION}"
            )
        head = orjson.loads(value[_HEAD.size : _HEAD.size + length])
        body = value[_HEAD.size + length :]
        return cls(
            next=head["H"],
            watermark=head["watermark"],
            unsettled=unpack(body[: head["packed"]]),
            state=body[head["packed"] :],
            config=head["config"],
        )


def checkpoint_key(group: str, source: TopicPartition) -> bytes:
    """Return the key of a partition's checkpoint record."""
    return f"{group}/{source.topic}/{source.partition}".encode()


class Replay:
    """Picks, while a partition is read again from `low`, what the checkpoint left unsettled.

    A record below `next` whose unsettled lines no longer come out under the same positions (another format now splits
    it otherwise) is taken whole: its lines are then judged under the new reading, none is dropped.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.until = checkpoint.next
        self._unsettled = checkpoint.unsettled
        self._offsets = np.unique(checkpoint.unsettled >> INDEX_BITS)
        self._met = 0

    def wants(self, offset: int) -> bool:
        """Whether the record at `offset` has anything left to do."""
        if offset >= self.until:
            return True
        place = int(np.searchsorted(self._offsets, offset))
        return place < self._offsets.size and int(self._offsets[place]) == offset

    def keep(self, positions: Positions) -> Mask:
        """Return a mask over sorted `positions` of lines just read: which are still to be judged."""
        offsets = positions >> INDEX_BITS
        unsettled = np.isin(positions, self._unsettled, assume_unique=True)
        known = np.unique(offsets[unsettled])
        reread = np.isin(offsets, self._offsets) & ~np.isin(offsets, known)
        self._met += int(np.unique(offsets[(unsettled | reread) & (offsets < self.until)]).size)
        return (offsets >= self.until) | unsettled | reread

    def drop_below(self, offset: int) -> int:
        """Give up on what lies before `offset`, which can never be read again; return how many records that are."""
        kept = self._offsets >= offset
        self._offsets = self._offsets[kept]
        return int(kept.size - self._offsets.size)

    def met(self, offset: int) -> None:
        """Note that the record at `offset` came back, though not as lines."""
        self._met += int(offset < self.until and self.wants(offset))

    @property
    def missing(self) -> int:
        """How many records with unsettled lines have not come back (so far): retention deleted them."""
        return int(self._offsets.size) - self._met
