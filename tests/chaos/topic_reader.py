"""Reads topics from beginning to end, committed records only."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition


@contextlib.asynccontextmanager
async def open_consumer(servers: str, isolation: str = "read_committed") -> Any:
    """Open a consumer that belongs to no group and starts at the beginning."""
    reader = AIOKafkaConsumer(
        bootstrap_servers=servers,
        isolation_level=isolation,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        request_timeout_ms=10_000,
        metadata_max_age_ms=5_000,
    )
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()


async def end_offsets(servers: str, topic: str, partitions: int) -> dict[int, int]:
    """Return every partition's end offset, records of open transactions included."""
    async with open_consumer(servers, "read_uncommitted") as reader:
        ends = await reader.end_offsets([KafkaPartition(topic, p) for p in range(partitions)])
    return {place.partition: end for place, end in ends.items()}


async def read_all(servers: str, topic: str, partitions: int, seconds: float = 120.0) -> list[Any]:
    """Return all committed records of a topic; raises TimeoutError when a transaction stays open."""
    ends = await end_offsets(servers, topic, partitions)
    records: list[Any] = []
    async with open_consumer(servers) as reader, asyncio.timeout(seconds):
        places = [KafkaPartition(topic, p) for p in range(partitions)]
        reader.assign(places)
        await reader.seek_to_beginning(*places)
        while any([await reader.position(place) < ends[place.partition] for place in places]):
            for batch in (await reader.getmany(timeout_ms=200, max_records=5_000)).values():
                records += batch
    return records
