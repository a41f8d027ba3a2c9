"""Records as columns: aiokafka's consumer without one Python object for each record.

aiokafka decodes a fetched batch in C and then builds a `ConsumerRecord` for each of its records in Python, which costs
more than everything else it does. Here one `RecordColumns` is built for a whole batch instead. aiokafka's own code
still decides which batches are read (checksums, aborted transactions, markers, the position): it sees a batch as one
record, which ends where the batch ends.

This depends on five private names, and aiokafka is pinned for that reason: `AIOKafkaConsumer._fetcher`;
`Fetcher._records`, which holds the result of each fetched partition; `FetchResult._partition_records`;
`PartitionRecords._records`, the batches it iterates over; `PartitionRecords._consumer_record`, which builds a record.
`tests/contracts/test_broker.py` reads real batches through it, so a change in aiokafka fails a test.

A batch that unpacks to more than it may (`unpacking`), or to more records, or that is damaged, becomes one row that
says so (`RefusedRange`). Its offsets are passed, so the stream goes on behind it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import ref

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.consumer.fetcher import FetchError, FetchResult, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatch

from daemon.adapters.kafka.unpacking import TooLargeError, UnpackingError, unpacking
from daemon.core.types import Batch, RefusedRange, TopicPartition

BYTES_A_RECORD = 1024
"""A compressed batch may hold a record for so many bytes of what it may unpack to: small ones cost more as objects."""
Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class RecordColumns:
    """The records of one produced batch. `offset` is the last one's; `headers` is empty where no record has any.

    With a `refusal` they are one row, at the last offset, without key and value.
    """

    offset: int
    offsets: Sequence[int]
    timestamps: list[int]
    keys: list[bytes | None]
    values: list[bytes | None]
    headers: list[Headers]
    refusal: RefusedRange | None = None

    def __len__(self) -> int:
        return len(self.offsets)


@dataclass(slots=True)
class Allowance:
    """The bytes that one batch may unpack to, and what is left of as many for all batches of one poll."""

    most: int
    left: int


class ColumnarConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka is untyped here
    """A consumer whose `getmany` returns `RecordColumns` instead of records, and counts those in `max_records`.

    A batch may unpack to `most` bytes. Batches that one poll does not unpack, because others did already unpack to so
    many, are fetched again for the next one.
    """

    def __init__(self, most: int, **options: Any) -> None:
        super().__init__(**options)
        self._allowance = Allowance(most, most)

    async def getmany(self, *partitions: KafkaPartition, **limits: int) -> dict[KafkaPartition, list[RecordColumns]]:
        """Return what was fetched, as aiokafka does."""
        self._allowance.left = self._allowance.most
        fetched: dict[KafkaPartition, list[RecordColumns]] = await super().getmany(*partitions, **limits)
        return fetched

    async def start(self) -> None:
        """Connect and, with topics subscribed to, join the group."""
        await super().start()
        results = _Results(self._allowance)
        for partition, result in self._fetcher._records.items():  # noqa: SLF001  # see above
            results[partition] = result
        self._fetcher._records = results  # noqa: SLF001  # see above


class _Results(OrderedDict[KafkaPartition, FetchResult | FetchError]):
    """Results of fetches by partition. A result that is put here is changed to return columns."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__()
        self._allowance = allowance

    def __setitem__(self, partition: KafkaPartition, result: FetchResult | FetchError) -> None:
        if isinstance(result, FetchResult):
            parsed = result._partition_records  # noqa: SLF001  # see above
            parsed._records = _Batches(parsed, self._allowance)  # noqa: SLF001  # see above
            parsed._consumer_record = _unchanged  # noqa: SLF001  # see above
        super().__setitem__(partition, result)


def _unchanged(_partition: KafkaPartition, columns: RecordColumns) -> RecordColumns:
    return columns


