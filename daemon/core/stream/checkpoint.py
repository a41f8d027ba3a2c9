"""The checkpoint of a partition: which of its lines are accounted for.

An offset is *settled* when the transaction that accounts for its lines has committed. A checkpoint splits a partition
at two offsets, `low <= next`:

* below `low` everything is settled;
* from `low` up to `next` everything is settled except the positions in `unsettled`;
* from `next` on nothing has been read.

A replica that takes over reads from `low`, keeps only `unsettled` below `next`, and everything after. So exactness
does not depend on how sessions are cut, on the wall clock, or on a configuration that changes in between.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import orjson
import zstandard

from daemon.core.positions import Positions, offset_of, position_of
from daemon.core.types import OutRecord, TopicPartition
from daemon.core.zstd_frames import unpacked_frame
from daemon.errors import DataError

CHECKPOINT_VERSION = 1
MAX_UNPACKED = 512 << 20
"""The most bytes of unpacked positions: 67 million, 40 times what `sessions.max_pinned` lets wait by default."""
_HEAD = struct.Struct(">HI")
NONE: Positions = np.empty(0, dtype=np.int64)


def pack(positions: Positions) -> bytes:
    """Return sorted positions as compressed deltas; a run of neighbours takes almost no space."""
    deltas = np.diff(positions, prepend=np.int64(0)).astype("<i8")
    # Bytes of equal significance side by side compress several times better than interleaved.
    planes = deltas.view(np.uint8).reshape(-1, 8).T
    return zstandard.ZstdCompressor(level=3).compress(planes.tobytes())


def unpack(data: bytes) -> Positions:
    """Return the positions that `pack` compressed. Raises DataError where they are damaged or very many."""
    try:
        planes = np.frombuffer(unpacked_frame(data, MAX_UNPACKED), dtype=np.uint8).reshape(8, -1)
    except (zstandard.ZstdError, ValueError) as error:
        raise DataError(f"the positions of a checkpoint cannot be read: {error}") from None
    return np.cumsum(np.ascontiguousarray(planes.T).view("<i8").reshape(-1), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that a new owner needs to continue a partition exactly where the last transaction left it.

    `next` is the offset to process next, `unsettled` the sorted positions below it of lines in open or unjudged
    sessions, `watermark` the greatest event time seen (None before the first line), `config` the hash of the
    configuration that wrote it. `held` are those of `unsettled` that are held to be joined with the lines that follow,
    `clock` is the greatest record time of lines that may be joined. `pieces` is state that is kept in records of its
    own, by name, so that a transaction writes only what changed.
    """

    next: int
    watermark: int | None = None
    unsettled: Positions = field(default_factory=lambda: NONE)
    config: str = ""
    pieces: Mapping[bytes, bytes | None] = field(default_factory=dict)
    held: Positions = field(default_factory=lambda: NONE)
    clock: int | None = None

    @property
    def low(self) -> int:
        """The offset to read from again: the first that is not completely settled."""
        return offset_of(int(self.unsettled[0])) if self.unsettled.size else self.next

    def unsettled_from(self, offset: int) -> int:
        """Return how many of the unsettled lines still exist when the log begins at `offset`."""
        return int(np.count_nonzero(self.unsettled >= position_of(offset)))

    def encode(self) -> bytes:
        """Return the checkpoint's record value: a version, a readable JSON head, packed positions."""
        unsettled, held = pack(self.unsettled), pack(self.held) if self.held.size else b""
        head = orjson.dumps(
            {
                "L": self.low,
                "H": self.next,
                "watermark": self.watermark,
                "unsettled": int(self.unsettled.size),
                "packed": len(unsettled),
                "config": self.config,
                "held": len(held),
                "clock": self.clock,
            }
        )
        return _HEAD.pack(CHECKPOINT_VERSION, len(head)) + head + unsettled + held

    @classmethod
    def decode(cls, value: bytes) -> Checkpoint:
        """Return the checkpoint in `value`. Raises DataError for what this release cannot read."""
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
            config=head["config"],
            held=unpack(body[head["packed"] :]) if head.get("held") else NONE,  # older checkpoints have none
            clock=head.get("clock"),
        )


def checkpoint_key(group: str, source: TopicPartition) -> bytes:
    """Return the key of a partition's checkpoint record."""
    return f"{group}/{source.topic}/{source.partition}".encode()


def checkpoint_records(checkpoint: Checkpoint, key: bytes, place: int) -> list[OutRecord]:
    """Return the record of a checkpoint and those of its pieces, for the partition `place` of the checkpoints' topic.

    `key` is the checkpoint's; the key of a piece begins with it.
    """
    pieces = [
        OutRecord("checkpoints", key + b"/" + name, value, (), place) for name, value in checkpoint.pieces.items()
    ]
    return [OutRecord("checkpoints", key, checkpoint.encode(), (), place), *pieces]


def name_of_piece(checkpoint: bytes, key: bytes) -> bytes:
    """Return the name of the piece that `checkpoint_records` gave a key."""
    return key[len(checkpoint) + 1 :]
