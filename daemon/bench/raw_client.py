"""The raw client: aiokafka's `getmany` reading a topic, in a process of its own.

It is measured alone because the garbage collector of a large process slows it down: beside the daemon the same client
reads half as many lines per CPU-second. Fetches are large, so that requests cost it next to nothing.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import process_time

from daemon.adapters.kafka import KafkaSettings

FETCH_BYTES = 64 << 20
POLL_RECORDS = 50_000


async def measure_raw_client(settings: KafkaSettings, topic: str, start: int, count: int) -> float:
    """Return the CPU seconds that `getmany` takes for `count` records of partition 0 from offset `start`.

    The process is started for this, and ends with it; its start and its imports are not counted.
    """
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return await loop.run_in_executor(process, _run, settings, topic, start, count)


def _run(settings: KafkaSettings, topic: str, start: int, count: int) -> float:
    return asyncio.run(_read(settings, topic, start, count))


async def _read(settings: KafkaSettings, topic: str, start: int, count: int) -> float:
    from aiokafka import AIOKafkaConsumer, TopicPartition

    consumer = AIOKafkaConsumer(
        **settings.connection(),
        isolation_level="read_committed",
        enable_auto_commit=False,
        fetch_max_bytes=FETCH_BYTES,
        max_partition_fetch_bytes=FETCH_BYTES,
        max_poll_records=POLL_RECORDS,
    )
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        consumer.seek(partition, start)
        begin, read = process_time(), 0
        while read < count:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                read += len(records)
        return process_time() - begin
    finally:
        await consumer.stop()
