"""Records as columns: aiokafka's consumer without an object for each record that somebody has to take apart again.

aiokafka decodes a fetched batch in C and then builds a `ConsumerRecord` for each of its records in Python, which costs
more than everything else it does. Here one `Columns` is built for a whole batch instead. What decides which batches are
read (checksums, transactions that were aborted, markers, the position) stays aiokafka's own code: it goes through a
batch as if it held one record, which ends where the batch ends.

This leans on five names inside aiokafka, which is pinned for it: `AIOKafkaConsumer._fetcher`; `Fetcher._records`, where
a fetched partition's result is put; `FetchResult._partition_records`; `PartitionRecords._records`, the batches it goes
through; `PartitionRecords._consumer_record`, what is made of a record. `tests/contracts/test_broker.py` reads real
batches through it, so another aiokafka that works otherwise is noticed.
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
class Columns:
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
    """A consumer whose `getmany` returns `Columns` where others have records, and counts them in `max_records`."""

    async def start(self) -> None:
        """Connect and, with topics subscribed to, join the group."""
        await super().start()
        results = _Results()
        for partition, result in self._fetcher._records.items():  # noqa: SLF001  # see above
            results[partition] = result
        self._fetcher._records = results  # noqa: SLF001  # see above


class _Results(OrderedDict[KafkaPartition, FetchResult | FetchError]):
    """Results of fetches by partition; each is told, when it is put here, to hand out columns."""

    def __setitem__(self, partition: KafkaPartition, result: FetchResult | FetchError) -> None:
        if isinstance(result, FetchResult):
            parsed = result._partition_records  # noqa: SLF001  # see above
            parsed._records = _Batches(parsed)  # noqa: SLF001  # see above
            parsed._consumer_record = _as_it_is  # noqa: SLF001  # see above
        super().__setitem__(partition, result)


def _as_it_is(_partition: KafkaPartition, columns: Columns) -> Columns:
    return columns


class _Batches:
    """The batches of one fetch. Knows its owner by a weak reference: a cycle would keep megabytes until collected."""

    def __init__(self, owner: PartitionRecords) -> None:
        self._owner = ref(owner)
        self._records = owner._records  # noqa: SLF001  # see above
        self.has_next = self._records.has_next

    def next_batch(self) -> Any:
        """Return the next batch; control batches hold no records of ours and are left alone."""
        batch = self._records.next_batch()
        return batch if batch.is_control_batch else _Whole(batch, self._owner)


class _Whole:
    """A batch that pretends to hold one record: its columns."""

    is_control_batch = False

    def __init__(self, batch: Any, owner: ref[PartitionRecords]) -> None:
        self._batch = batch
        self._owner = owner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Columns]:
        owner = self._owner()
        records = list(self._batch)
        # What is compressed is sent whole: a fetch from the middle of a batch begins before it.
        if owner is not None and records and records[0].offset < owner.next_fetch_offset:
            records = [record for record in records if record.offset >= owner.next_fetch_offset]
        if records:
            yield _columns(records)


def _columns(records: Sequence[Any]) -> Columns:
    first, last = records[0].offset, records[-1].offset
    whole = last - first + 1 == len(records)  # offsets ascend; compaction leaves holes
    headers = [record.headers for record in records]
    return Columns(
        offset=last,
        offsets=range(first, last + 1) if whole else [record.offset for record in records],
        timestamps=[record.timestamp for record in records],
        keys=[record.key for record in records],
        values=[record.value for record in records],
        headers=headers if any(headers) else [],
    )


def joined(source: TopicPartition, parts: Sequence[Columns]) -> Batch:
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
