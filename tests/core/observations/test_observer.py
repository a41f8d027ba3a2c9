"""What one partition observes: the same however it is read, and each thing once."""

from __future__ import annotations

import random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.masked_lines import MaskedLines
from daemon.core.observations import (
    Case,
    KeySeen,
    LinesTogether,
    MuteOrder,
    Observations,
    Observer,
    Said,
    Sighting,
    Traffic,
    VersionSeen,
    cause_of,
    dump_observations,
    load_observations,
)
from daemon.core.positions import position_of
from daemon.core.types import TopicPartition
from daemon.errors import DataError

SOURCE = TopicPartition("logs", 3)
LINES = (
    "INFO served a request of <NUM> bytes",
    "WARN pool is nearly empty",
    "ERROR store refused a connection",
    "DEBUG idle",
)
SECOND = 1_000_000


def table(rows: list[tuple[int, str, str, str]], first: int = 0) -> MaskedLines:
    """Rows of (second, scope, key, line), in reading order."""
    columns = pl.DataFrame(
        {
            "position": [position_of(first + n) for n in range(len(rows))],
            "read": [position_of(first + n) for n in range(len(rows))],
            "time": [second * SECOND for second, *_ in rows],
            "scope": [scope for _, scope, _, _ in rows],
            "key": [key for _, _, key, _ in rows],
            "text": [line for *_, line in rows],
            "masked": [line for *_, line in rows],
        },
        schema={
            "position": pl.Int64,
            "read": pl.Int64,
            "time": pl.Int64,
            "scope": pl.String,
            "key": pl.String,
            "text": pl.String,
            "masked": pl.String,
        },
    )
    return MaskedLines.of(columns)


ROWS = st.lists(
    st.tuples(
        st.integers(0, 200), st.sampled_from(("shop", "db")), st.sampled_from(("a", "b")), st.sampled_from(LINES)
    ),
    max_size=40,
).map(sorted)


@settings(deadline=None, max_examples=50)
@given(ROWS, st.data())
def test_how_records_are_fetched_changes_nothing(rows: list[tuple[int, str, str, str]], data: st.DataObject) -> None:
    """One batch and many batches of the same lines give the same sightings."""
    whole, parted = Observer(SOURCE), Observer(SOURCE)
    whole.lines(table(rows))
    cut = data.draw(st.integers(0, len(rows)))
    parted.lines(table(rows[:cut]))
    parted.lines(table(rows[cut:], cut))

    assert whole.take(None) == parted.take(None)


@settings(deadline=None, max_examples=50)
@given(ROWS)
def test_a_warning_counts_once_a_session_and_ten_seconds(rows: list[tuple[int, str, str, str]]) -> None:
    """The counts add up to the distinct sessions by bin, counted by hand."""
    observer = Observer(SOURCE)
    observer.lines(table(rows))
    seen = {(scope, key, line, second // 10) for second, scope, key, line in rows if cause_of(line).score > 0}

    assert len(seen) == sum(s.count for s in observer.take(None).sightings if s.score > 0)


def test_lines_that_were_observed_before_a_restart_are_not_observed_again() -> None:
    """They only restore which bins are counted already."""
    rows = [
        (0, "shop", "a", LINES[2]),
        (1, "shop", "a", LINES[2]),
        (2, "shop", "b", LINES[2]),
        (3, "shop", "a", LINES[1]),
    ]
    observer = Observer(SOURCE)
    observer.lines(table(rows), observed_below=2)
    taken = observer.take(None)

    assert [(LINES[2], 1), (LINES[1], 1)] == [(s.line, s.count) for s in taken.sightings]


def test_a_harmless_cause_is_described_once_and_seen_every_minute() -> None:
    """The first sighting holds the line, the next ones only that it was there."""
    observer = Observer(SOURCE)
    observer.lines(table([(second, "shop", "a", LINES[0]) for second in range(0, 180, 5)]))

    assert [LINES[0], "", ""] == [s.line for s in observer.take(None).sightings]


def test_sessions_are_counted_where_they_begin() -> None:
    """Traffic is by scope and bin, of sessions not counted before; a case is handed over once, and somebody waits."""
    observer = Observer(SOURCE)
    case = Case("v", "shop", 12 * SECOND, ["c"], {"id": "v"})
    rows = table([(second, "shop", f"{second}", LINES[0]) for second in (9, 11, 12, 13, 25)])
    observer.sessions(rows, np.array([0, 1, 2, 4]), observed_below=1)
    observer.case(case)
    waiting = observer.waiting

    taken = observer.take(30 * SECOND)
    assert 1 == waiting
    assert ([Traffic("shop", 10 * SECOND, 2), Traffic("shop", 20 * SECOND, 1)], [case]) == (taken.traffic, taken.cases)
    assert not observer.take(30 * SECOND)


def test_a_record_is_read_as_it_was_written() -> None:
    """All parts of an observation survive the topic."""
    observations = Observations(
        "logs/3", 5, [Traffic("a", 1, 2)], [Sighting("a", "c", 1.25, 3, 4, "l", "t", "k", "7")],
        [Case("v", "a", 9, ["c"], {"id": "v"})], [Said("a", "p", "normal", ["c"])],
        [MuteOrder("a", "p", 7, ["c"], "ada")], [KeySeen("a", "host-1", 8)], [LinesTogether("a", 1, 2, ("c", "d"))],
        [VersionSeen("a", "2.4.1", 8)],
    )  # fmt: skip

    assert observations == load_observations(dump_observations(observations))


@pytest.mark.parametrize("value", [None, b"", b"no zstd", dump_observations(Observations("a"))[:-3]])
def test_a_foreign_record_is_refused(value: bytes | None) -> None:
    """Whatever lies in the topic, reading it gives an observation or DataError."""
    with pytest.raises(DataError):
        load_observations(value)


@settings(max_examples=50)
@given(st.integers(0, 2**32))
def test_hostile_bytes_are_refused(seed: int) -> None:
    """Random damage never raises anything else."""
    rng = random.Random(seed)
    value = bytearray(dump_observations(Observations("logs/3", 5, [Traffic("a", 1, 2)])))
    value[rng.randrange(len(value))] ^= 1 << rng.randrange(8)
    try:
        load_observations(bytes(value))
    except DataError:
        return
