"""Keys that come again and again are found among those that come once."""

from __future__ import annotations

from collections.abc import Sequence
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.observations import returning_keys
from daemon.core.observations.returning_keys import CROWDED, FOLLOWED, ReturningKeys
from daemon.core.types import HOUR_US, MINUTE_US


def report(keys: ReturningKeys, *rows: tuple[str, float]) -> list[tuple[str, float]]:
    """Take in sessions of a scope by key and minute; return the reports in the same form."""
    begun = [(("shop", key), round(minute * MINUTE_US)) for key, minute in rows]
    return [(key, time / MINUTE_US) for _, key, time in keys.begin(begun)]


def test_a_key_is_reported_from_its_second_session_on() -> None:
    """Its first session is reported then, and later ones once a minute."""
    keys = ReturningKeys()

    assert [] == report(keys, ("host", 0), ("request-1", 0), ("host", 0.5))
    assert [("host", 0), ("host", 2)] == report(keys, ("host", 2), ("request-2", 2))
    assert [("host", 3.1)] == report(keys, ("host", 3.1), ("host", 3.9))


def test_a_scope_with_many_keys_has_none() -> None:
    """More keys than are followed within an hour are reported as a crowd, and nothing more of them for an hour."""
    keys = ReturningKeys()
    people = [(f"person-{n}", 0.0) for n in range(FOLLOWED + 1)]
    report(keys, *people)
    said = report(keys, *((key, 2.0) for key, _ in people))

    assert (CROWDED, 2.0) == said[-1]
    assert [] == report(keys, *((key, minute) for minute in (10.0, 30.0) for key, _ in people))
    assert 0 == len(keys)


def test_keys_that_are_gone_make_room() -> None:
    """Keys that were away for an hour are no part of a crowd."""
    keys = ReturningKeys()
    for begin in (0.0, 90.0, 180.0):
        hosts = [f"host-{begin}-{n}" for n in range(FOLLOWED)]
        said = report(keys, *((key, begin + minute) for minute in (0.0, 2.0) for key in hosts))
        assert CROWDED not in {key for key, _ in said}

    assert len(keys) <= FOLLOWED


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3)), max_size=1500))
def test_what_is_followed_is_bounded(rows: list[tuple[int, int]]) -> None:
    """However keys come, few are followed, and each at most once a minute."""
    keys, minute = ReturningKeys(), 0
    seen: list[tuple[str, int]] = []
    for key, step in rows:
        minute += step
        seen += [(name, time // MINUTE_US) for _, name, time in keys.begin([(("shop", f"k{key}"), minute * MINUTE_US)])]
        assert len(keys) <= FOLLOWED

    assert len(seen) == len(set(seen)) or HOUR_US <= minute * MINUTE_US


Session = tuple[tuple[str, str], int]
ROWS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 20), st.integers(0, 400)), max_size=200)


def not_crowded(keys: ReturningKeys, sessions: Sequence[Session]) -> list[Session]:
    """Return the sessions of scopes that are not crowded when they begin."""
    free = dict(zip("ab", keys.free_from("ab"), strict=True))
    return [session for session in sessions if session[1] >= free[session[0][0]]]


@patch.object(returning_keys, "FOLLOWED", 6)
@given(ROWS, st.integers(1, 200))
def test_how_sessions_are_cut_into_batches_changes_nothing(steps: list[tuple[str, int, int]], size: int) -> None:
    """One session at a time, or many at once: what is reported is the same, crowds included."""
    time, sessions = 0, []
    for scope, key, seconds in steps:
        time += seconds * 1_000_000
        sessions.append(((scope, f"k{key}"), time))
    one, many, free = ReturningKeys(), ReturningKeys(), ReturningKeys()
    single = [report for session in sessions for report in one.begin([session])]
    batches = [sessions[at : at + size] for at in range(0, len(sessions), size)]

    assert single == [report for batch in batches for report in many.begin(batch)]
    assert single == [report for batch in batches for report in free.begin(not_crowded(free, batch))]
    assert len(one) == len(many) == len(free)
