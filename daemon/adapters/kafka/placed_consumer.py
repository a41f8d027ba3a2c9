"""A consumer whose error at a batch that cannot be unpacked names the batch's place.

aiokafka unpacks a batch when its first record is asked for, and the error of a codec knows no offset. So the batches of
each fetched partition are wrapped. The private names that this uses are those of `columnar_consumer`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.consumer.fetcher import FetchError, FetchResult

from daemon.adapters.kafka.unpacking import UnpackingError


class PlacedConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka is untyped here
    """A consumer that raises UnpackingError with topic, partition and offsets."""

    async def start(self) -> None:
        """Connect and, with topics subscribed to, join the group."""
        await super().start()
        results = _PlacedResults()
        for partition, result in self._fetcher._records.items():  # noqa: SLF001  # see above
            results[partition] = result
        self._fetcher._records = results  # noqa: SLF001  # see above


class _PlacedResults(OrderedDict[KafkaPartition, FetchResult | FetchError]):
    """Results of fetches by partition. The batches of a result that is put here know their partition."""

    def __setitem__(self, partition: KafkaPartition, result: FetchResult | FetchError) -> None:
        if isinstance(result, FetchResult):
            parsed = result._partition_records  # noqa: SLF001  # see above
            parsed._records = _PlacedBatches(parsed._records, partition)  # noqa: SLF001  # see above
        super().__setitem__(partition, result)


class _PlacedBatches:
    """The batches of one fetch."""

    def __init__(self, records: Any, partition: KafkaPartition) -> None:
        self._records = records
        self._partition = partition

    def has_next(self) -> bool:
        """Whether there is another batch."""
        return bool(self._records.has_next())

    def next_batch(self) -> Any:
        """Return the next batch; control batches hold no data and are returned unchanged."""
        batch = self._records.next_batch()
        return batch if batch.is_control_batch else _PlacedBatch(batch, self._partition)


class _PlacedBatch:
    """A batch whose error names its place."""

    is_control_batch = False

    def __init__(self, batch: Any, partition: KafkaPartition) -> None:
        self._batch = batch
        self._partition = partition

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._batch
        except UnpackingError as error:
            last = self._batch.next_offset - 1
            first = getattr(self._batch, "base_offset", last)  # a batch of the time before Kafka 0.11 has only the last
            offsets = f"offset {last}" if first == last else f"offsets {first} to {last}"
            place = f"{self._partition.topic}/{self._partition.partition} at {offsets}"
            raise type(error)(f"{place}: {error}") from None
