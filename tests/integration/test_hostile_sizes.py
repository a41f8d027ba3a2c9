"""A daemon on a real Kafka reads batches that unpack to very much: it stays small, and judges what lies between."""

from __future__ import annotations

import time
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from demo.broker import Cluster
from tests.support.brokers import topics_on
from tests.support.daemons import Daemon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LARGE = 100_000_000
LINES, RECORDS = 100_000, 4
"""Records of many lines, in one batch: each is read in a step of its own."""
LINES_A_SESSION = 10_000
PROCESS = 300
"""MB that a process with this engine may take before it reads anything hostile."""
HOSTILE = [
    bytes(130_000_000),
    b"x" * LARGE,
    b'{"scope": "shop", "key": "long", "message": "' + b"y" * LARGE + b'"}',
    b'{"message": "x"}\n' * 500_000,
]


def line(key: str) -> bytes:
    return orjson.dumps({"time": time.time(), "scope": "shop", "key": key, "message": "GET /cart"})


async def send(daemon: Daemon, *values: bytes) -> None:
    """Send values as a compressed batch of their own."""
    async with AIOKafkaProducer(
        bootstrap_servers=daemon.servers, compression_type="zstd", max_request_size=1 << 28, max_batch_size=1 << 28
    ) as producer:
        batch = producer.create_batch()
        for value in values:
            batch.append(key=None, value=value, timestamp=None)
        await (await producer.send_batch(batch, daemon.logs, partition=0))


def peak(daemon: Daemon) -> float:
    """Return the most memory that the daemon has had, in MB."""
    assert daemon.process is not None
    status = Path(f"/proc/{daemon.process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000


async def test_a_daemon_outlives_what_unpacks_to_very_much(kafka: Cluster, tmp_path: Path) -> None:
    """Bombs become dead letters that hold nothing of them, or lines that are cut; the lines between are judged once."""
    async with topics_on(kafka.bootstrap_servers) as topics:
        daemon = await Daemon.make(topics, tmp_path, settings={"engine": {"type": "lite"}})
        try:
            await daemon.start()
            for number, value in enumerate(HOSTILE):
                await send(daemon, line(f"before {number}"))
                await send(daemon, value)
            await send(daemon, *[b'{"scope": "many", "message": "x"}\n' * LINES] * RECORDS)
            await send(daemon, line("last"))
            sessions = LINES * RECORDS // LINES_A_SESSION
            verdicts = [orjson.loads(record.value) for record in await daemon.published("verdicts", 6 + sessions)]
            letters = await daemon.published("dead_letters", 3)
            most = peak(daemon)
        finally:
            daemon.close()

    keys = ["before 0", "before 1", "before 2", "before 3", "last", "long"]
    assert keys == sorted(verdict["key"] for verdict in verdicts if verdict["scope"] == "shop")
    many = [verdict["lines"] for verdict in verdicts if verdict["scope"] == "many"]
    assert [LINES_A_SESSION] * sessions == many
    assert [
        b"batch_too_large: offset 1: a compressed batch unpacks to more than 128,000,000 bytes",
        b"not_json: the value is not JSON at character 0; its value of 100,000,000 bytes is left out",
        b"too_many_lines: the value holds more than 200,000 lines",
    ] == [dict(letter.headers)["__connect.errors.exception.message"] for letter in letters]
    assert HOSTILE[-1] == letters[-1].value
    assert most < PROCESS + 16 * LARGE / 1e6
