"""Keys and values of the baseline's records. Every value is absolute, so applying a record twice is harmless.

Keys are JSON arrays, so any scope or topic name fits: ``["vector", scope, pattern]``, ``["weight", scope, pattern,
topic, partition]``, ``["ring", scope, topic, partition, chunk]`` and ``["label", scope, pattern]``. Values of weights
and labels are JSON; a vector is a compressed JSON head with its lines, then half floats; a ring's chunk is
`Ring.dump`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np
import orjson
import zstandard
from numpy.typing import NDArray

from daemon.core.baseline import Label, Lines, Weight
from daemon.core.types import LabelVerdict, TopicPartition, Vector
from daemon.core.zstd_frames import unpacked_frame
from daemon.errors import DataError, ModelMismatchError

IMPORTED = TopicPartition("strayline.import", 0)
"""The input partition of imports: no partition of this name is ever read, so no replica's counters are overwritten."""

Parts = list[Any]
"""A key's parts: its kind, its scope, and what else names the value."""
_SHAPES: dict[object, list[type]] = {
    "vector": [str, str],
    "label": [str, str],
    "weight": [str, str, str, int],
    "ring": [str, str, int, int],
}
"""The types of a key's parts after its kind."""
_MOST_CHUNKS = 1 << 16
_MOST_NUMBER = 1 << 62
_LENGTH = struct.Struct("<I")
_MOST_HEAD = 64 << 20
UNREADABLE = (ValueError, LookupError, TypeError, struct.error, zstandard.ZstdError)
"""What a value that is not one of ours may raise while it is decoded."""


def _json(value: object) -> bytes:
    """Return JSON in a bytes object of its own size: what orjson returns keeps its buffer of 4 KiB (orjson 3.13)."""
    return memoryview(orjson.dumps(value)).tobytes()


def vector_key(scope: str, pattern: str) -> bytes:
    """Key of a pattern's lines and vector."""
    return _json(["vector", scope, pattern])


@lru_cache(maxsize=4096)
def weight_key(scope: str, pattern: str, source: TopicPartition) -> bytes:
    """Key of a pattern's weight from one input partition."""
    return _json(["weight", scope, pattern, *source])


@lru_cache(maxsize=4096)
def ring_key(scope: str, source: TopicPartition, chunk: int) -> bytes:
    """Key of one chunk of calibration values."""
    return _json(["ring", scope, *source, chunk])


def label_key(scope: str, pattern: str) -> bytes:
    """Key of a pattern's label."""
    return _json(["label", scope, pattern])


def is_label(key: bytes) -> bool:
    """Whether a key is a label's."""
    return key.startswith(b'["label",')


def parse_key(key: bytes) -> Parts:
    """Return the parts of a key; raises DataError when it is not Strayline's."""
    try:
        parts = orjson.loads(key)
    except orjson.JSONDecodeError:
        parts = None
    if not isinstance(parts, list) or not parts or not isinstance(parts[0], str) or parts[0] not in _SHAPES:
        raise DataError("a record of the baseline topic has a key that is not Strayline's")
    if list(map(type, parts[1:])) != _SHAPES[parts[0]] or (parts[0] == "ring" and not 0 <= parts[4] < _MOST_CHUNKS):
        raise DataError(f"a record of the baseline topic has a {parts[0]} key that is not whole")
    return parts


def dump_vector(model: str, renewed: int, lines: Lines, vector: Vector) -> bytes:
    """Encode a pattern's lines and vector."""
    head = _json({"model": model, "dimensions": len(vector), "renewed": renewed, "lines": lines})
    packed = zstandard.ZstdCompressor(level=3).compress(head)
    return _LENGTH.pack(len(packed)) + packed + vector.astype(np.float16).tobytes()


def load_vector(value: bytes, model: str, dimensions: int) -> tuple[int, Lines, Vector]:
    """Return (renewed, lines, vector). Raises ModelMismatchError when another model made it."""
    (whole,), halves = load_vectors([value], model, dimensions, zstandard.ZstdDecompressor())
    return *whole, halves[0].astype(np.float32)


