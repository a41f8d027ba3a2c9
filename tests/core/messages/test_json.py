"""Times as text."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.messages import rfc3339
from tests.support.cases import NOON


def test_times_are_rfc3339_in_utc_with_milliseconds() -> None:
    """Microseconds are cut to milliseconds, before the epoch too."""
    assert ["2026-11-22T12:00:00.123Z", "1969-12-31T23:59:59.999Z"] == [rfc3339(NOON + 123_999), rfc3339(-1)]


@settings(deadline=None)
@given(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-(1 << 63), (1 << 63) - 1))
def test_times_keep_their_order_as_text(one: int, other: int) -> None:
    """Any time can be written, is read back by others, and sorts as text as it does as a number."""
    assert datetime.fromisoformat(rfc3339(one)).tzinfo is not None
    assert (one <= other) <= (rfc3339(one) <= rfc3339(other))
