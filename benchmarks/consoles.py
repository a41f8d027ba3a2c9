"""What consoles cost the stream, and how soon they show an alert, on a real Kafka.

    python -m benchmarks.consoles [cost|visible] [--lines 100000] [--rounds 2] [--consoles 3] [--servers HOST:PORT]

`cost`: the same backlog through `strayline run`, in turns without a console and with `--consoles` of them, each with a
browser's stream of changes and a page that is loaded every second. Besides lines a second it gives the daemon's CPU
time for a million lines, which says more on a machine that other work keeps busy. `visible`: from the commit of an
alert to the message in a browser's stream of changes. Kafka is started for it, unless `--servers` names one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import orjson
from aiokafka import AIOKafkaProducer

from benchmarks.million import kafka, write
from benchmarks.running import LINES_A_SESSION, Prepared, by_turns, percentiles, prepared
from tests.support.consoles import alert
from tests.support.daemons import STRAYLINE

LOAD_EVERY_S = 1.0
POLL_S = 1.0
"""Seconds between questions to the daemon: each answer costs it some milliseconds of CPU time."""
ALERTS, ALERT_EVERY_S = 40, 0.5


@contextlib.asynccontextmanager
async def opened(made: Prepared, count: int) -> AsyncIterator[list[str]]:
    """Run `count` consoles; yield their addresses once each has read the topics to their end."""
    command = (*STRAYLINE, "console", "--config", str(made.path), "--port", "0")
    processes = [await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE) for _ in range(count)]
    try:
        addresses = []
        for process in processes:
            assert process.stdout is not None
            line = (await process.stdout.readline()).decode()
            addresses.append(line.removeprefix("console on ").strip())
        async with aiohttp.ClientSession() as client:
            for address in addresses:
                while (await (await client.get(f"{address}healthz")).json())["status"] != "ok":  # noqa: ASYNC110  # another process
                    await asyncio.sleep(0.2)
        yield addresses
    finally:
        for process in processes:
            process.terminate()
        await asyncio.gather(*(process.wait() for process in processes))


async def look(address: str) -> None:
    """Be a browser: follow the changes, and load the first page again and again, until cancelled."""
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout) as client, client.get(f"{address}events") as changes:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOAD_EVERY_S):
                    await changes.content.readline()
            async with client.get(address) as page:
                await page.read()


async def run(options: argparse.Namespace, servers: str, folder: Path, consoles: int) -> tuple[float, float]:
    """Return lines a second and the daemon's CPU seconds for a million lines, over the middle of a backlog."""
    async with prepared(servers, folder, options.partitions) as made, opened(made, consoles) as addresses:
        looking = [asyncio.create_task(look(address)) for address in addresses]
        await write(servers, made.topic, options.lines, options.partitions)
        async with made.daemon() as daemon:
            places: list[tuple[float, float, float]] = []
            for share in (0.1, 0.9):
                while True:
                    lines = LINES_A_SESSION * await asyncio.to_thread(daemon.metric, "sessions_judged_total")
                    if lines >= share * options.lines:
                        break
                    await asyncio.sleep(POLL_S)
                places.append((time.monotonic(), lines, daemon.cpu_seconds()))
        for task in looking:
            task.cancel()
        problems = [one for one in await asyncio.gather(*looking, return_exceptions=True) if isinstance(one, Exception)]
        if problems:
            raise problems[0]
    (began, first, cpu), (ended, last, more) = places
    return (last - first) / (ended - began), 1e6 * (more - cpu) / (last - first)


async def cost(options: argparse.Namespace, servers: str, folder: Path) -> dict[str, Any]:
    """Return medians and the best of all rounds, which other work disturbed least, without and with consoles."""
    runs = await by_turns((0, options.consoles), options.rounds, partial(run, options, servers, folder), "consoles")
    return {
        "load of the machine": round(os.getloadavg()[0], 1),
        **{
            f"{count} consoles": {
                "lines/s": {"median": round(median(rates)), "best": round(max(rates))},
                "CPU-s a million lines": {"median": round(median(times), 1), "best": round(min(times), 1)},
            }
            for count, rows in runs.items()
            for rates, times in [zip(*rows, strict=True)]
        },
    }


async def visible(options: argparse.Namespace, servers: str, folder: Path) -> dict[str, Any]:
    """Return how soon committed alerts are in a browser's stream."""
    seconds: list[float] = []
    async with (
        prepared(servers, folder, options.partitions) as made,
        opened(made, options.consoles) as addresses,
        AIOKafkaProducer(bootstrap_servers=servers, transactional_id=f"visible-{os.getpid()}") as producer,
        aiohttp.ClientSession() as client,
        client.get(f"{addresses[0]}events") as changes,
    ):
        for number in range(ALERTS):
            incident = f"incident-{number}"
            value = orjson.dumps(alert(number, incident={"id": incident, "event": "opened"}))
            async with producer.transaction():
                await producer.send_and_wait(made.topics["alerts"], value)
            committed = time.monotonic()
            async with asyncio.timeout(60):
                while f'"{incident}"'.encode() not in await changes.content.readline():
                    pass
            seconds.append(time.monotonic() - committed)
            await asyncio.sleep(ALERT_EVERY_S)
    return {"alerts": len(seconds), "load of the machine": round(os.getloadavg()[0], 1), **percentiles(seconds)}


def main() -> int:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.consoles",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", choices=["cost", "visible"], default="cost")
    parser.add_argument("--lines", type=int, default=100_000, help="backlog of a round, for cost")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--consoles", type=int, default=3)
    parser.add_argument("--partitions", type=int, default=2)
    parser.add_argument("--servers", help="a Kafka that runs already")
    options = parser.parse_args()
    measure = {"cost": cost, "visible": visible}[options.what]
    with kafka(options.servers) as servers, tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(options, servers, Path(folder))), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