class _Batches:
    """The batches of one fetch. The reference to the owner is weak: a cycle would keep megabytes until collected."""

    def __init__(self, owner: PartitionRecords, allowance: Allowance) -> None:
        self._owner = ref(owner)
        self._records = owner._records  # noqa: SLF001  # see above
        self._allowance = allowance

    def has_next(self) -> bool:
        """Whether there is a batch that may be unpacked in this poll. If not, aiokafka fetches it again."""
        return self._allowance.left > 0 and bool(self._records.has_next())

    def next_batch(self) -> Any:
        """Return the next batch; control batches hold no data and are returned unchanged."""
        batch = self._records.next_batch()
        return batch if batch.is_control_batch else _Whole(batch, self._owner, self._allowance)


class _Whole:
    """A batch that iterates as one record: its columns."""

    is_control_batch = False

    def __init__(self, batch: Any, owner: ref[PartitionRecords], allowance: Allowance) -> None:
        self._batch = batch
        self._owner = owner
        self._allowance = allowance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[RecordColumns]:
        owner = self._owner()
        try:
            records = self._unpacked()
        except UnpackingError as error:
            self._allowance.left -= self._allowance.most
            yield self._refused(error, owner.next_fetch_offset if owner is not None else 0)
            return
        # Compressed batches are sent whole: a fetch from the middle of a batch begins before it.
        if owner is not None and records and records[0].offset < owner.next_fetch_offset:
            records = [record for record in records if record.offset >= owner.next_fetch_offset]
        if records:
            yield _columns(records)

    def _unpacked(self) -> list[Any]:
        batch, allowance = self._batch, self._allowance
        many = allowance.most // BYTES_A_RECORD
        if _is_new(batch) and batch.compression_type and batch.next_offset - batch.base_offset > many:
            raise TooLargeError(f"a compressed batch holds more than {many:,} records")
        with unpacking(allowance.most) as unpacked:
            records = list(batch)
        allowance.left -= unpacked.size
        return records

    def _refused(self, error: UnpackingError, position: int) -> RecordColumns:
        batch, new = self._batch, _is_new(self._batch)
        last = batch.next_offset - 1
        first = max(position, batch.base_offset) if new else position
        place = f"offset {last}" if first == last else f"offsets {first} to {last}"
        reason = "batch_too_large" if isinstance(error, TooLargeError) else "bad_compression"
        refusal = RefusedRange(first, last, reason, f"{place}: {error}")
        timestamp = batch.max_timestamp if new else -1
        return RecordColumns(last, range(last, last + 1), [timestamp], [None], [None], [], refusal)


def _is_new(batch: Any) -> bool:
    """Whether a batch says which offsets it holds, as those since Kafka 0.11 do."""
    return isinstance(batch, DefaultRecordBatch)


def _columns(records: Sequence[Any]) -> RecordColumns:
    first, last = records[0].offset, records[-1].offset
    whole = _is_whole(first, last, len(records))
    headers = [record.headers for record in records]
    return RecordColumns(
        offset=last,
        offsets=range(first, last + 1) if whole else [record.offset for record in records],
        timestamps=[record.timestamp for record in records],
        keys=[record.key for record in records],
        values=[record.value for record in records],
        headers=headers if any(headers) else [],
    )


def _is_whole(first: int, last: int, count: int) -> bool:
    """Whether so many offsets are all from the first to the last. They ascend; markers and compaction leave holes."""
    return last - first + 1 == count


def joined(source: TopicPartition, parts: Sequence[RecordColumns]) -> Batch:
    """Return the records of several batches, in order, as one."""
    refusals = [part.refusal for part in parts if part.refusal is not None]
    if len(parts) == 1:
        only = parts[0]
        return Batch(source, only.offsets, only.timestamps, only.keys, only.values, only.headers, refusals)
    first, last = parts[0].offsets[0], parts[-1].offset
    whole = _is_whole(first, last, sum(map(len, parts)))
    offsets: Sequence[int] = range(first, last + 1) if whole else [offset for part in parts for offset in part.offsets]
    timestamps = list[int]()
    keys, values = list[bytes | None](), list[bytes | None]()
    for part in parts:
        timestamps += part.timestamps
        keys += part.keys
        values += part.values
    headers: list[Headers] = []
    if any(part.headers for part in parts):
        for part in parts:
            headers += part.headers or [()] * len(part)
    return Batch(source, offsets, timestamps, keys, values, headers, refusals)
