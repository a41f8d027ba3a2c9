"""Records as columns against aiokafka's own reading of the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import TopicPartition as KafkaPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from daemon.adapters.kafka.columnar_consumer import RecordColumns, _Results, joined
from daemon.core.types import Batch, TopicPartition

PLACE = KafkaPartition("logs", 0)
CONTROL = 0x20
ABORT = bytes(4)


@dataclass(frozen=True)
class Produced:
    """One batch: its records (key, value, headers), the producer of a transaction, holes compaction left behind it."""

    records: Sequence[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]]
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


def columnar(data: bytes, start: int, aborted: list[tuple[int, int]]) -> tuple[list[object], int, list[RecordColumns]]:
    """Return the same through columns, and the columns."""
    records = parsed(data, start, aborted)
    result = FetchResult(PLACE, assignment=None, partition_records=records, backoff=0)
    _Results()[PLACE] = result
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
