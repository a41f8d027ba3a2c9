"""The times at which sessions closed, held to a list with one entry a session."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.stream.closing_times import ClosingTimes


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7)), max_size=30))
def test_the_first_that_closed_is_the_first_that_is_judged(steps: list[tuple[int, int]]) -> None:
    """Each step closes some sessions and judges some of those that wait."""
    times, waiting = ClosingTimes(), list[float]()
    for at, (closed, judged) in enumerate(steps):
        waiting += [float(at)] * closed
        times.note(len(waiting), float(at))
        count = min(judged, len(waiting))

        assert waiting[:count] == times.take(count)
        del waiting[:count]
