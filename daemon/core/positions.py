"""A line's position in its partition, as one int64: ``offset << 20 | index``.

``index`` is 0 for a record that is one line, and 1, 2, ... for the lines of a record that holds many. Positions of a
partition sort in reading order, and arrays of them are cheap.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

INDEX_BITS = 20
MAX_LINES_PER_RECORD = (1 << INDEX_BITS) - 1

Positions = NDArray[np.int64]


def position_of(offset: int, index: int = 0) -> int:
    """Return the position of line `index` of the record at `offset`."""
    return offset << INDEX_BITS | index


def offset_of(position: int) -> int:
    """Return the offset of the record that holds `position`."""
    return position >> INDEX_BITS


def place(position: int) -> str:
    """Return one position as text: ``140``, or ``140:2`` for line 2 of a record of many."""
    offset, index = offset_of(position), position & MAX_LINES_PER_RECORD
    return f"{offset}:{index}" if index else str(offset)


def ranges(positions: Positions) -> list[str]:
    """Return sorted positions as people write them: ``["120-131", "140", "140:2-5"]``.

    A bare number is the offset of a one-line record, ``a-b`` consecutive ones; ``o:a-b`` are lines a to b, counted
    from 1, of the many-line record at offset o.
    """
    if positions.size == 0:
        return []
    offsets, indices = positions >> INDEX_BITS, positions & MAX_LINES_PER_RECORD
    whole = indices == 0
    # A run goes on while whole records follow each other, or lines of one record do.
    follows = np.where(
        whole[1:] & whole[:-1],
        np.diff(offsets) == 1,
        ~whole[1:] & ~whole[:-1] & (np.diff(positions) == 1),
    )
    breaks = np.flatnonzero(~follows)
    first, last = np.concatenate(([0], breaks + 1)), np.append(breaks, positions.size - 1)
    columns = (offsets[first], indices[first], offsets[last], indices[last])
    return [_span(*ends) for ends in zip(*(column.tolist() for column in columns), strict=True)]


def _span(first: int, first_index: int, last: int, last_index: int) -> str:
    if first_index == 0:
        return str(first) if first == last else f"{first}-{last}"
    lines = str(first_index) if first_index == last_index else f"{first_index}-{last_index}"
    return f"{first}:{lines}"
