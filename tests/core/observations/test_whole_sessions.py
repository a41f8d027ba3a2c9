"""Which sessions are reported with the causes of their lines: whole and harmless ones, a sample of each minute."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.core.observations import LinesTogether, cause_of
from daemon.core.observations.whole_sessions import MOST_LINES, SAMPLE, WholeSessions
from daemon.core.sessions import make_pattern
from daemon.core.types import ClosedBy, Session

MINUTE = 60_000_000
LINES = ("INFO cart: order <NUM> was placed", "INFO pay: card of order <NUM> was charged")
MANY = tuple(f"INFO worker: step {chr(97 + n % 26) * 3}{chr(97 + n // 26) * 3} done" for n in range(MOST_LINES + 1))


def close(sample: WholeSessions, end: int, *lines: str, scope: str = "shop", by: ClosedBy = ClosedBy.GAP) -> None:
    session = Session(scope, "k", end - 5, end, 1, 1, by, (), np.array([0]))
    sample.close([(session, make_pattern(scope, dict.fromkeys(lines or LINES, 1)))])


def test_a_whole_session_is_reported_once_with_the_causes_of_its_lines() -> None:
    """Causes are sorted and each stands once; what was taken is not reported again."""
    sample = WholeSessions()
    close(sample, MINUTE, LINES[1], LINES[0])

    assert [
        LinesTogether("shop", MINUTE - 5, MINUTE, tuple(sorted(cause_of(line).id for line in LINES)))
    ] == sample.take()
    assert [] == sample.take()


@pytest.mark.parametrize("by", [ClosedBy.AGE, ClosedBy.LINES, ClosedBy.TOKENS, ClosedBy.PIN, ClosedBy.FLUSH])
def test_a_session_that_is_cut_off_is_not_reported(by: ClosedBy) -> None:
    """What it lacks may come yet."""
    sample = WholeSessions()
    close(sample, MINUTE, by=by)

    assert [] == sample.take()


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((*LINES, "ERROR pay: gateway refused order <NUM>"), id="a failure"),
        pytest.param(MANY, id="too many lines"),
    ],
)
def test_a_session_that_speaks_for_itself_is_not_reported(lines: tuple[str, ...]) -> None:
    """A session with a failure, or with more lines than are compared, is left out."""
    sample = WholeSessions()
    close(sample, MINUTE, *lines)

    assert [] == sample.take()


def test_a_scope_reports_a_bounded_number_a_minute() -> None:
    """Each scope and minute has its own sample, and a late session belongs to the current one."""
    sample = WholeSessions()
    for at in range(2 * SAMPLE):
        close(sample, MINUTE + at)
        close(sample, MINUTE + at, scope="edge")
    close(sample, 2 * MINUTE)
    close(sample, MINUTE)
    reported = sample.take()

    assert 2 * SAMPLE + 2 == len(reported)
    assert SAMPLE == sum(one.scope == "edge" for one in reported)
