"""Lines packed into blocks for the partition of their key, and read again."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.positions import position_of
from daemon.core.repartition import IncomingLines, OutgoingLines, outgoing, place_of
from daemon.core.repartition.block import decode_head
from daemon.core.types import Batch, OutRecord, TopicPartition

WRITERS = (TopicPartition("logs", 0), TopicPartition("logs", 1))
BETWEEN = TopicPartition("repartition", 0)


def lines(writer: int, keys: list[str]) -> pl.DataFrame:
    """Return one masked line of each key, at ascending positions."""
    return pl.DataFrame(
        {
            "position": [position_of(10 * writer + n) for n in range(len(keys))],
            "time": [1_000_000 * n for n in range(len(keys))],
            "scope": ["s"] * len(keys),
            "key": keys,
            "text": [f"line {n} of {writer}" for n in range(len(keys))],
            "clock": [1_000_000 * n for n in range(len(keys))],
            "masked": [f"line <NUM> of {writer}" for _ in keys],
        }
    )


def batch(values: list[bytes | None]) -> Batch:
    return Batch(BETWEEN, range(len(values)), [1_000] * len(values), [None] * len(values), values)


def received(records: list[OutRecord], partition: int) -> tuple[IncomingLines, pl.DataFrame]:
    """Return what reads a partition, and the lines that it has read there."""
    incoming = IncomingLines(map(str, WRITERS))
    blocks = batch([record.value for record in records if record.partition == partition])
    incoming.look(blocks, pressed=False)
    return incoming, incoming.parse(blocks).lines


@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=9), min_size=2, max_size=2))
def test_every_line_arrives_once_in_the_partition_of_its_key(keys: list[list[str]]) -> None:
    """As it was written, with the place where it was written at first."""
    records = list[OutRecord]()
    for number, writer in enumerate(WRITERS):
        collected = OutgoingLines(writer, 3)
        collected.add(lines(number, keys[number]))
        records += collected.take()
    arrived = []
    for partition in range(3):
        incoming, table = received(records, partition)
        for position, key, text in table.select("position", "key", "text").rows():
            assert partition == place_of("s", key, 3)
            arrived.append((incoming.place(position), key, text))

    written = [
        (f"logs/{writer}@{10 * writer + n}", key, f"line {n} of {writer}")
        for writer in range(2)
        for n, key in enumerate(keys[writer])
    ]
    assert sorted(written) == sorted(arrived)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), min_size=1, max_size=12),
    st.sampled_from([1, 1 << 20]),
)
def test_joined_lines_arrive_joined_whatever_block_they_are_in(events: list[tuple[str, int]], bound: int) -> None:
    """A line arrives with the places of all lines that it holds, and is one line again."""
    keys = [key for key, _ in events]
    table, offset = lines(0, keys), 100
    rows, positions = list[int](), list[int]()
    for row, (_, more) in enumerate(events):
        rows += [row] * more
        positions += [position_of(offset + part) for part in range(more)]
        offset += more
    collected = OutgoingLines(WRITERS[0], 1)
    collected.add(table, np.array(rows, np.int64), np.array(positions, np.int64))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(outgoing, "BLOCK_BYTES", bound)
        incoming, received_lines = received(collected.take(), 0)
    joined = incoming.joined(received_lines)

    parts: dict[int, list[str]] = {row: [] for row in range(len(events))}
    for row, position in zip(joined.rows.tolist(), joined.positions.tolist(), strict=True):
        parts[row].append(incoming.place(position))
    expected = [
        (text, [f"logs/0@{position >> 20}" for place, position in zip(rows, positions, strict=True) if place == row])
        for row, text in enumerate(table["text"])
    ]
    assert expected == [(text, parts[row]) for row, text in enumerate(joined.events["text"])]


def test_origins_are_grouped_by_partition_the_first_line_s_first() -> None:
    """A session's places: its lines lie in two partitions of the input."""
    records = list[OutRecord]()
    for number in (1, 0):
        collected = OutgoingLines(WRITERS[number], 1)
        collected.add(lines(number, ["k", "k"]))
        records += collected.take()
    incoming, table = received(records, 0)

    origins = incoming.origins(table["position"].to_numpy())

    found = [(source, [position >> 20 for position in places]) for source, places in origins.by_source()]
    assert [(WRITERS[1], [10, 11]), (WRITERS[0], [0, 1])] == found


def test_a_large_transaction_is_several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No record is larger than a broker accepts; the lines keep their order, and only the last block ends them."""
    monkeypatch.setattr(outgoing, "BLOCK_BYTES", 200)
    collected = OutgoingLines(WRITERS[0], 1)
    collected.add(lines(0, ["k"] * 40))
    collected.note_idle(5.0)
    records = collected.take()

    assert 5 < len(records)
    heads = [decode_head(record.value) for record in records]
    assert [None] * (len(heads) - 1) + [5.0] == [head.idle for head in heads]
    firsts = [head.first for head in heads if head.first is not None]
    clocks = [head.clock for head in heads if head.clock is not None]
    assert all(clock < first for clock, first in zip(clocks, firsts[1:], strict=False))
    assert lines(0, ["k"] * 40)["text"].to_list() == received(records, 0)[1]["text"].to_list()


@pytest.mark.parametrize("value", [None, b"", b"hello", b"SLRP", b"SLRP\x00\x02\x00\x00\x00\x00", b"SLRP" + bytes(40)])
def test_what_is_no_block_is_rejected(value: bytes | None) -> None:
    """With the record's offset; its neighbours are read."""
    collected = OutgoingLines(WRITERS[0], 1)
    collected.add(lines(0, ["k"]))
    good = collected.take()[0].value
    incoming, blocks = IncomingLines(), batch([good, value, good])
    incoming.look(blocks, pressed=False)

    parsed = incoming.parse(blocks)

    assert [(1, "bad_block")] == [(reject.offset, reject.reason) for reject in parsed.rejects]
    assert 2 == parsed.lines.height


def test_a_damaged_block_is_rejected_not_misread() -> None:
    """A flipped byte in its lines is noticed."""
    collected = OutgoingLines(WRITERS[0], 1)
    collected.add(lines(0, ["k"] * 5))
    good = collected.take()[0].value or b""
    damaged = good[:-10] + bytes([good[-10] ^ 0xFF]) + good[-9:]
    incoming, blocks = IncomingLines(), batch([damaged])
    incoming.look(blocks, pressed=False)

    assert ["bad_block"] == [reject.reason for reject in incoming.parse(blocks).rejects]
