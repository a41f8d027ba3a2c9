"""A long partition is followed beside one where nothing happens."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.consumer.fetcher import Fetcher

from daemon.adapters.kafka import KafkaBroker, KafkaSettings
from demo.broker import Cluster
from tests.support.brokers import topics_on

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

LONG, IDLE = 0, 1
RECORDS = 20_000
NEARLY = RECORDS - 7_500
"""What is left then may lie in the last fetch, or be too little to be favoured."""


async def test_a_partition_without_records_does_not_hold_up_a_long_one(
    kafka: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the long one is read, nobody waits for a fetch from the idle one alone; afterwards both are followed."""
    read: dict[int, int] = {}
    alone: list[int] = []
    send = Fetcher._proc_fetch_request

    async def noting(self: Fetcher, assignment: Any, node: int, request: Any) -> Any:
        if [IDLE] == [number for _, partitions in request.topics for number, *_ in partitions]:
            alone.append(read.get(LONG, 0))
        return await send(self, assignment, node, request)

    monkeypatch.setattr(Fetcher, "_proc_fetch_request", noting)
    async with topics_on(kafka.bootstrap_servers) as topics:
        topic = await topics.make("followed", partitions=2)
        broker = KafkaBroker(KafkaSettings(kafka.bootstrap_servers.split(","), "followers"))
        await broker.start()
        async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, max_batch_size=1 << 19) as producer:
            for _ in range(RECORDS):
                await producer.send(topic, bytes(700), b"key", LONG)
            await producer.flush()
            written = False
            async for updates, offsets in broker.follow(topic):
                read = dict(offsets)
                if updates:
                    await asyncio.sleep(0.2)  # longer than aiokafka lets what was fetched lie before it fetches more
                if not written and read[LONG] == RECORDS:
                    await producer.send_and_wait(topic, b"late", b"key", IDLE)
                    written = True
                if read == {LONG: RECORDS, IDLE: 1}:
                    break
        await broker.close()

    assert [] == [at for at in alone if at < NEARLY]
