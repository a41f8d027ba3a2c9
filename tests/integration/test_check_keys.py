"""A sample of a real topic's latest records, and what it says of its keys."""

from __future__ import annotations

from aiokafka import AIOKafkaProducer

from daemon.adapters.kafka import KafkaSettings, read_latest
from daemon.core.formats import FormatSettings
from daemon.discovery import scattering
from tests.support.brokers import Topics

PARTITIONS, EACH = 3, 40


async def test_the_latest_records_of_every_partition_are_sampled(topics: Topics) -> None:
    """At most so many of each partition, the newest; keys that the producer spread are found, keyed ones are not."""
    topic, empty = await topics.make("logs", PARTITIONS), await topics.make("logs", 2)
    producer = AIOKafkaProducer(bootstrap_servers=topics.bootstrap_servers)
    await producer.start()
    for number in range(PARTITIONS * EACH):
        value = b'{"message":"m","key":"spread-%d"}' % (number // PARTITIONS % 5)
        await producer.send(topic, value, partition=number % PARTITIONS)
    await producer.stop()
    settings = KafkaSettings([topics.bootstrap_servers], "group")
    batches = await read_latest(settings, topic, 10, 20.0)
    found = scattering(batches, FormatSettings())

    assert {partition: list(range(EACH - 10, EACH)) for partition in range(PARTITIONS)} == {
        partition: [at for one in batches if one.source.partition == partition for at in one.offsets]
        for partition in range(PARTITIONS)
    }
    assert (30, 3, 5, 5, 30) == (found.records, found.partitions, found.keys, found.scattered, found.unkeyed)
    assert [] == await read_latest(settings, empty, 10, 20.0)
