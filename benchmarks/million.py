"""A million JSON lines through `strayline run`, its engine a stub server: nothing lost, nothing twice, memory flat.

    python -m benchmarks.million [--lines 1000000] [--partitions 2] [--servers HOST:PORT] [--out FILE]

Starts a Kafka (unless `--servers` names one) and a server of /v1/embeddings, writes the lines, runs the daemon over
them and audits what it published: every position that was written must be in exactly one verdict. Memory and CPU are
the daemon process's own, read from /proc as it goes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from daemon.adapters.kafka import KafkaSettings, create_topics
from daemon.bench.traffic import DAY_US, LogTraffic, TrafficSettings
from daemon.config.schema import Config
from demo.broker import Cluster
from tests.support.embedding_server import EmbeddingServer

STRAYLINE = [sys.executable, "-m", "daemon.cli", "run", "--config"]
TICKS = os.sysconf("SC_CLK_TCK")
QUIET_S = 900.0
LONGEST_WRITE_MS = 600_000


@contextlib.contextmanager
def kafka(servers: str | None) -> Iterator[str]:
    if servers:
        yield servers
        return
    with Cluster() as cluster:
        yield cluster.bootstrap_servers


def configuration(servers: str, stem: str, url: str) -> dict[str, Any]:
    roles = ("alerts", "verdicts", "dead_letters", "checkpoints", "baseline", "feedback", "observations", "repartition")
    return {
        "kafka": {"bootstrap_servers": [servers], "group_id": stem},
        "input": {"topics": [f"{stem}.logs"]},
        "engine": {"type": "openai", "model": "stub", "url": url, "dimensions": 32},
        "topics": {role: f"{stem}.{role}" for role in roles},
        "http": {"port": 0},
        "logging": {"format": "json"},
    }


async def write(servers: str, topic: str, count: int, partitions: int) -> None:
    """Keys decide the partition, as a shipper's do; one transaction, so that the whole backlog is there at once."""
    producer = AIOKafkaProducer(
        bootstrap_servers=servers,
        compression_type="zstd",
        max_batch_size=256 * 1024,
        transactional_id=f"{topic}-writer",
        transaction_timeout_ms=LONGEST_WRITE_MS,
    )
    async with producer, producer.transaction():
        batches = [producer.create_batch() for _ in range(partitions)]
        for micros, key, value in LogTraffic(TrafficSettings(30_000_000), time.time_ns() // 1000 - DAY_US).lines(count):
            at = zlib.crc32(key) % partitions
            if batches[at].append(key=key, value=value, timestamp=micros // 1000) is None:
                await (await producer.send_batch(batches[at], topic, partition=at))
                batches[at] = producer.create_batch()
                batches[at].append(key=key, value=value, timestamp=micros // 1000)
        for at, batch in enumerate(batches):
            await (await producer.send_batch(batch, topic, partition=at))


class Daemon:
    def __init__(self, config: Path, log: Path) -> None:
        self.log = log
        with log.open("wb") as stderr:
            self.process = subprocess.Popen([*STRAYLINE, str(config)], stderr=stderr)

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        match = re.search(r"VmRSS:\s+(\d+)", status)
        return int(match[1]) / 1024 if match else 0.0

    def metric(self, name: str) -> float:
        """The sum over a metric's series; 0 while there is no answer."""
        ports = re.findall(rb'"port": ?(\d+)', self.log.read_bytes())
        if self.process.poll() is not None:
            raise RuntimeError(self.log.read_text()[-3000:])
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{int(ports[0])}/metrics", timeout=30) as page:
                text = page.read().decode()
        except (OSError, IndexError):
            return 0.0
        return sum(float(line.split()[-1]) for line in text.splitlines() if re.match(rf"strayline_{name}[ {{]", line))

    async def watch(self, count: int) -> AsyncIterator[dict[str, float]]:
        """Yield its lines, memory and CPU time every 2 s, until all lines are settled."""
        last, since = -1.0, time.monotonic()
        while True:
            await asyncio.sleep(2)
            lines = await asyncio.to_thread(self.metric, "lines_total")
            open_lines = await asyncio.to_thread(self.metric, "unsettled_lines")
            yield {"lines": lines, "mb": round(self.resident_mb(), 1), "cpu_s": round(self.cpu_seconds(), 2)}
            if lines >= count and not open_lines and time.monotonic() - since > 12:
                return
            if lines != last:
                last, since = lines, time.monotonic()
            elif time.monotonic() - since > QUIET_S:
                raise RuntimeError(f"stuck at {lines:.0f} lines:\n{self.log.read_text()[-3000:]}")


async def audit(servers: str, topic: str, partitions: int, count: int) -> dict[str, int]:
    """Count lines that are in no verdict, and in more than one."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=servers, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    seen = [np.zeros(count, np.int32) for _ in range(partitions)]
    verdicts = anomalous = 0
    try:
        while fetched := await consumer.getmany(timeout_ms=5000):
            for record in (record for records in fetched.values() for record in records):
                document = orjson.loads(record.value)
                verdicts += 1
                anomalous += bool(document["anomalous"])
                for span in document["source"]["positions"]:
                    first, _, last = span.partition("-")
                    seen[document["source"]["partition"]][int(first) : int(last or first) + 1] += 1
    finally:
        await consumer.stop()
    held = sum(int(np.count_nonzero(row)) for row in seen)
    twice = sum(int(np.count_nonzero(row > 1)) for row in seen)
    return {"verdicts": verdicts, "anomalous": anomalous, "lost": count - held, "twice": twice}


async def run(options: argparse.Namespace, servers: str, folder: Path) -> dict[str, Any]:
    stem = f"million-{os.getpid()}"
    stub = EmbeddingServer()
    await stub.start()
    tree = configuration(servers, stem, stub.url)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    config = Config.model_validate(tree)
    settings = KafkaSettings([servers], stem)
    named = config.topics_in_use()
    await create_topics(settings, config.input.topics, named, window=6e5, input_partitions=options.partitions)
    print(f"writing {options.lines:,} lines", file=sys.stderr)
    await write(servers, config.input.topics[0], options.lines, options.partitions)
    daemon = Daemon(path, folder / "daemon.log")
    samples = []
    try:
        async for sample in daemon.watch(options.lines):
            samples.append(sample)
            print(json.dumps(sample), file=sys.stderr, flush=True)
        daemon.process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(daemon.process.wait, 120)
    finally:
        daemon.process.kill()
        daemon.process.wait()
        await stub.stop()
    audited = await audit(servers, named["verdicts"], options.partitions, options.lines)
    return {"lines": options.lines, "exit": code, **audited, **usage(samples, options.lines)}


def usage(samples: list[dict[str, float]], count: int) -> dict[str, float]:
    """Memory at a tenth, half and all of the lines; CPU seconds a million lines after the first tenth."""
    working = [sample for sample in samples if sample["lines"]]
    at = {share: next((s for s in working if s["lines"] >= share * count), working[-1]) for share in (0.1, 0.5, 1.0)}
    rest = at[1.0]["lines"] - at[0.1]["lines"]
    return {
        "mb_at_a_tenth": at[0.1]["mb"],
        "mb_at_half": at[0.5]["mb"],
        "mb_at_the_end": working[-1]["mb"],
        "mb_at_most": max(sample["mb"] for sample in samples),
        "cpu_s_per_million": round(1e6 * (at[1.0]["cpu_s"] - at[0.1]["cpu_s"]) / rest, 2) if rest else 0.0,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--partitions", type=int, default=2)
    parser.add_argument("--servers", help="a Kafka that runs already")
    parser.add_argument("--out", type=Path, help="also write the figures as JSON")
    options = parser.parse_args()
    with kafka(options.servers) as servers, tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(run(options, servers, Path(folder)))
    return tell(result, options.out)


def tell(result: dict[str, Any], out: Path | None) -> int:
    """Print the figures, also to a file; return the exit code, 1 when a line was lost or came twice."""
    text = json.dumps(result, indent=1)
    print(text)
    if out is not None:
        out.write_text(text + "\n")
    return 0 if not result["lost"] and not result["twice"] else 1


if __name__ == "__main__":
    sys.exit(main())
