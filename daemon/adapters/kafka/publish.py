"""Publishing outside the daemon's own transactions: for `label` and `baseline import`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from daemon.adapters.kafka.client import REQUEST_BYTES
from daemon.adapters.kafka.settings import KafkaSettings
from daemon.core.types import OutRecord
from daemon.errors import UnavailableError

TRANSACTION_SECONDS = 60
"""How long a transaction of `publish_together` may take; readers wait behind one that a killed process left open."""


async def publish_one(
    settings: KafkaSettings,
    topic: str,
    *,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[tuple[str, bytes]] = (),
) -> None:
    """Publish one message and wait until the brokers have stored it. Raises UnavailableError."""
    producer = AIOKafkaProducer(**await asyncio.to_thread(settings.connection), acks="all")
    try:
        await producer.start()
        await producer.send_and_wait(topic, value=value, key=key, headers=list(headers))
    except (KafkaError, OSError) as error:
        raise UnavailableError(f"publishing to {topic}: {type(error).__name__}: {error}") from None
    finally:
        await producer.stop()


async def publish_together(settings: KafkaSettings, records: Sequence[OutRecord], *, purpose: str) -> None:
    """Publish records in one transaction: a read_committed consumer sees all of them or none.

    `purpose` is part of the transactional id, so a second transaction of the same purpose fences the first. Raises
    UnavailableError.
    """
    producer = AIOKafkaProducer(
        **await asyncio.to_thread(settings.connection),
        transactional_id=f"{settings.group_id}-{purpose}",
        transaction_timeout_ms=TRANSACTION_SECONDS * 1000,
        compression_type="zstd",
        max_request_size=REQUEST_BYTES,
        max_batch_size=256 * 1024,
    )
    try:
        async with asyncio.timeout(TRANSACTION_SECONDS):
            await producer.start()
            async with producer.transaction():
                sent = [
                    await producer.send(
                        settings.topics[record.role], value=record.value, key=record.key, partition=record.partition
                    )
                    for record in records
                ]
                await asyncio.gather(*sent)
    except (KafkaError, OSError, TimeoutError) as error:
        raise UnavailableError(f"publishing {len(records)} records: {type(error).__name__}: {error}") from None
    finally:
        await producer.stop()
