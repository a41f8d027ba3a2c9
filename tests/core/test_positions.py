"""Positions as text."""

from __future__ import annotations

import numpy as np

from daemon.core.positions import place, position_of, ranges


def test_place_names_the_line_of_a_record_of_many() -> None:
    """A position is its offset, with the line where the record holds many."""
    places = [position_of(0), position_of(140), position_of(140, 2), position_of(1 << 40, 999_999)]

    assert ["0", "140", "140:2", f"{1 << 40}:999999"] == [place(position) for position in places]
    assert [ranges(np.array([position]))[0] for position in places] == [place(position) for position in places]
