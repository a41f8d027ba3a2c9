"""Stack traces over records of a real Kafka, with a crash in the middle of each."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from tests.support.audit import Place, places_of
from tests.support.brokers import Topics
from tests.support.daemons import Daemon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
TRACE = (
    "ERROR charge failed",
    "java.net.ConnectException: refused",
    "\tat com.acme.Pay.charge(Pay.java:41)",
    "Caused by: java.io.IOException: reset",
    "\t... 12 more",
)
PODS = 3
BEGIN = int(time.time() * 1_000)
"""Now: the broker deletes what is older than a week whenever it looks."""
SETTINGS: dict[str, Any] = {"engine": {"type": "lite"}, "sessions": {"idle_flush": "100s"}}


async def send(daemon: Daemon, lines: list[tuple[str, str]], second: int) -> set[Place]:
    """Send (pod, line) pairs, with a time some seconds after the beginning; return their places."""
    producer = AIOKafkaProducer(bootstrap_servers=daemon.servers)
    await producer.start()
    try:
        futures = [
            await producer.send(daemon.logs, text.encode(), pod.encode(), timestamp_ms=BEGIN + second * 1_000)
            for pod, text in lines
        ]
        return {(daemon.logs, 0, (await future).offset, 0) for future in futures}
    finally:
        await producer.stop()


async def test_a_trace_survives_a_crash_in_its_middle(topics: Topics, tmp_path: Path) -> None:
    """Killed while traces are half read, a daemon joins them whole: each line once, and each trace is one line."""
    settings = {**SETTINGS, "input": {"topics": ["later"], "format": "raw", "multiline": "java"}}
    daemon = await Daemon.make(topics, tmp_path, settings=settings)
    daemon.config.write_text(daemon.config.read_text().replace("later", daemon.logs))
    # Every pod has written a part of its trace; the last line of each is still to come.
    half = [(f"pod-{pod}", line) for line in TRACE[:3] for pod in range(PODS)]
    rest = [(f"pod-{pod}", line) for line in (*TRACE[3:], "INFO charge accepted") for pod in range(PODS)]
    try:
        await daemon.start()
        expected = await send(daemon, half, 0)
        async with asyncio.timeout(60):
            while True:
                if daemon.metric("unsettled_lines") == len(half):
                    break
                await asyncio.sleep(0.05)
        assert await daemon.published("checkpoints", 1, 30)
        await daemon.end(signal.SIGKILL)
        expected |= await send(daemon, rest, 1)
        for minute in (1, 2):  # what is held does not move the clock: the second line hands on the first
            await send(daemon, [("another", "INFO a minute later")], minute * 60)
        await daemon.start()
        verdicts: list[dict[str, Any]] = []
        async with asyncio.timeout(120):
            while sum(1 for verdict in verdicts for _ in places_of(verdict)) < len(expected):
                verdicts = [orjson.loads(record.value) for record in await daemon.published("verdicts", PODS)]
    finally:
        daemon.close()

    places = [place for verdict in verdicts for place in places_of(verdict)]
    assert sorted(expected) == sorted(places)
    assert [2] * PODS == [verdict["lines"] for verdict in verdicts]
