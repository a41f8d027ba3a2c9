"""Ten million log records from a real OpenTelemetry collector through `strayline run`: nothing lost, nothing twice.

    make .cache/bin/collector && python -m benchmarks.collector [--lines 10000000] [--encoding otlp_proto] [--out FILE]

Starts a Kafka, writes a log file, lets the collector's `file_log` receiver read it and its `kafkaexporter` ship it, and
runs the daemon beside it (`engine: lite`). Every line names its session. The lines that the published verdicts have for
each session are counted: fewer than were written are lost, more are twice, whoever lost or repeated them.

`file_log` waits while the exporter's queue is full (`retry_on_failure`, `block_on_overflow`); by default it drops.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from aiokafka import AIOKafkaConsumer
from numpy.typing import NDArray

from benchmarks.million import TICKS, Daemon, kafka, tell
from benchmarks.running import configured, stem
from tests.support.shippers import CACHE, write_collector

COLLECTOR = CACHE / "bin" / "collector"
LINES_OF_SESSION = 100
AT_ONCE = 50
"""Sessions whose lines take turns."""
QUIET_S = 180.0
"""Without a new line for so long, no more is expected."""
EXTRACT = r"^(?P<level>[A-Z]+) \[s(?P<key>\d+)\] (?P<message>.*)"
EVENTS = (
    "INFO [s{}] request from 192.0.2.7 accepted",
    "INFO [s{}] cart has 3 items of 5990 cents",
    "INFO [s{}] stock of item 4711 is 12",
    "WARN [s{}] the gateway answered after 812 ms",
    "INFO [s{}] payment 6f9619ff-8b86-d011-b42d-00c04fc964ff authorised",
)


def sessions_of(lines: int) -> Iterator[Sequence[int]]:
    """Yield the sessions of each line in turn, `AT_ONCE` sessions beside each other."""
    for first in range(0, lines // LINES_OF_SESSION, AT_ONCE):
        yield range(first, min(first + AT_ONCE, lines // LINES_OF_SESSION))


def write_log(path: Path, lines: int) -> None:
    with path.open("w") as file:
        for beside in sessions_of(lines):
            for number in range(LINES_OF_SESSION):
                event = EVENTS[number % len(EVENTS)] + "\n"
                file.write("".join([event.format(session) for session in beside]))


@contextlib.asynccontextmanager
async def shipping(folder: Path, log: Path, topic: str, servers: str, encoding: str) -> AsyncIterator[int]:
    """Run the collector; yield its process id."""
    receiver = {"include": [str(log)], "start_at": "beginning", "retry_on_failure": {"enabled": True}}
    queue = {
        "queue_size": 50_000,
        "sizer": "items",
        "block_on_overflow": True,
        "batch": {"min_size": 1_000, "max_size": 2_000, "flush_timeout": "200ms"},
    }
    exporter = {
        "brokers": [servers],
        "logs": {"topic": topic, "encoding": encoding},
        "producer": {"compression": "lz4", "required_acks": -1},
        "retry_on_failure": {"max_elapsed_time": "0s"},
        "sending_queue": queue,
    }
    config = folder / "collector.yaml"
    write_collector(config, {"file_log": receiver}, {"kafka": exporter}, {"logs": ("file_log", "kafka")})
    with (folder / "collector.log").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            COLLECTOR, f"--config=file:{config}", stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def until_all(daemon: Daemon, expected: int) -> dict[str, float]:
    """Return lines, memory and CPU time of the daemon when all lines are settled, or none has come for a while."""
    last, since = -1.0, time.monotonic()
    while True:
        await asyncio.sleep(2)
        lines = await asyncio.to_thread(daemon.metric, "lines_total")
        waiting = await asyncio.to_thread(daemon.metric, "unsettled_lines")
        sample = {"lines": lines, "mb": round(daemon.resident_mb(), 1), "cpu_s": round(daemon.cpu_seconds(), 2)}
        print(json.dumps(sample), file=sys.stderr, flush=True)
        if lines != last:
            last, since = lines, time.monotonic()
        quiet = time.monotonic() - since
        if quiet > QUIET_S or (lines >= expected and not waiting and quiet > 10):
            return sample


async def lines_of_sessions(servers: str, topic: str, sessions: int) -> NDArray[np.int64]:
    """Return how many lines the verdicts have of each session."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=servers, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    counts = np.zeros(sessions, np.int64)
    await consumer.start()
    try:
        while fetched := await consumer.getmany(timeout_ms=5000):
            for record in (record for records in fetched.values() for record in records):
                verdict = orjson.loads(record.value)
                counts[int(verdict["key"])] += verdict["lines"]
    finally:
        await consumer.stop()
    return counts


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def run(options: argparse.Namespace, servers: str, folder: Path) -> dict[str, Any]:
    name, log = stem(), folder / "app.log"
    reading = {"topics": [f"{name}.logs"], "format": "otlp", "extract": [EXTRACT]}
    prepared = await configured(servers, folder, "", name, options.partitions, engine={"type": "lite"}, input=reading)
    await asyncio.to_thread(write_log, log, options.lines)
    began = time.monotonic()
    shipper = shipping(folder, log, prepared.topic, servers, options.encoding)
    async with prepared.daemon() as daemon, shipper as collector:
        last = await until_all(daemon, options.lines)
        shipped = cpu_seconds(collector)
    counts = await lines_of_sessions(servers, prepared.topics["verdicts"], options.lines // LINES_OF_SESSION)
    return {
        "lines": options.lines,
        "sessions": len(counts),
        "lost": int(np.maximum(LINES_OF_SESSION - counts, 0).sum()),
        "twice": int(np.maximum(counts - LINES_OF_SESSION, 0).sum()),
        "minutes": round((time.monotonic() - began) / 60, 1),
        "daemon_cpu_s": last["cpu_s"],
        "daemon_mb": last["mb"],
        "collector_cpu_s": round(shipped, 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=10_000_000, help=f"a multiple of {LINES_OF_SESSION}")
    parser.add_argument("--encoding", choices=("otlp_proto", "otlp_json"), default="otlp_proto")
    parser.add_argument("--partitions", type=int, default=2)
    parser.add_argument("--servers", help="a Kafka that runs already")
    parser.add_argument("--out", type=Path, help="also write the figures as JSON")
    options = parser.parse_args()
    options.lines -= options.lines % LINES_OF_SESSION
    if not COLLECTOR.exists():
        print("no collector here: make .cache/bin/collector builds it", file=sys.stderr)
        return 69
    with kafka(options.servers) as servers, tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(run(options, servers, Path(folder)))
    return tell(result, options.out)


if __name__ == "__main__":
    sys.exit(main())
