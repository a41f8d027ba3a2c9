"""Rates count blocks, not odd things, and take back what was none."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.incidents.rates import Rate, level_of

ODD = st.lists(st.tuples(st.integers(0, 40_000), st.sampled_from((0.0, 0.25, 1.0, 2.25))), max_size=30)


@given(ODD, st.integers(0, 40_000), st.sampled_from((60, 600)), st.sampled_from((0.0, 1.0)))
def test_a_block_counts_once_and_the_current_one_not(
    odd: list[tuple[int, float]], now: int, length: int, least: float
) -> None:
    """The mean, over all seconds at which blocks may begin, of the distinct blocks before now with what is as grave."""
    rate = Rate()
    for time, score in odd:
        rate.add(time, level_of(score))

    minutes = {time // 60 * 60 for time, score in odd if score >= least and time // 60 < now // 60}
    counted = [
        len({(minute - begin) // length for minute in minutes if (minute - begin) // length < (now - begin) // length})
        for begin in range(length)
    ]
    assert math.isclose(sum(counted) / length, rate.blocks(now, length, level_of(least)), abs_tol=1e-9)


@given(ODD)
def test_what_is_taken_back_was_never_there(odd: list[tuple[int, float]]) -> None:
    """Adding and taking back leaves nothing."""
    rate = Rate()
    for time, score in odd:
        rate.add(time, level_of(score))
    for time, score in odd:
        rate.take_back(time, level_of(score))

    assert {} == rate.minutes


def test_what_lies_before_the_window_is_forgotten() -> None:
    """A rate holds no minute before the time given."""
    rate = Rate()
    for minute in range(10):
        rate.add(60.0 * minute, 0)
    rate.forget(300.0)

    assert list(range(5, 10)) == list(rate.minutes)
