"""Publishing outside the daemon's own transactions: for `label` and `baseline import`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaProducer

from daemon.adapters.kafka.client import BROKEN, REQUEST_BYTES, seen, stop_client, transaction
from daemon.adapters.kafka.diagnosis import check_token, explained
from daemon.adapters.kafka.settings import KafkaSettings
from daemon.core.types import OutRecord

TRANSACTION_SECONDS = 60
"""How long a transaction of `publish_together` may take; readers wait behind one that a killed process left open."""
ABORT_SECONDS = 10
"""How long ending one may take that failed: a topic that takes no records takes no end of a transaction either."""


async def publish_one(
    settings: KafkaSettings,
    topic: str,
    *,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[tuple[str, bytes]] = (),
) -> None:
    """Publish one message and wait until the brokers have stored it. Raises UnavailableError and ConfigError."""
    async with _producer(settings, f"publishing to {topic}", {topic}, acks="all") as producer:
        await producer.send_and_wait(topic, value=value, key=key, headers=list(headers))


async def publish_together(settings: KafkaSettings, records: Sequence[OutRecord], *, purpose: str) -> None:
    """Publish records in one transaction: a read_committed consumer sees all of them or none.

    `purpose` is part of the transactional id, so a second transaction of the same purpose fences the first. Raises
    UnavailableError and ConfigError.
    """
    options = {
        "transactional_id": f"{settings.group_id}-{purpose}",
        "transaction_timeout_ms": TRANSACTION_SECONDS * 1000,
        "compression_type": "zstd",
        "max_request_size": REQUEST_BYTES,
        "max_batch_size": 256 * 1024,
    }
    topics = {settings.topics[record.role] for record in records}
    async with _producer(settings, f"publishing {len(records)} records", topics, **options) as producer:
        try:
            async with transaction(producer):
                sent = list[asyncio.Future[object]]()
                for record in records:
                    topic = settings.topics[record.role]
                    future = await producer.send(topic, value=record.value, key=record.key, partition=record.partition)
                    future.add_done_callback(seen)
                    sent.append(future)
                await asyncio.gather(*sent)
                await producer.commit_transaction()
        except BaseException:
            with suppress(*BROKEN):  # nothing may have begun at the broker; what failed first is the reason
                async with asyncio.timeout(ABORT_SECONDS):
                    await producer.abort_transaction()
            raise


@asynccontextmanager
async def _producer(
    settings: KafkaSettings, doing: str, topics: Collection[str], **options: Any
) -> AsyncIterator[AIOKafkaProducer]:
    """Give a producer for as long as a transaction may take; what its work raises is explained."""
    await check_token(settings)
    producer = AIOKafkaProducer(**await asyncio.to_thread(settings.connection), **options)
    try:
        async with asyncio.timeout(TRANSACTION_SECONDS):
            await producer.start()
            yield producer
    except BROKEN as error:
        raise (await explained(settings, error, doing, topics)) from None
    finally:
        await stop_client(producer)
