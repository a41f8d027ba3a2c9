"""How long to wait before the next attempt."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.backoff import Backoff


def test_waits_double_up_to_the_longest() -> None:
    """Each wait is twice the one before, and none is longer than the longest."""
    backoff = Backoff(1.0, 30.0)

    assert [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] == [backoff.seconds(failures) for failures in range(1, 8)]


@given(st.integers(1, 10**9))
def test_jitter_only_shortens(failures: int) -> None:
    """With jitter a wait lies between the share that is left and the whole, after any number of failures."""
    whole = Backoff(0.5, 30.0).seconds(failures)

    assert whole / 2 <= Backoff(0.5, 30.0, jitter=0.5).seconds(failures) <= whole
