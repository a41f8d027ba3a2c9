"""Values that unpack to much are read in parts, with the same lines as ever."""

from __future__ import annotations

import gzip
from collections.abc import Sequence

import polars as pl
import pytest

from daemon.core.formats import FormatSettings, packed
from daemon.core.masking import Masker
from daemon.core.positions import position_of
from daemon.core.stream.chain import untimed
from daemon.core.stream.checkpoint import Checkpoint
from daemon.core.stream.line_reader import InputLines, LineReader, Pushed
from daemon.core.types import Batch, TopicPartition

SOURCE = TopicPartition("logs", 0)
SIZE = 2_000


def line(number: int) -> bytes:
    text = str(number).encode() * SIZE
    return gzip.compress(b'{"message": "' + text + b'", "short_message": "' + text + b'"}')


VALUES = [line(1), b'{"message": "plain"}', line(2), b"\x1f\x8b no gzip", line(3), line(4), b"no JSON", line(5)]


def read(values: Sequence[bytes], format_: str, resume: Checkpoint | None = None) -> tuple[Pushed, list[int], int]:
    """Return what a reader says of a batch, the positions of its lines and how many tables they came in."""
    tables: list[pl.DataFrame] = []

    def take(table: pl.DataFrame) -> dict[str, int]:
        tables.append(table)
        return {}

    origin = InputLines(FormatSettings(format_), Masker())
    reader = LineReader(origin, resume, take, lambda _table, _below: None, untimed)
    offsets = range(100, 100 + len(values))
    pushed = reader.push(Batch(SOURCE, offsets, [-1] * len(values), [None] * len(values), values))
    assert reader.next == offsets.stop
    return pushed, [at for table in tables for at in table["position"].to_list()], len(tables)


@pytest.mark.parametrize("format_", ["json", "raw", "gelf"])
def test_values_that_unpack_to_too_much_are_read_in_parts(format_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines, dead letters and their places are those of a batch that is read at once."""
    whole, positions, tables = read(VALUES, format_)
    monkeypatch.setattr(packed, "MAX_AT_ONCE", 5 * SIZE)

    in_parts, same_positions, parts = read(VALUES, format_)

    assert whole == in_parts
    assert positions == same_positions
    assert (1, True) == (tables, parts > 1)


def test_parts_are_read_again_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart only lines that were not settled count, in however many parts they are read."""
    resume = Checkpoint(104, None, pl.Series([position_of(100), position_of(102)], dtype=pl.Int64).to_numpy())
    whole, positions, _ = read(VALUES, "json", resume)
    monkeypatch.setattr(packed, "MAX_AT_ONCE", SIZE)

    in_parts, same_positions, parts = read(VALUES, "json", resume)

    assert whole == in_parts
    assert positions == same_positions
    assert parts > 2