def load_vectors(
    values: Iterable[bytes], model: str, dimensions: int, decompressor: zstandard.ZstdDecompressor
) -> tuple[list[tuple[int, Lines]], NDArray[np.float16]]:
    """Return (renewed, lines) of each of n values, and the vectors (n, dimensions). Raises as `load_vector` does.

    Making a decompressor costs as much as a record, so the caller keeps one; it serves one thread at a time.
    """
    read, halves = list[tuple[int, Lines]](), list[bytes]()
    for value in values:
        length, head = _head(value, decompressor)
        if (head["model"], head["dimensions"]) != (model, dimensions):
            raise ModelMismatchError(
                f"the baseline was made with {head['model']} ({head['dimensions']} dimensions) and the engine is "
                f"{model} ({dimensions}): go back to that engine.model and engine.dimensions, or name a new "
                "topics.baseline and let it learn again"
            )
        vector = value[_LENGTH.size + length :]
        if len(vector) != np.dtype(np.float16).itemsize * dimensions:
            raise ValueError("a vector of another length")
        read.append((_number(head["renewed"]), _lines(head["lines"])))
        halves.append(vector)
    vectors = np.frombuffer(b"".join(halves), np.float16).reshape(len(read), dimensions)
    if not np.isfinite(vectors).all():
        raise ValueError("a vector that is not finite")
    return read, vectors


def _lines(pairs: list[list[Any]]) -> Lines:
    """Return lines with their counts. Those that are as `dump_vector` writes them take one pass without calls."""
    most = _MOST_NUMBER
    whole = [(line, n) for line, n in pairs if type(line) is str and type(n) is int and -most < n < most]
    if len(whole) == len(pairs):
        return tuple(whole)
    return tuple((str(line), _number(count)) for line, count in pairs)


def vector_model(value: bytes) -> tuple[str, int]:
    """Return the model and the dimensions of an encoded vector."""
    _, head = _head(value, zstandard.ZstdDecompressor())
    return head["model"], head["dimensions"]


def check_model(key: bytes | None, value: bytes | None, model: str, dimensions: int) -> None:
    """Raise ModelMismatchError when a record is a vector that another model made. Foreign records are passed over."""
    with suppress(DataError, *UNREADABLE):
        if key is not None and value is not None and parse_key(key)[0] == "vector":
            load_vector(value, model, dimensions)


def vector_lines(value: bytes) -> Lines:
    """Return the lines of an encoded vector. Raises DataError when it cannot be read."""
    try:
        return _lines(_head(value, zstandard.ZstdDecompressor())[1]["lines"])
    except UNREADABLE as error:
        raise DataError(f"a vector of the baseline topic cannot be read: {error}") from error


def _head(value: bytes, decompressor: zstandard.ZstdDecompressor) -> tuple[int, dict[str, Any]]:
    (length,) = _LENGTH.unpack_from(value)
    packed = value[_LENGTH.size : _LENGTH.size + length]
    return length, orjson.loads(unpacked_frame(packed, _MOST_HEAD, decompressor))


def dump_weight(weight: Weight) -> bytes:
    """Encode a weight."""
    return _json({"v": 1, "first": weight.first, "last": weight.last, "buckets": sorted(weight.buckets.items())})


def load_weight(value: bytes) -> Weight:
    """Decode a weight."""
    document = orjson.loads(value)
    buckets = {_number(bucket): _number(n) for bucket, n in document["buckets"]}
    return Weight(buckets, _number(document["first"]), _number(document["last"]))


def dump_label(label: Label) -> bytes:
    """Encode a label."""
    return _json(
        {"v": 1, "verdict": label.verdict, "at": label.at, "by": label.by, "note": label.note, "renewed": label.renewed}
    )


def load_label(value: bytes) -> Label:
    """Decode a label."""
    document = orjson.loads(value)
    verdict = LabelVerdict(document["verdict"])
    by, note = document["by"], document["note"]
    if not (isinstance(by, str) and isinstance(note, str)):
        raise TypeError("a label's author and note are texts")
    return Label(verdict, _number(document["at"]), by, note, _number(document["renewed"]))


def _number(value: object) -> int:
    """Return a whole number that a column can hold. Raises ValueError."""
    if type(value) is not int or abs(value) >= _MOST_NUMBER:
        raise ValueError("a number that is not one of ours")
    return value
