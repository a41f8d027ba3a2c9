"""How long a replica that has nothing of a partition reads its baseline from a real Kafka, before it takes it over.

    python -m benchmarks.takeover [--patterns 62500] [--scopes 13] [--servers HOST:PORT]

1,000,000 patterns of 200 scopes in 16 partitions are so many in each. Their records are written into one partition of a
topic of 16. Then a follower that is up to date, and holds nothing, is asked for that partition, as at a takeover with
`detector.baselines: served`. What follows in a takeover, the fence and the checkpoint, does not depend on the patterns.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from time import perf_counter, process_time

from aiokafka import AIOKafkaProducer

from benchmarks.cold import MODEL, records
from benchmarks.million import kafka
from daemon.adapters.kafka import KafkaBroker, KafkaSettings
from daemon.core.detection import Detector, DetectorSettings
from daemon.runtime import Follower, HoldServed, WorkerThread, seldom_collected
from tests.support.brokers import topics_on

PARTITIONS, PARTITION = 16, 5


async def write(servers: str, topic: str, options: argparse.Namespace) -> int:
    """Write all records into one partition; return their bytes."""
    size = 0
    async with AIOKafkaProducer(bootstrap_servers=servers, linger_ms=5, max_batch_size=1 << 19) as producer:
        for record in records(options.patterns, options.scopes, options.dimensions):
            await producer.send(topic, record.value, record.key, PARTITION)
            size += len(record.key) + len(record.value or b"")
        await producer.flush()
    return size


async def take_over(servers: str, topic: str, dimensions: int) -> tuple[float, float, int]:
    """Return seconds until the partition's baseline is there, those of the processor, and the patterns."""
    broker, thread = KafkaBroker(KafkaSettings([servers], "takeover")), WorkerThread()
    detector, holding = Detector(DetectorSettings(), MODEL, dimensions), HoldServed()
    follower = Follower(broker, topic, detector, thread, holding=holding)
    await broker.start()
    following = asyncio.create_task(follower.run())
    try:
        await follower.restored()
        began, spent = perf_counter(), process_time()
        holding.hold(PARTITION)
        await follower.holds(PARTITION)
        seconds, spent = perf_counter() - began, process_time() - spent
        return seconds, spent, sum((await thread(detector.scope_sizes)).values())
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await broker.close()
        thread.close()


async def measure(servers: str, options: argparse.Namespace) -> None:
    async with topics_on(servers) as topics:
        topic = await topics.make("baseline", PARTITIONS)
        size = await write(servers, topic, options)
        print(f"{options.patterns:,} patterns, {size / 2**20:.0f} MiB of records, {options.dimensions} dimensions")
        for _ in range(options.rounds):
            seconds, spent, patterns = await take_over(servers, topic, options.dimensions)
            each = 1e6 * spent / patterns
            load = os.getloadavg()[0]
            print(
                f"{patterns:,} patterns after {seconds:.1f} s, {spent:.1f} s of the processor, {each:.0f} us each "
                f"(load of the machine: {load:.1f})"
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("patterns", 62_500), ("scopes", 13), ("dimensions", 384), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--servers", help="a Kafka that runs already")
    options = parser.parse_args()
    with kafka(options.servers) as servers, seldom_collected():  # as the daemon runs
        asyncio.run(measure(servers, options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
