"""Plain JSON objects: where in each lie the texts that are looked for; see ``objects.zig``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daemon.core.kernel.machine import LONGEST, machine, pieces
from daemon.core.kernel.shape_numbers import number_parts

COLUMNS = ("message", "time", "scope", "key", "level", "version")
NO_TIME = np.iinfo(np.int64).min
ABSENT = np.iinfo(np.uint32).max

Numbers = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class PlainParts:
    """Of n objects: their times in microseconds or `NO_TIME`, where their texts lie, and which messages are alike.

    `begins` and `sizes` are (6, n) numbers of bytes, in the order of `COLUMNS`; the size of a text that is not there is
    `ABSENT`, that of a message only where the object is not plain. Messages with one number in `alike` are of one
    shape, see `number_shapes`; it is -1 where there is none.
    """

    times: NDArray[np.int64]
    begins: Numbers
    sizes: Numbers
    alike: NDArray[np.int64]


def read_objects(values: Sequence[bytes | None], sizes: pl.Series, fields: bytes) -> PlainParts:
    """Read objects of these sizes, null where there is none. One of more than `LONGEST` bytes is never plain.

    `fields` says what is looked for, see `daemon.core.formats.plain_objects`.
    """
    fit = (sizes <= LONGEST).fill_null(value=False)
    if fit.all():
        return _read_all(cast("Sequence[bytes]", values), sizes.to_numpy(), fields)
    return _read_all(
        [value if value is not None and fits else b"" for value, fits in zip(values, fit, strict=True)],
        (sizes * fit).fill_null(0).to_numpy(),
        fields,
    )


def _read_all(values: Sequence[bytes], lengths: Numbers, fields: bytes) -> PlainParts:
    count, texts = len(values), (len(COLUMNS), len(values))
    parts = PlainParts(
        np.empty(count, np.int64), np.empty(texts, np.uint32), np.empty(texts, np.uint32), np.empty(count, np.int64)
    )
    known = 0
    for piece in pieces(lengths):
        known = _read(values[piece], lengths[piece], fields, parts, piece, known)
    return parts


def _read(values: Sequence[bytes], lengths: Numbers, fields: bytes, parts: PlainParts, piece: slice, known: int) -> int:
    """Put what is read of a piece into `parts`, with numbers of shapes from `known` on; return the next number."""
    count, columns = len(values), len(COLUMNS)
    ends = np.cumsum(lengths + 1, dtype=np.uint32) - 1
    with machine() as kernel:
        data, written = kernel.put(b"\n".join((*values, b""))), kernel.put(fields)
        times = kernel.room(count, np.int64)
        begins, sizes = kernel.room(columns * count, np.uint32), kernel.room(columns * count, np.uint32)
        kernel.call("readObjects", data, kernel.put(ends), count, written, len(fields), times, begins, sizes)
        shapes = number_parts(kernel, data, begins, sizes, count)
        parts.times[piece] = kernel.view(times, count, np.int64)
        parts.sizes[:, piece] = kernel.view(sizes, columns * count, np.uint32).reshape(columns, count)
        absolute = kernel.view(begins, columns * count, np.uint32).reshape(columns, count)
        np.subtract(absolute, ends - lengths, out=parts.begins[:, piece])
    parts.alike[piece] = shapes.number + np.where(shapes.number < 0, 0, known)
    return known + len(shapes.firsts)
