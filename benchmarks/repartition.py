"""Throughput with `input.repartition` beside that without it, by turns over the same backlog in a real Kafka.

    python -m benchmarks.repartition [--lines 200000] [--partitions 4] [--rounds 2] [--servers HOST:PORT]

Every run has a group and topics of its own and reads the same input from its beginning, with a stub engine. What is
measured lies between the first line that was read and the moment when nine tenths of all were judged, so neither the
start nor the sessions that stay open at the end count. The figures are lines a second, and a second of processor time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition

from benchmarks.million import Daemon, kafka, write
from benchmarks.running import LINES_A_SESSION, configured, stem, stub_engine
from daemon.adapters.kafka import KafkaSettings, create_topics

END = 0.9
"""The share of the lines that must be judged."""
LONGEST = 600.0
"""Seconds after which a run is given up."""


async def begin_at_the_beginning(servers: str, group: str, topic: str, partitions: int) -> None:
    """Commit the first offsets for a group: a new one begins at the end."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        places = [KafkaPartition(topic, number) for number in range(partitions)]
        consumer.assign(places)
        await consumer.commit(dict.fromkeys(places, 0))
    finally:
        await consumer.stop()


async def rates(daemon: Daemon, count: int) -> tuple[float, float]:
    """Return the lines that were judged a second, and a second of the daemon's processor time."""
    first: tuple[float, float] | None = None
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        now = time.monotonic(), daemon.cpu_seconds()
        if first is None:
            first = now if await asyncio.to_thread(daemon.metric, "lines_total") else None
        else:
            judged = LINES_A_SESSION * await asyncio.to_thread(daemon.metric, "sessions_judged_total")
            if judged >= END * count:
                return judged / (now[0] - first[0]), judged / (now[1] - first[1])
        await asyncio.sleep(0.1)
    raise SystemExit(f"fewer than {END:.0%} of the lines were judged in {LONGEST:.0f} s")


async def run(options: argparse.Namespace, servers: str, folder: Path) -> dict[str, object]:
    """Measure both ways by turns; return the figures."""
    topic = f"{stem()}.logs"
    by_way: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    await create_topics(KafkaSettings([servers], topic), [topic], {}, window=6e5, input_partitions=options.partitions)
    await write(servers, topic, options.lines, options.partitions)
    async with stub_engine() as url:
        for number in range(options.rounds):
            for between in (False, True):
                group = stem()
                made = await configured(servers, folder, url, group, input={"topics": [topic], "repartition": between})
                await begin_at_the_beginning(servers, group, topic, options.partitions)
                async with made.daemon() as daemon:
                    by_way[between].append(await rates(daemon, options.lines))
                way = "repartitioned" if between else "direct"
                print(f"{number}, {way}: {by_way[between][-1][0]:,.0f} lines/s", file=sys.stderr, flush=True)
    direct, repartitioned = (
        [round(statistics.median(column)) for column in zip(*by_way[between], strict=True)] for between in (False, True)
    )
    return {
        "lines": options.lines,
        "rounds": options.rounds,
        "direct": {"lines a second": direct[0], "lines a CPU-second": direct[1]},
        "repartitioned": {"lines a second": repartitioned[0], "lines a CPU-second": repartitioned[1]},
        "share of direct": round(repartitioned[0] / direct[0], 2),
        "share by processor time": round(repartitioned[1] / direct[1], 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.repartition", description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--servers", help="brokers; without it one is started")
    options = parser.parse_args()
    with kafka(options.servers) as servers, tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(run(options, servers, Path(folder))), indent=2))


if __name__ == "__main__":
    main()
