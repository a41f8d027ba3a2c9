"""Which versions of services a partition reports."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.observations import Versions, VersionSeen
from daemon.core.positions import position_of

HOUR = 3_600_000_000


def table(rows: Sequence[tuple[str, str, int]], first: int = 0) -> pl.DataFrame:
    positions = [position_of(first + at) for at in range(len(rows))]
    schema = {"scope": pl.String(), "version": pl.String(), "time": pl.Int64()}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(position=pl.Series(positions, dtype=pl.Int64))


def test_a_version_is_reported_once_an_hour() -> None:
    """However many batches state it, it is reported once, and again in the next hour."""
    versions = Versions()
    for at in (5, 6, HOUR, HOUR + 1):
        versions.see(table([("shop", "2", at)]))

    assert [VersionSeen("shop", "2", 5), VersionSeen("shop", "2", HOUR)] == versions.take()
    assert [] == versions.take()


def test_what_was_reported_before_a_restart_is_not_reported_again() -> None:
    """Records below the checkpoint only restore what is remembered."""
    versions = Versions()
    versions.see(table([("shop", "2", 5), ("shop", "3", 6)], first=6), observed_below=7)
    versions.see(table([("shop", "2", 9), ("shop", "3", 9)], first=8), observed_below=7)

    assert [VersionSeen("shop", "3", 6)] == versions.take()


def test_a_field_that_is_another_in_every_line_is_not_followed() -> None:
    """A request in the place of a version is reported a few times an hour, and cut to a short text."""
    versions = Versions()
    versions.see(table([("shop", f"{n:05}" + "x" * 500, n) for n in range(1000)]))

    taken = versions.take()
    assert [16, 80] == [len(taken), max(len(seen.version) for seen in taken)]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("123"), st.integers(0, 3 * HOUR))), st.data())
def test_batches_change_nothing(rows: list[tuple[str, str, int]], data: st.DataObject) -> None:
    """What is reported does not depend on how lines were cut into batches."""
    cut = data.draw(st.integers(0, len(rows)))
    whole, parts = Versions(), Versions()
    whole.see(table(rows))
    parts.see(table(rows[:cut]))
    parts.see(table(rows[cut:], cut))

    assert whole.take() == parts.take()
