"""Records as columns against aiokafka's own reading of the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from daemon.adapters.kafka.columnar_consumer import (
    BYTES_A_RECORD,
    Allowance,
    RecordColumns,
    _Results,
    joined,
)
from daemon.adapters.kafka.placed_consumer import _PlacedResults
from daemon.adapters.kafka.unpacking import DamagedError, TooLargeError, unpacking
from daemon.core.types import Batch, RefusedRange, TopicPartition

PLACE = KafkaPartition("logs", 0)
CONTROL = 0x20
MOST = 100_000
"""How many bytes a batch may unpack to here."""
ABORT = bytes(4)


Record = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]


@dataclass(frozen=True)
class Produced:
    """One batch: its records (key, value, headers), the producer of a transaction, holes compaction left behind it."""

    records: Sequence[Record]
    producer: int = -1
    compression: int = 0
    gap: int = 0
    control: bool = False


def log_of(batches: Sequence[Produced]) -> bytes:
    """Return the bytes of a log of these batches."""
    data, offset = b"", 0
    for batch in batches:
        builder = DefaultRecordBatchBuilder(
            2, batch.compression, int(batch.producer >= 0), batch.producer, 0, 0, 1 << 20
        )
        for at, (key, value, headers) in enumerate(batch.records):
            builder.append(at, 1_790_000_000_000 + offset + at, key, value, headers)
        built = bytearray(builder.build())
        built[0:8] = offset.to_bytes(8, "big")
        if batch.control:
            built[22] |= CONTROL
        data += bytes(built)
        offset += len(batch.records) + batch.gap
    return data


def parsed(data: bytes, start: int, aborted: list[tuple[int, int]]) -> PartitionRecords:
    return PartitionRecords(PLACE, MemoryRecords(data), aborted, start, None, None, False, READ_COMMITTED)


def naive(data: bytes, start: int, aborted: list[tuple[int, int]]) -> tuple[list[object], int]:
    """Return what aiokafka's consumer hands out, and the position after it."""
    records = parsed(data, start, aborted)
    return [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in records], records.next_fetch_offset


def reading(data: bytes, start: int, allowance: Allowance) -> PartitionRecords:
    """Return what aiokafka reads through columns."""
    records = parsed(data, start, [])
    _Results(allowance)[PLACE] = FetchResult(PLACE, assignment=None, partition_records=records, backoff=0)
    return records


def columnar(data: bytes, start: int, aborted: list[tuple[int, int]]) -> tuple[list[object], int, list[RecordColumns]]:
    """Return the same through columns, and the columns."""
    records = parsed(data, start, aborted)
    result = FetchResult(PLACE, assignment=None, partition_records=records, backoff=0)
    _Results(Allowance(MOST, 10 * MOST))[PLACE] = result
    parts = list(records)
    batch = joined(TopicPartition(*PLACE), parts) if parts else Batch(TopicPartition(*PLACE), [], [], [], [])
    headers = [list(h) for h in batch.headers] if batch.headers else [[] for _ in batch.values]
    rows = zip(batch.offsets, batch.timestamps, batch.keys, batch.values, headers, strict=True)
    return list(rows), records.next_fetch_offset, parts


NAMES = st.none() | st.binary(max_size=4)
RECORDS = st.lists(
    st.tuples(NAMES, NAMES, st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=3)), max_size=1)),
    min_size=1,
    max_size=6,
)
BATCHES = st.lists(
    st.builds(
        Produced, RECORDS, producer=st.integers(-1, 2), compression=st.sampled_from([0, 3]), gap=st.integers(0, 2)
    ),
    min_size=1,
    max_size=5,
)


@given(BATCHES, st.integers(0, 20), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 15)), max_size=2))
def test_columns_hold_what_records_would(batches: list[Produced], start: int, aborted: list[tuple[int, int]]) -> None:
    """From any offset, with aborted transactions and holes, columns are the records, and the position is the same."""
    data = log_of(batches)

    rows, after, _ = columnar(data, start, list(aborted))

    assert naive(data, start, list(aborted)) == (rows, after)


def test_a_fetch_from_the_middle_of_a_batch_begins_there() -> None:
    """A compressed batch is sent whole; what lies before the position is left out."""
    data = log_of([Produced([(b"a", b"1", []), (b"b", b"2", []), (b"c", b"3", [])], compression=3)])

    rows, after, _ = columnar(data, 2, [])

    assert [(2, 1_790_000_000_002, b"c", b"3", [])] == rows
    assert after == 3


def test_markers_and_aborted_records_are_left_out() -> None:
    """Records of an aborted transaction are not handed out; those after its marker are."""
    batches = [
        Produced([(b"a", b"gone", [])], producer=7),
        Produced([(ABORT, b"", [])], producer=7, control=True),
        Produced([(b"b", b"kept", [])], producer=7),
    ]

    rows, after, _ = columnar(log_of(batches), 0, [(7, 0)])

    assert [(2, 1_790_000_000_002, b"b", b"kept", [])] == rows
    assert after == 3


def test_headers_are_there_only_where_a_record_has_some() -> None:
    """RecordColumns without headers take no room for them; joined with others, every record has its own."""
    data = log_of([Produced([(None, b"1", [])]), Produced([(None, b"2", [("h", b"x")])])])

    rows, _, parts = columnar(data, 0, [])

    assert [[], [[("h", b"x")]]] == [part.headers for part in parts]
    assert [[], [("h", b"x")]] == [row[4] for row in rows]  # type: ignore[index]  # rows are tuples


