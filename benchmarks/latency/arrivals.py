"""When the messages of a topic arrive."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer


async def arrivals(servers: str, topic: str) -> AsyncGenerator[tuple[float, dict[str, Any]], None]:
    """Yield each committed message from now on, with the time at which it arrived, in seconds since the epoch."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers, isolation_level="read_committed")
    await consumer.start()
    try:
        while True:
            fetched = await consumer.getmany(timeout_ms=200)
            now = time.time()
            for records in fetched.values():
                for record in records:
                    yield now, orjson.loads(record.value)
    finally:
        await consumer.stop()
