"""Positions as text."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.positions import place, position_of, ranges


def test_place_names_the_line_of_a_record_of_many() -> None:
    """A position is its offset, with the line where the record holds many."""
    places = [position_of(0), position_of(140), position_of(140, 2), position_of(1 << 40, 999_999)]

    assert ["0", "140", "140:2", f"{1 << 40}:999999"] == [place(position) for position in places]
    assert [ranges(np.array([position]))[0] for position in places] == [place(position) for position in places]


@given(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 4))))
def test_ranges_name_every_position_once_in_as_few_texts_as_can_be(lines: set[tuple[int, int]]) -> None:
    """Whole records that follow each other are one range, and so are lines of one record that follow each other."""
    positions = sorted(position_of(offset, index) for offset, index in lines)

    written = ranges(np.array(positions, np.int64))

    assert positions == [position for text in written for position in _named(text)]
    ends = [(_named(one)[-1], _named(other)[0]) for one, other in pairwise(written)]
    assert not any(_follows(*both) for both in ends)


def _named(text: str) -> list[int]:
    """The positions that a text stands for."""
    offset, _, of_record = text.partition(":")
    first, _, last = (of_record or offset).partition("-")
    numbers = range(int(first), int(last or first) + 1)
    return [position_of(int(offset), number) if of_record else position_of(number) for number in numbers]


def _follows(position: int, later: int) -> bool:
    (offset, index), (next_offset, next_index) = (divmod(number, position_of(1)) for number in (position, later))
    if index and next_index:
        return offset == next_offset and index + 1 == next_index
    return not index and not next_index and offset + 1 == next_offset
