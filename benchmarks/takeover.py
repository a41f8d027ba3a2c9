"""How long a replica that has nothing of a partition reads its baseline from a real Kafka, before it takes it over.

    python -m benchmarks.takeover [--patterns 62500] [--scopes 13] [--servers HOST:PORT]
    python -m benchmarks.takeover --replicas [--baselines all] [--session-timeout 6s]
                                                     two replicas of `strayline run`, one of which leaves, or is killed

1,000,000 patterns of 200 scopes in 16 partitions are so many in each. Their records are written into one partition of a
topic of 16. Then a follower that is up to date, and holds nothing, is asked for that partition, as at a takeover with
`detector.baselines: served`. What follows in a takeover, the fence and the checkpoint, does not depend on the patterns.

With `--replicas` two partitions have so many patterns each, of 32 dimensions, and each replica serves one. It is said
how long after the signal the other replica is assigned the partition, and how long it takes from there until it runs.
A killed replica is noticed when its session times out, `kafka.session_timeout`. With `--baselines all` each has both
baselines from the start.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import orjson
import yaml
from aiokafka import AIOKafkaProducer

from benchmarks.cold import MODEL, records
from benchmarks.memory import sessions
from benchmarks.million import Daemon, kafka
from benchmarks.running import prepared
from daemon.adapters.kafka import KafkaBroker, KafkaSettings
from daemon.core.detection import Detector, DetectorSettings
from daemon.runtime import Follower, HoldServed, WorkerThread, seldom_collected
from tests.support.brokers import topics_on

PARTITIONS, PARTITION = 16, 5
STUB, STUB_DIMENSIONS = "stub:32", 32
"""The model of the replicas' engine."""
LONGEST_S = 600.0


async def write(servers: str, topic: str, options: argparse.Namespace) -> int:
    """Write all records into one partition; return their bytes."""
    size = 0
    async with AIOKafkaProducer(bootstrap_servers=servers, linger_ms=5, max_batch_size=1 << 19) as producer:
        for record in records(sessions(options.patterns, options.scopes, options.dimensions)):
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


async def write_two(servers: str, topic: str, options: argparse.Namespace) -> None:
    """Write so many patterns into each of two partitions, those of a scope into one."""
    async with AIOKafkaProducer(bootstrap_servers=servers, linger_ms=5, max_batch_size=1 << 19) as producer:
        homes: dict[str, int] = {}
        patterns = sessions(2 * options.patterns, 2 * options.scopes, STUB_DIMENSIONS)
        for record in records(patterns, STUB):
            scope = orjson.loads(record.key)[1]
            await producer.send(topic, record.value, record.key, homes.setdefault(scope, len(homes) % 2))
        await producer.flush()


def logged(daemon: Daemon, event: str, since: datetime) -> list[dict[str, Any]]:
    """Return what a replica has logged of an event since then."""
    lines = [orjson.loads(line) for line in daemon.log.read_bytes().splitlines() if line.startswith(b"{")]
    return [line for line in lines if line["event"] == event and datetime.fromisoformat(line["time"]) >= since]


async def until(daemon: Daemon, event: str, partition: str | int, since: datetime) -> datetime:
    """Wait until a replica has logged an event of a partition since then; return when it did."""
    async with asyncio.timeout(LONGEST_S):
        while True:
            for line in logged(daemon, event, since):
                if partition in line.get("partitions", [line.get("partition")]):
                    return datetime.fromisoformat(line["time"])
            await asyncio.sleep(0.1)


async def one_each(daemons: Sequence[Daemon], partitions: Sequence[str], since: datetime) -> list[Daemon]:
    """Wait until each replica runs one of the partitions; return their replicas."""
    async with asyncio.timeout(LONGEST_S):
        while True:
            starts = {
                (line["time"], line["partition"]): daemon
                for daemon in daemons
                for line in logged(daemon, "partition_runs", since)
            }
            owners = {partition: daemon for (_, partition), daemon in sorted(starts.items(), key=lambda one: one[0])}
            if len({id(owners.get(partition)) for partition in partitions} - {id(None)}) == len(partitions):
                return [owners[partition] for partition in partitions]
            await asyncio.sleep(0.5)


async def goes(servers: str, how: signal.Signals, options: argparse.Namespace) -> str:
    """Let one of two replicas go; say how long the other one took to be assigned its partition, and to run it."""
    since = datetime.now(UTC)
    with TemporaryDirectory() as folder:
        async with prepared(servers, Path(folder), 2, detector={"baselines": options.baselines}) as made:
            tree = yaml.safe_load(made.path.read_text(encoding="utf-8"))
            tree["kafka"]["session_timeout"] = options.session_timeout
            made.path.write_text(yaml.safe_dump(tree), encoding="utf-8")
            await write_two(servers, made.topics["baseline"], options)
            partitions = [f"{made.topic}/{number}" for number in range(2)]
            async with made.replicas(2) as daemons:
                stays, leaver = await one_each(daemons, partitions, since)
                had = any(partitions[1] in line["partitions"] for line in logged(stays, "assigned", since))
                if options.baselines == "served" and had:  # it keeps the baseline for a minute
                    await until(stays, "baselines_given_up", 1, since)
                spent, signalled = stays.cpu_seconds(), datetime.now(UTC)
                leaver.process.send_signal(how)
                assigned = await until(stays, "assigned", partitions[1], signalled)
                runs = await until(stays, "partition_runs", partitions[1], signalled)
                spent = stays.cpu_seconds() - spent
    first, then = (assigned - signalled).total_seconds(), (runs - assigned).total_seconds()
    return f"{how.name}: assigned after {first:.1f} s, ran {then:.1f} s later, {spent:.1f} s of the processor"


async def replicas_go(servers: str, options: argparse.Namespace) -> None:
    for how in options.rounds * (signal.SIGTERM, signal.SIGKILL):
        print(f"{await goes(servers, how, options)} (load of the machine: {os.getloadavg()[0]:.1f})")


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
    parser.add_argument("--replicas", action="store_true", help="one of two replicas goes")
    parser.add_argument("--baselines", choices=("served", "all"), default="served", help="of the replicas")
    parser.add_argument("--session-timeout", default="10s", help="of the replicas")
    options = parser.parse_args()
    with kafka(options.servers) as servers, seldom_collected():  # as the daemon runs
        asyncio.run((replicas_go if options.replicas else measure)(servers, options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
