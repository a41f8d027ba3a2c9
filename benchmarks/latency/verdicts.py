"""From a session's close to the arrival of its verdict at a reader of committed records.

First a backlog of lines gives the greatest rate of this machine; then lines whose event time is the wall clock are
written at a share of that rate. A session closes when `sessions.gap` has passed since its last line, so what is
measured is arrival minus (end + gap), for the sessions that a gap closed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from benchmarks.latency.arrivals import arrivals
from benchmarks.million import Daemon, write
from benchmarks.running import LINES_A_SESSION, percentiles, prepared
from daemon.bench.traffic import LogTraffic, TrafficSettings

GAP_S = 5
TICK_S = 0.05
SETTLING_S = 10.0
"""Seconds that are not counted at the start of the live lines, as the backlog's sessions close then; and seconds to
wait for late verdicts after the end."""


async def drain(daemon: Daemon, count: int) -> float:
    """Return the lines a second at which the sessions of a backlog of `count` lines were judged.

    What is measured lies between a tenth and seven tenths of them: the last sessions stay open.
    """
    began = at = rate = 0.0
    while True:
        read = await asyncio.to_thread(daemon.metric, "lines_total")
        judged = LINES_A_SESSION * await asyncio.to_thread(daemon.metric, "sessions_judged_total")
        now = time.monotonic()
        if not began and judged >= 0.1 * count:
            began, at = now, judged
        if not rate and judged >= 0.7 * count:
            rate = (judged - at) / (now - began)
        if rate and read >= count:
            return rate
        await asyncio.sleep(0.1)


async def feed(
    servers: str, topic: str, partitions: int, rows: Iterator[tuple[int, bytes, bytes]], until: float
) -> int:
    """Write each row when its event time comes, until a wall clock time; return how many."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, max_batch_size=1 << 20)
    await producer.start()
    written = 0
    try:
        micros, key, value = next(rows)
        while time.time() < until:
            now = time.time_ns() // 1000
            batches = [producer.create_batch() for _ in range(partitions)]
            while micros <= now:
                at = key[-1] % partitions
                if batches[at].append(key=key, value=value, timestamp=micros // 1000) is None:
                    break
                micros, key, value = next(rows)
                written += 1
            for at, batch in enumerate(batches):
                if batch.record_count():
                    await producer.send_batch(batch, topic, partition=at)
            await asyncio.sleep(TICK_S)
    finally:
        await producer.stop()
    return written


async def listen(servers: str, topic: str, since: float, into: list[tuple[float, float]]) -> None:
    """Note when each session closed that began after `since` and that a gap closed, and its verdict's latency.

    Both are in seconds, the first since the epoch.
    """
    async with aclosing(arrivals(servers, topic)) as messages:
        async for now, verdict in messages:
            start, end = (datetime.fromisoformat(verdict[name]).timestamp() for name in ("start", "end"))
            if start > since and verdict["closed_by"] == "gap":
                into.append((end + GAP_S, now - (end + GAP_S)))


async def measure(options: argparse.Namespace, servers: str, folder: Path) -> dict[str, Any]:
    """Return how many sessions were judged, and how soon their verdicts came."""
    async with prepared(servers, folder, options.partitions, sessions={"gap": f"{GAP_S}s"}) as made:
        await write(servers, made.topic, options.lines, options.partitions)
        async with made.daemon() as daemon:
            most = await drain(daemon, options.lines)
            rate = options.load * most
            print(f"{most:,.0f} lines/s at most; now {rate:,.0f} lines/s for {options.seconds} s", file=sys.stderr)
            open_keys = max(2, int(2 * GAP_S * rate / LINES_A_SESSION))
            traffic = TrafficSettings(GAP_S * 1_000_000, open_keys=open_keys)
            started, latencies = time.time(), list[tuple[float, float]]()
            listening = asyncio.create_task(listen(servers, made.topics["verdicts"], started + SETTLING_S, latencies))
            rows = LogTraffic(traffic, int(started * 1e6), seed=8).lines(1 << 40)
            cpu = daemon.cpu_seconds()
            written = await feed(servers, made.topic, options.partitions, rows, started + options.seconds)
            cpu = daemon.cpu_seconds() - cpu
            await asyncio.sleep(SETTLING_S)
            if listening.done():
                listening.result()
            listening.cancel()
    return {
        "lines/s at most": round(most),
        "lines/s": round(written / options.seconds),
        "sessions": len(latencies),
        "CPU-seconds of the daemon": round(cpu, 1),
        **percentiles([late for _, late in latencies]),
    }
