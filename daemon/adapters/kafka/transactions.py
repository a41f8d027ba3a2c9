"""One transactional producer for each input partition. Outputs and the read position commit together.

aiokafka has no generation fencing, so the transactional id (group, topic, partition) is the only fence: starting a
producer of that id fences the one before. In aiokafka a commit succeeds even when a produce failed, so every send is
awaited first, and a producer that saw an error is not used again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer

from daemon.adapters.kafka.client import (
    REQUEST_BYTES,
    REQUEST_SECONDS,
    guarded,
    seen,
    stop_client,
    to_kafka,
    transaction,
)
from daemon.adapters.kafka.settings import Connection, KafkaSettings
from daemon.core.types import OutRecord, TopicPartition


class KafkaTransactions:
    """One input partition's transactional producer: implements `ports.Transactions`."""

    def __init__(self, settings: KafkaSettings, source: TopicPartition, connection: Connection | None = None) -> None:
        self._settings = settings
        self._source = source
        self._producer = AIOKafkaProducer(
            **(connection or settings.connection()),
            transactional_id=f"{settings.group_id}-{source.topic}-{source.partition}",
            transaction_timeout_ms=round(settings.transaction_timeout * 1000),
            compression_type="zstd",
            max_request_size=REQUEST_BYTES,
            max_batch_size=256 * 1024,
            request_timeout_ms=round(min(settings.transaction_timeout, REQUEST_SECONDS) * 1000),
        )

    @property
    def client(self) -> AIOKafkaProducer:
        """The client that it writes with."""
        return self._producer

    async def start(self) -> None:
        try:
            async with guarded(f"taking over {self._source}", self._settings.transaction_timeout + 10):
                await self._producer.start()
        except BaseException:
            await self.close()
            raise

    async def commit(self, records: Sequence[OutRecord], low: int) -> None:
        producer, topics = self._producer, self._settings.topics
        doing = f"committing {self._source}"
        async with guarded(doing, self._settings.transaction_timeout, "commit"), transaction(producer):
            sent: list[asyncio.Future[object]] = []
            for record in records:
                # aiokafka sends no record without key and value; the dead letter of one has an empty value.
                value = b"" if record.key is None and record.value is None else record.value
                future = await producer.send(
                    topics[record.role],
                    value=value,
                    key=record.key,
                    partition=record.partition,
                    headers=list(record.headers),
                )
                future.add_done_callback(seen)
                sent.append(future)
            await asyncio.gather(*sent)
            await producer.send_offsets_to_transaction({to_kafka(self._source): low}, self._settings.group_id)
            await producer.commit_transaction()

    async def close(self) -> None:
        await stop_client(self._producer)
