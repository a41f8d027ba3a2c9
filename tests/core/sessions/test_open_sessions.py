"""The rows of open sessions, against plain Python."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.sessions.open_sessions import merge

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1) | st.just(1 << 61)), max_size=12)


@given(ROWS, st.randoms(use_true_random=False))
def test_rows_of_a_session_and_a_line_become_one(places: list[tuple[int, int]], chance: Random) -> None:
    """Counts are added, and the example is of the first line, also where lines come after lines behind them."""
    firsts = chance.sample(range(100), len(places))
    rows = [
        (*place, at + 1, 10 * first, 10 * first + 5)
        for at, (place, first) in enumerate(zip(places, firsts, strict=True))
    ]
    slots, line, count, first, last = np.array(rows, np.int64).reshape(-1, 5).T
    examples = np.array([f"text {row[3]}" for row in rows], object)
    columns = {"line": line, "count": count, "first": first, "last": last, "masked": examples, "example": examples}

    owner, merged = merge(slots, columns)

    expected = []
    for place in sorted(set(places)):
        own = [row for row in rows if row[:2] == place]
        begin = min(row[3] for row in own)
        expected.append((*place, sum(row[2] for row in own), begin, max(row[4] for row in own), f"text {begin}"))
    names = ("line", "count", "first", "last", "example")
    assert expected == list(zip(owner.tolist(), *(merged[name].tolist() for name in names), strict=True))
