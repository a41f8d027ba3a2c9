"""Values that unpack to much are read in parts, with the same lines as ever."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import pytest

from daemon.core.formats import FormatSettings, at_once
from daemon.core.masking import Masker
from daemon.core.positions import offset_of, position_of
from daemon.core.stream.chain import untimed
from daemon.core.stream.checkpoint import Checkpoint
from daemon.core.stream.line_reader import InputLines, LineReader, Pushed
from daemon.core.types import Batch, RefusedRange, TopicPartition

SOURCE = TopicPartition("logs", 0)
SIZE = 2_000


def line(number: int) -> bytes:
    text = str(number).encode() * SIZE
    return gzip.compress(b'{"message": "' + text + b'", "short_message": "' + text + b'"}')


VALUES = [line(1), b'{"message": "plain"}', line(2), b"\x1f\x8b no gzip", line(3), line(4), b"no JSON", line(5)]


def lines_of(number: int) -> bytes:
    return b"".join(b'{"message": "%d", "short_message": "%d"}\n' % (line, line) for line in range(number))


MANY = [lines_of(3), b'{"message": "x"}', lines_of(4), b"no JSON", lines_of(9), lines_of(2), b"", lines_of(3)]


def read(
    values: Sequence[bytes],
    format_: str,
    resume: Checkpoint | None = None,
    refusals: Sequence[RefusedRange] = (),
    most: int = 100,
) -> tuple[Pushed, list[int], int]:
    """Return what a reader says of a batch, the positions of its lines and how many tables they came in.

    The rest of a batch that is not read at once is pushed until there is none.
    """
    tables: list[pl.DataFrame] = []

    def take(table: pl.DataFrame) -> dict[str, int]:
        tables.append(table)
        return {}

    origin = InputLines(FormatSettings(format_, max_lines=most), Masker())
    reader = LineReader(origin, resume, take, lambda _table, _below: None, untimed)
    offsets = range(100, 100 + len(values))
    batch = Batch(SOURCE, offsets, [-1] * len(values), [None] * len(values), values, refusals=refusals)
    pushed = reader.push(batch)
    while pushed.unread:
        rest = batch.last(pushed.unread)
        assert reader.next >= rest.offsets[0]
        some = reader.push(rest)
        moved = [replace(reject, row=reject.row + len(batch) - len(rest)) for reject in some.rejects]
        pushed += replace(some, rejects=moved)
    assert reader.lost == 0
    assert reader.next == offsets.stop
    return pushed, [at for table in tables for at in table["position"].to_list()], len(tables)


@pytest.mark.parametrize("format_", ["json", "raw", "gelf"])
def test_values_that_unpack_to_too_much_are_read_in_parts(format_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines, dead letters and their places are those of a batch that is read at once."""
    whole, positions, tables = read(VALUES, format_)
    monkeypatch.setattr(at_once, "GROWTH_AT_ONCE", 3 * SIZE)

    in_parts, same_positions, parts = read(VALUES, format_)

    assert whole == in_parts
    assert positions == same_positions
    assert (1, True) == (tables, parts > 1)


def test_parts_are_read_again_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart only lines that were not settled count, in however many parts they are read."""
    resume = Checkpoint(104, None, pl.Series([position_of(100), position_of(102)], dtype=pl.Int64).to_numpy())
    whole, positions, _ = read(VALUES, "json", resume)
    monkeypatch.setattr(at_once, "GROWTH_AT_ONCE", 1)

    in_parts, same_positions, parts = read(VALUES, "json", resume)

    assert whole == in_parts
    assert positions == same_positions
    assert parts > 2


@pytest.mark.parametrize("format_", ["json", "raw", "gelf", "syslog", "cri", "fluent-bit"])
def test_very_many_lines_are_read_in_parts(format_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines, dead letters and their places are those of a batch that is read at once; a record is never divided."""
    whole, positions, tables = read(MANY, format_)
    monkeypatch.setattr(at_once, "LINES_AT_ONCE", 5)

    in_parts, same_positions, parts = read(MANY, format_)

    assert whole == in_parts
    assert positions == same_positions
    assert (1, True) == (tables, parts >= 3)


@pytest.mark.parametrize("resume", [None, 103, 104, 108])
def test_what_is_refused_or_settled_between_parts_counts_once(
    resume: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused ranges and a replay's settled lines give the same, at once and in parts."""
    unsettled = [position_of(100, 2), position_of(101), position_of(102, 4), position_of(104, 9)]
    open_ = [position for position in unsettled if position < position_of(resume or 0)]
    checkpoint = Checkpoint(resume, None, pl.Series(open_, dtype=pl.Int64).to_numpy()) if resume else None
    values = [*MANY[:3], b"", *MANY[4:6], b"", MANY[7]]
    refusals = [RefusedRange(103, 103, "batch_too_large", "large"), RefusedRange(106, 106, "batch_too_large", "large")]
    whole, positions, _ = read(values, "json", checkpoint, refusals)
    monkeypatch.setattr(at_once, "LINES_AT_ONCE", 3)

    in_parts, same_positions, parts = read(values, "json", checkpoint, refusals)

    assert whole == in_parts
    assert positions == same_positions
    assert parts > 2


@pytest.mark.parametrize("format_", ["json", "raw", "gelf", "syslog"])
def test_a_record_of_too_many_lines_is_a_dead_letter(format_: str) -> None:
    """One with just as many as it may have is read, and so are those beside it."""
    pushed, positions, _ = read([lines_of(4), lines_of(5), lines_of(1), lines_of(4)], format_, most=4)

    assert [(1, "too_many_lines", "the value holds more than 4 lines")] == [
        (reject.row, reject.reason, reject.detail) for reject in pushed.rejects
    ]
    assert {100: 4, 102: 1, 103: 4} == Counter(offset_of(position) for position in positions)
