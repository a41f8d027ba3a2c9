"""Throughput of 1, 2 and 4 replicas of one group over the same partitions of a real Kafka, and what a line costs each.

    python -m benchmarks.scale [--replicas 1 2 4] [--lines 400000] [--partitions 16] [--rounds 2] [--servers HOST:PORT]

Every run has topics of its own and a stub engine. The replicas share the empty partitions first; then one transaction
writes all lines, so that they find a backlog, and rebalances, starts and the writer do not count. What is measured lies
between the moments when a tenth and nine tenths of the lines were judged: lines a second, and processor seconds of all
replicas a million lines.
Where the replicas share few processors only the latter says how the work grows with them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.million import Daemon, kafka, write
from benchmarks.running import LINES_A_SESSION, by_turns, prepared

RUNNING = r'partition_state\{state="running"\}'
POLL_S = 0.5
LONGEST_S = 600.0
"""Seconds after which a step is given up."""


async def values(daemons: Sequence[Daemon], metric: str) -> list[float]:
    """Return a metric's sum in each replica."""
    return await asyncio.gather(*(asyncio.to_thread(daemon.metric, metric) for daemon in daemons))


async def shared_out(daemons: Sequence[Daemon], partitions: int) -> None:
    """Wait until every replica runs its share of the partitions."""
    async with asyncio.timeout(LONGEST_S):
        while min(await values(daemons, RUNNING)) < partitions // len(daemons):  # noqa: ASYNC110  # other processes
            await asyncio.sleep(POLL_S)


async def judged(daemons: Sequence[Daemon], lines: float) -> float:
    """Wait until the replicas have judged so many lines; return how many it is then."""
    async with asyncio.timeout(LONGEST_S):
        while True:
            now = LINES_A_SESSION * sum(await values(daemons, "sessions_judged_total"))
            if now >= lines:
                return now
            await asyncio.sleep(POLL_S)


async def run(options: argparse.Namespace, servers: str, folder: Path, count: int) -> tuple[float, float]:
    """Return lines a second and processor seconds a million lines of `count` replicas."""
    async with prepared(servers, folder, options.partitions) as made, made.replicas(count) as daemons:
        await shared_out(daemons, options.partitions)
        await write(servers, made.topic, options.lines, options.partitions)
        places: list[tuple[float, float, float]] = []
        for share in (0.1, 0.9):
            lines = await judged(daemons, share * options.lines)
            places.append((time.monotonic(), lines, sum(one.cpu_seconds() for one in daemons)))
    (began, first, cpu), (ended, last, more) = places
    return (last - first) / (ended - began), 1e6 * (more - cpu) / (last - first)


async def scale(options: argparse.Namespace, servers: str, folder: Path) -> dict[str, object]:
    """Return the figures of every number of replicas, by turns."""
    runs = await by_turns(options.replicas, options.rounds, partial(run, options, servers, folder), "replicas")
    return {
        "load of the machine": round(os.getloadavg()[0], 1),
        "replicas": {
            count: {"lines/s": round(median(rates)), "CPU-s a million lines": round(median(times), 1)}
            for count, rows in runs.items()
            for rates, times in [zip(*rows, strict=True)]
        },
    }


def main() -> int:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--lines", type=int, default=400_000)
    parser.add_argument("--partitions", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--servers", help="a Kafka that runs already")
    options = parser.parse_args()
    with kafka(options.servers) as servers, tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(scale(options, servers, Path(folder))), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
