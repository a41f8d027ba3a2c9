"""Times in a format of their own, lines within records, and records of many lines out of files."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.formats import FormatSettings, check_time_format, in_utf8, joined, make_format
from daemon.core.formats.time_format import read_times
from daemon.core.types import Batch, TopicPartition

SOURCE = TopicPartition("logs", 0)


def micros(*moment: int) -> int:
    return round(datetime(*moment, tzinfo=UTC).timestamp() * 1_000_000)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("081109 203615", "%y%m%d %H%M%S", micros(2008, 11, 9, 20, 36, 15)),
        ("Sun Dec  4 04:47:44.5 2005", "%a %b %e %H:%M:%S%.f %Y", micros(2005, 12, 4, 4, 47, 44, 500_000)),
        ("22.11.2026 18:01:20,25", "%d.%m.%Y %H:%M:%S%.f", micros(2026, 11, 22, 18, 1, 20, 250_000)),
        ("22/Nov/2026:18:01:20 +0100", "%d/%b/%Y:%H:%M:%S %z", micros(2026, 11, 22, 17, 1, 20)),
        ("Feb 29 10:00:00", "%b %e %H:%M:%S", micros(2000, 2, 29, 10)),
        ("10:41:07.250", "%H:%M:%S%.f", micros(2000, 1, 1, 10, 41, 7, 250_000)),
    ],
)
def test_times_are_read_in_their_format(text: str, pattern: str, expected: int) -> None:
    """Fractions take a point or a comma; a year that is missing is 2000 without a record's timestamp."""
    assert check_time_format(pattern) is None
    assert [expected] == read_times(pl.Series([text]), pattern, pl.Series([-1])).to_list()


def test_a_missing_year_is_the_last_that_fits() -> None:
    """A day that would lie ahead of the record's timestamp is of the year before."""
    stamp = micros(2026, 1, 1, 12) // 1_000
    times = read_times(pl.Series(["Dec 31 23:59:59", "Jan  1 00:00:01"]), "%b %e %H:%M:%S", pl.Series([stamp] * 2))
    assert [micros(2025, 12, 31, 23, 59, 59), micros(2026, 1, 1, 0, 0, 1)] == times.to_list()


@pytest.mark.parametrize("pattern", ["", "nonsense", "%Q %H"])
def test_what_is_no_format_is_refused(pattern: str) -> None:
    """A pattern that reads nothing is told."""
    assert "is not a time format" in (check_time_format(pattern) or "")


def test_usual_times_are_read_beside_the_format() -> None:
    """What does not have the configured format is read as every time is; what is none counts as unreadable."""
    settings = FormatSettings("json", time_format="%y%m%d %H%M%S", reject_unreadable_times=True)
    values = [b'{"time":"%s","message":"m"}' % time for time in (b"081109 203615", b"2026-11-22T18:01:20Z", b"noon")]
    parsed = make_format(settings).parse(Batch(SOURCE, range(3), [-1] * 3, [None] * 3, values))

    assert [micros(2008, 11, 9, 20, 36, 15), micros(2026, 11, 22, 18, 1, 20)] == parsed.lines["time"].to_list()
    assert ["bad_time"] == [reject.reason for reject in parsed.rejects]


def test_lines_of_a_record_share_its_key() -> None:
    """A stack trace has key and scope of the line that threw it, a heading those of the next; records share nothing."""
    settings = FormatSettings("raw", extract=(r"^\[(?P<key>\w+)\] (?P<scope>\w+)",))
    values = [b"[a] shop failed\nTrace:\n  at x\n[b] cart ok", b"no header", b"# slow\n[c] shop query"]
    lines = make_format(settings).parse(Batch(SOURCE, [0, 1, 2], [0] * 3, [None] * 3, values)).lines

    assert ["a", "a", "a", "b", "default", "c", "c"] == lines["key"].to_list()
    assert ["shop", "shop", "shop", "cart", "default", "shop", "shop"] == lines["scope"].to_list()


def test_continuation_lines_join_the_line_before() -> None:
    """Lines that go on, and blank ones, belong to the record before, across the lists that a file is read in."""
    lists = [[b"one", b"  at a"], [b"", b"  at b", b"two"], [b"three"]]

    assert [[b"one", b"  at a", b"", b"  at b"], [b"two"], [b"three"]] == [
        record for records in joined(lists, r"\S") for record in records
    ]


@given(st.lists(st.lists(st.sampled_from([b"x", b" y", b""]), max_size=5), max_size=5))
def test_joining_loses_no_line(lists: list[list[bytes]]) -> None:
    """All lines come out, in order."""
    records = [record for some in joined(lists, r"\S") for record in some]
    assert [line for lines in lists for line in lines] == [line for record in records for line in record]


@given(st.text(), st.sampled_from(["utf-16", "utf-16-le", "utf-8-sig"]), st.integers(1, 7))
def test_other_encodings_become_utf8(text: str, encoding: str, size: int) -> None:
    """Bytes of another encoding, in pieces of any size, are the same text in UTF-8."""
    packed = text.encode(encoding, "ignore")
    pieces = [packed[at : at + size] for at in range(0, len(packed), size)]
    assert packed.decode(encoding).encode() == b"".join(in_utf8(pieces, encoding))
