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
    spans: list[tuple[int, int]] = []
    for position in positions.tolist():
        # A run goes on while whole records follow each other, or lines of one record do.
        step = 1 if position & MAX_LINES_PER_RECORD else 1 << INDEX_BITS
        first, last = spans[-1] if spans else (-1, -1)
        if position - last == step and bool(last & MAX_LINES_PER_RECORD) == (step == 1) and spans:
            spans[-1] = first, position
        else:
            spans.append((position, position))
    return [_span(first, last) for first, last in spans]


def _span(first: int, last: int) -> str:
    if not first & MAX_LINES_PER_RECORD:
        return place(first) if first == last else f"{place(first)}-{place(last)}"
    lines = place(first)
    return lines if first == last else f"{lines}-{last & MAX_LINES_PER_RECORD}"
