"""A block: masked lines of one writer as one record, with a head that says how far the writer is.

The bytes: a magic number, a version, the length of the head, the head as JSON, and the lines as a zstd-compressed Arrow
stream. A block without lines only gives the time. Columns are found by name, so a release may add some.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import orjson
import polars as pl
import zstandard

from daemon.core.positions import MAX_LINES_PER_RECORD
from daemon.core.types import LINES_SCHEMA, TopicPartition
from daemon.core.zstd_frames import unpacked_frame
from daemon.errors import DataError

MARK = b"SLRP"
VERSION = 1
MAX_BYTES = 64 << 20
"""Upper bound of a block's uncompressed bytes: a line is cut at 8,192 characters, a block at `BLOCK_BYTES`."""
_HEAD = struct.Struct(">4sHI")
COLUMNS = {"origin": pl.Int64(), **{n: t for n, t in LINES_SCHEMA.items() if n != "position"}, "masked": pl.String()}
"""The columns that every block has. `origin` is the position in the writer's partition."""


@dataclass(frozen=True, slots=True)
class BlockHead:
    """How far the writer of a block is.

    `clock` is its stream time in microseconds after the block, None before its first line. `idle` is for how many
    seconds it has waited for more after it read everything, None while it still reads. `first` is the clock of the
    block's first line, None where it has none.
    """

    writer: TopicPartition
    clock: int | None
    idle: float | None
    lines: int = 0
    first: int | None = None


def encode_block(head: BlockHead, lines: pl.DataFrame | None) -> bytes:
    """Return a block; `lines` has at least `COLUMNS`, or is None for a block that only gives the time."""
    document = {
        "topic": head.writer.topic,
        "partition": head.writer.partition,
        "clock": head.clock,
        "idle": head.idle,
        "lines": head.lines,
        "first": head.first,
    }
    text = orjson.dumps(document)
    body = b""
    if lines is not None:
        stream = io.BytesIO()
        lines.write_ipc_stream(stream)
        body = zstandard.ZstdCompressor(level=1, write_checksum=True).compress(stream.getvalue())
    return _HEAD.pack(MARK, VERSION, len(text)) + text + body


def decode_head(value: bytes | None) -> BlockHead:
    """Return the head of a block. Raises DataError for anything else."""
    return _split(value)[0]


def decode_block(value: bytes | None) -> tuple[BlockHead, pl.DataFrame]:
    """Return a block's head and lines, a table with at least `COLUMNS`. Raises DataError for anything else."""
    head, body = _split(value)
    if not head.lines:
        return head, pl.DataFrame(schema=COLUMNS)
    try:
        data = unpacked_frame(body, MAX_BYTES)
        table = pl.read_ipc_stream(data)
    except (zstandard.ZstdError, pl.exceptions.PolarsError) as error:
        raise DataError(f"the lines of the block cannot be read: {type(error).__name__}") from None
    wrong = [name for name, type_ in COLUMNS.items() if table.schema.get(name) != type_]
    if wrong or table.height != head.lines or table.height > MAX_LINES_PER_RECORD:
        raise DataError(f"the lines of the block are not what its head says: {', '.join(wrong) or 'their number'}")
    return head, table


def _split(value: bytes | None) -> tuple[BlockHead, memoryview]:
    """Return the head, and the compressed lines without a copy."""
    if value is None or len(value) < _HEAD.size or not value.startswith(MARK):
        raise DataError("the record is not a block of lines of strayline")
    _, version, length = _HEAD.unpack_from(value)
    if version != VERSION:
        raise DataError(f"the block has version {version}, of another release; this one reads {VERSION}")
    try:
        head = orjson.loads(value[_HEAD.size : _HEAD.size + length])
        writer = TopicPartition(str(head["topic"]), int(head["partition"]))
        clock, first = (None if head[name] is None else int(head[name]) for name in ("clock", "first"))
        idle = None if head["idle"] is None else float(head["idle"])
        return BlockHead(writer, clock, idle, int(head["lines"]), first), memoryview(value)[_HEAD.size + length :]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"the head of the block cannot be read: {type(error).__name__}") from None
