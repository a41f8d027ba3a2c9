"""Records as columns: aiokafka's consumer without one Python object for each record.

aiokafka decodes a fetched batch in C and then builds a `ConsumerRecord` for each of its records in Python, which costs
more than everything else it does. Here one `RecordColumns` is built for a whole batch instead. aiokafka's own code
still decides which batches are read (checksums, aborted transactions, markers, the position): it sees a batch as one
record, which ends where the batch ends.

This depends on five private names, and aiokafka is pinned for that reason: `AIOKafkaConsumer._fetcher`;
`Fetcher._records`, which holds the result of each fetched partition; `FetchResult._partition_records`;
`PartitionRecords._records`, the batches it iterates over; `PartitionRecords._consumer_record`, which builds a record.
`tests/contracts/test_broker.py` reads real batches through it, so a change in aiokafka fails a test.
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

from daemon.core.types import Batch, TopicPartition

Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class RecordColumns:
    """The records of one produced batch. `offset` is the last one's; `headers` is empty where no record has any."""

    offset: int
    offsets: Sequence[int]
    timestamps: list[int]
    keys: list[bytes | None]
    values: list[bytes | None]
    headers: list[Headers]

    def __len__(self) -> int:
        return len(self.offsets)


class ColumnarConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka is untyped here
    """A consumer whose `getmany` returns `RecordColumns` instead of records, and counts those in `max_records`."""

    async def start(self) -> None:
        """Connect and, with topics subscribed to, join the group."""
        await super().start()
        results = _Results()
        for partition, result in self._fetcher._records.items():  # noqa: SLF001  # see above
            results[partition] = result
        self._fetcher._records = results  # noqa: SLF001  # see above


class _Results(OrderedDict[KafkaPartition, FetchResult | FetchError]):
    """Results of fetches by partition. A result that is put here is changed to return columns."""

    def __setitem__(self, partition: KafkaPartition, result: FetchResult | FetchError) -> None:
        if isinstance(result, FetchResult):
            parsed = result._partition_records  # noqa: SLF001  # see above
            parsed._records = _Batches(parsed)  # noqa: SLF001  # see above
            parsed._consumer_record = _unchanged  # noqa: SLF001  # see above
        super().__setitem__(partition, result)


def _unchanged(_partition: KafkaPartition, columns: RecordColumns) -> RecordColumns:
    return columns


class _Batches:
    """The batches of one fetch. The reference to the owner is weak: a cycle would keep megabytes until collected."""

    def __init__(self, owner: PartitionRecords) -> None:
        self._owner = ref(owner)
        self._records = owner._records  # noqa: SLF001  # see above
        self.has_next = self._records.has_next

    def next_batch(self) -> Any:
        """Return the next batch; control batches hold no data and are returned unchanged."""
        batch = self._records.next_batch()
        return batch if batch.is_control_batch else _Whole(batch, self._owner)


class _Whole:
    """A batch that iterates as one record: its columns."""

    is_control_batch = False

    def __init__(self, batch: Any, owner: ref[PartitionRecords]) -> None:
        self._batch = batch
        self._owner = owner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[RecordColumns]:
        owner = self._owner()
        records = list(self._batch)
        # Compressed batches are sent whole: a fetch from the middle of a batch begins before it.
        if owner is not None and records and records[0].offset < owner.next_fetch_offset:
            records = [record for record in records if record.offset >= owner.next_fetch_offset]
        if records:
            yield _columns(records)


def _columns(records: Sequence[Any]) -> RecordColumns:
    first, last = records[0].offset, records[-1].offset
    whole = last - first + 1 == len(records)  # offsets ascend; compaction leaves holes
    headers = [record.headers for record in records]
    return RecordColumns(
        offset=last,
        offsets=range(first, last + 1) if whole else [record.offset for record in records],
        timestamps=[record.timestamp for record in records],
        keys=[record.key for record in records],
        values=[record.value for record in records],
        headers=headers if any(headers) else [],
    )


def joined(source: TopicPartition, parts: Sequence[RecordColumns]) -> Batch:
    """Return the records of several batches, in order, as one."""
    if len(parts) == 1:
        only = parts[0]
        return Batch(source, only.offsets, only.timestamps, only.keys, only.values, only.headers)
    offsets, timestamps = list[int](), list[int]()
    keys, values = list[bytes | None](), list[bytes | None]()
    for part in parts:
        offsets += part.offsets
        timestamps += part.timestamps
        keys += part.keys
        values += part.values
    headers: list[Headers] = []
    if any(part.headers for part in parts):
        for part in parts:
            headers += part.headers or [()] * len(part)
    return Batch(source, offsets, timestamps, keys, values, headers)