BOMB: list[Record] = [(b"k", bytes(60_000), []), (b"k", bytes(60_000), [])]
GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
def test_a_batch_that_unpacks_to_too_much_is_one_row_and_the_next_one_is_read(codec: int) -> None:
    """The row names the offsets that it stands for, and the position moves on behind them."""
    batches = [Produced([(None, b"before", [])]), Produced(BOMB, compression=codec), Produced([(None, b"after", [])])]

    rows, position, parts = columnar(log_of(batches), 0, [])
    batch = joined(TopicPartition(*PLACE), parts)

    detail = "offsets 1 to 2: a compressed batch unpacks to more than 100,000 bytes"
    assert [RefusedRange(1, 2, "batch_too_large", detail)] == batch.refusals
    assert [0, 2, 3] == list(batch.offsets)
    assert [b"before", None, b"after"] == batch.values
    assert ([0, 2], 4, 3) == (list(batch.readable()), position, len(rows))


def test_a_refused_batch_counts_from_the_position() -> None:
    """Offsets before the position were settled, and are not among those that are given up."""
    _, _, parts = columnar(log_of([Produced(BOMB, compression=ZSTD)]), 1, [])

    assert parts[0].refusal is not None
    assert (1, 1, "offset 1: ") == (parts[0].refusal.first, parts[0].refusal.last, parts[0].refusal.detail[:10])


def test_a_batch_of_very_many_records_is_refused() -> None:
    """Small records cost more as objects than as bytes."""
    records: list[Record] = [(None, b"", [])] * (MOST // BYTES_A_RECORD + 1)

    _, position, parts = columnar(log_of([Produced(records, compression=GZIP)]), 0, [])

    assert parts[0].refusal is not None
    assert "offsets 0 to 97: a compressed batch holds more than 97 records" == parts[0].refusal.detail
    assert position == 98


def test_a_damaged_batch_is_refused() -> None:
    """What no codec can read is given up with its offset."""
    data = bytearray(log_of([Produced([(None, b"x" * 100, [])], compression=ZSTD)]))
    data[70:80] = bytes(10)

    _, position, parts = columnar(bytes(data), 0, [])

    assert parts[0].refusal is not None
    assert ("bad_compression", 1) == (parts[0].refusal.reason, position)
    assert parts[0].refusal.detail.startswith("offset 0: a batch compressed by zstd cannot be unpacked")


def test_an_old_batch_is_bounded_too() -> None:
    """A batch of the time before Kafka 0.11 does not say where it begins: it is given up from the position on."""
    builder = LegacyRecordBatchBuilder(1, GZIP, 1 << 20)
    for offset in range(3):
        builder.append(offset, 0, None, bytes(60_000))

    data = bytearray(builder.build())
    data[0:8] = (2).to_bytes(8, "big")  # a broker gives it the last one's offset

    _, position, parts = columnar(bytes(data), 1, [])

    assert parts[0].refusal is not None
    assert (1, 2, 3) == (parts[0].refusal.first, parts[0].refusal.last, position)


def test_one_poll_unpacks_little_more_than_one_batch_may_hold() -> None:
    """Batches that are not unpacked any more are fetched again: the position stays before them."""
    large = Produced([(None, bytes(60_000), [])], compression=GZIP)
    data, allowance = log_of([large] * 4), Allowance(MOST, MOST)
    read = 2 * len(log_of([large]))

    first = reading(data, 0, allowance)
    parts = list(first)
    allowance.left = MOST
    rest = list(reading(data[read:], first.next_fetch_offset, allowance))

    assert ([0, 1], 2) == ([part.offset for part in parts], first.next_fetch_offset)
    assert [2, 3] == [part.offset for part in rest]


def placed(data: bytes, start: int, aborted: list[tuple[int, int]]) -> PartitionRecords:
    """Return what aiokafka reads where errors are to name places."""
    records = parsed(data, start, aborted)
    _PlacedResults()[PLACE] = FetchResult(PLACE, assignment=None, partition_records=records, backoff=0)
    return records


@given(BATCHES, st.integers(0, 20), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 15)), max_size=2))
def test_a_reader_that_names_places_reads_the_same(
    batches: list[Produced], start: int, aborted: list[tuple[int, int]]
) -> None:
    """Records, and the position after them, are those of aiokafka's own consumer."""
    records = placed(log_of(batches), start, aborted)
    read = [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in records]

    assert naive(log_of(batches), start, aborted) == (read, records.next_fetch_offset)


def test_a_reader_names_the_batch_that_it_cannot_unpack() -> None:
    """Topic, partition and offsets are in the error, whether the batch is too large or damaged."""
    before = Produced([(None, b"before", [])])
    damaged = bytearray(log_of([before, Produced([(None, b"x" * 100, [])], compression=ZSTD)]))
    damaged[-20:-10] = bytes(10)

    with unpacking(MOST), pytest.raises(TooLargeError, match="logs/0 at offsets 1 to 2: a compressed batch unpacks to"):
        list(placed(log_of([before, Produced(BOMB, compression=GZIP)]), 0, []))
    with pytest.raises(DamagedError, match="logs/0 at offset 1: a batch compressed by zstd cannot be unpacked"):
        list(placed(bytes(damaged), 0, []))
