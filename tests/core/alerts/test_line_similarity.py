"""The nearest known line of a new one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.alerts.line_similarity import LineIndex, words

LINES = st.lists(st.text(alphabet="ab <N>", max_size=12), max_size=8)


@settings(deadline=None)
@given(LINES, st.text(alphabet="ab <N>", max_size=12))
def test_nearest_line_is_that_of_an_exhaustive_search(lines: list[str], line: str) -> None:
    """The index finds what comparing with every line finds."""
    bag = words(line)
    likeness = max(
        (2 * len(bag & words(entry)) / (len(bag) + len(words(entry))) for entry in lines if bag & words(entry)),
        default=0.0,
    )
    novelty, nearest = LineIndex(lines).novelty(line)

    assert pytest.approx(1 - likeness) == novelty
    assert (nearest is None) == (likeness == 0)
    assert nearest is None or nearest in lines


def test_words_are_compared_whatever_their_case_and_order() -> None:
    """Equal sets of words have distance 0; lines without words resemble nothing."""
    assert [(0.0, "Link DOWN eth<NUM>"), (1.0, None)] == [
        LineIndex(["x", "Link DOWN eth<NUM>"]).novelty(line) for line in ("eth<NUM> link down", "--")
    ]


def test_first_of_equally_near_lines_is_named() -> None:
    """Ties go to the line of the nearest pattern, which comes first."""
    assert "a b" == LineIndex(["a b", "a c"]).novelty("a")[1]
