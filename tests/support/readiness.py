"""Whether a running daemon does its work, and what it says when it does not."""

from __future__ import annotations

import asyncio
import time

import orjson
from aiokafka import AIOKafkaProducer

from tests.support.daemons import Daemon


async def judge_something(daemon: Daemon, partition: int | None = None) -> None:
    """Send a line and wait until its session is judged."""
    before = sum_of(daemon)
    await send_line(daemon, partition)
    async with asyncio.timeout(120):
        while sum_of(daemon) <= before:  # noqa: ASYNC110  # polls another process
            await asyncio.sleep(0.2)


async def send_line(daemon: Daemon, partition: int | None = None, message: str = "GET /cart") -> None:
    """Send a line that is a session of its own."""
    producer = AIOKafkaProducer(bootstrap_servers=daemon.servers)
    await producer.start()
    line = {"time": time.time(), "scope": "shop", "key": f"k{time.time()}", "message": message}
    await producer.send_and_wait(daemon.logs, orjson.dumps(line), partition=partition)
    await producer.stop()


def sum_of(daemon: Daemon) -> float:
    """Return how many sessions have been judged."""
    lines = daemon.get("/metrics")[1].splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("strayline_sessions_judged_total{"))


async def readiness(daemon: Daemon, status: int, seconds: float) -> tuple[float, str]:
    """Wait for a status of /readyz; return after how many seconds it came, and its body."""
    began = time.monotonic()
    while True:
        got, body = await asyncio.to_thread(daemon.get, "/readyz")
        passed = time.monotonic() - began
        if got == status:
            return passed, body
        assert passed < seconds, f"/readyz is {got} after {passed:.0f} s: {body}"
        await asyncio.sleep(0.5)


async def stalled(daemon: Daemon, cause: str, why: str) -> float:
    """Wait until the daemon reports a stall in /readyz, its metrics and its log; return the seconds it took."""
    after, body = await readiness(daemon, 503, 60.0)
    assert f'"{cause} ' in body or f'"{cause}' in body, body
    assert why in body, body
    assert 1.0 == daemon.metric("stalled", f'{{cause="{cause}"}}')
    logged = [event for event in daemon.events() if event["event"] == "stalled"][-1]
    assert (cause, True) == (logged["cause"], why in logged["why"]), logged
    return after


async def goes_on(daemon: Daemon, cause: str) -> None:
    """Wait until the daemon is ready again, says so, and judges what comes."""
    await readiness(daemon, 200, 120.0)
    assert 0.0 == daemon.metric("stalled", f'{{cause="{cause}"}}')
    await judge_something(daemon)
