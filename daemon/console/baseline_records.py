"""Records of the baseline's topic as rows of the archive: a pattern's lines and vector, its sessions, its label.

The topic belongs to the daemon, and this reads what it writes there. Lines are masked and redacted already. A pattern's
sessions are counted by input partition, so an archive adds them up.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import orjson
import zstandard

from daemon.console.messages import MAX_NAME
from daemon.core.baseline import Weight
from daemon.core.detection import load_label, load_vector, load_weight, parse_key, vector_model
from daemon.errors import DataError, ModelMismatchError

MAX_LINES = 20
"""Lines of a pattern that are kept."""
MAX_LINE = 300
"""Characters of a line that are kept."""
_UNREADABLE = (ValueError, LookupError, TypeError, struct.error, zstandard.ZstdError, ModelMismatchError)


@dataclass(frozen=True, slots=True)
class PatternLines:
    """What a pattern consists of: the first of its `kinds` different lines with their counts, and its unit vector.

    The vector is half floats as bytes, made by `model`.
    """

    scope: str
    pattern: str
    kinds: int
    lines: Sequence[tuple[str, int]]
    model: str
    vector: bytes


@dataclass(frozen=True, slots=True)
class PatternWeight:
    """What one input partition has counted of a pattern; `weight` None when nothing of it is left in the window."""

    scope: str
    pattern: str
    topic: str
    partition: int
    weight: Weight | None


@dataclass(frozen=True, slots=True)
class PatternLabel:
    """The label that the detector uses for a pattern, empty without one."""

    scope: str
    pattern: str
    verdict: str


def read_baseline(key: bytes | None, value: bytes | None) -> PatternLines | PatternWeight | PatternLabel | None:
    """Read one record of the baseline's topic; None for those that no page shows. Raises DataError for foreign ones."""
    if key is None:
        raise DataError("a record of the baseline topic has no key")
    kind, scope, pattern, *rest = parse_key(key)
    scope, pattern = scope[:MAX_NAME], str(pattern)[:MAX_NAME]
    try:
        if kind == "weight":
            if not 0 <= rest[1] < 1 << 31:
                raise DataError("the partition of a weight is not a number of a partition")
            return PatternWeight(scope, pattern, rest[0], rest[1], None if value is None else load_weight(value))
        if kind == "label":
            return PatternLabel(scope, pattern, "" if value is None else load_label(value).verdict)
        if kind == "vector" and value is not None:
            return _lines(scope, pattern, value)
    except _UNREADABLE as error:
        raise DataError(f"the baseline topic's {kind} record cannot be read: {error}") from None
    return None


def _lines(scope: str, pattern: str, value: bytes) -> PatternLines:
    model, dimensions = vector_model(value)
    _, lines, vector = load_vector(value, model, dimensions)
    kept = [(line[:MAX_LINE], count) for line, count in lines[:MAX_LINES]]
    return PatternLines(scope, pattern, len(lines), kept, model, vector.astype(np.float16).tobytes())


def dumped(lines: Sequence[tuple[str, int]]) -> str:
    """Return lines as the archive stores them."""
    return orjson.dumps(lines).decode()
