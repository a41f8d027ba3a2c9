"""Sends made-up logs of three services to Kafka: `python generator.py BOOTSTRAP_SERVERS [LINES_A_SECOND]`.

To try an installation out (deploy/compose.yaml, deploy/rehearse.py). Three sessions in a hundred hold a failure
that was not seen before, and now and then a record is not JSON, so that every part of the boards has something to show.
It needs aiokafka alone, so it runs with the image's Python.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable

from aiokafka import AIOKafkaProducer

SCOPES = ("shop", "payments", "ledger")
_THINGS = ("disk", "lock", "socket", "quota", "replica", "index")


async def send(servers: str, stopped: Callable[[], bool], lines_a_second: float = 150.0) -> int:
    """Send until `stopped()` is true; returns the number of lines."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, linger_ms=20)
    await producer.start()
    chance = random.Random()  # noqa: S311 - made-up logs
    began, sent = time.monotonic(), 0
    try:
        while not stopped():
            for scope in SCOPES:
                key = f"{scope}-{chance.randrange(10**6)}"
                for line in _session(chance):
                    document = {"time": time.time(), "scope": scope, "key": key, "message": line}
                    await producer.send("logs", json.dumps(document).encode(), key=key.encode())
                    sent += 1
            if chance.random() < 0.05:
                await producer.send("logs", b"{broken")
            if chance.random() < 0.02:
                feedback = {"scope": "shop", "pattern": "0" * 16, "verdict": "normal", "by": "generator"}
                await producer.send("strayline.feedback", json.dumps(feedback).encode(), key=b"shop")
            await asyncio.sleep(max(0.01, sent / lines_a_second - (time.monotonic() - began)))
    finally:
        await producer.stop()
    return sent


def _session(chance: random.Random) -> list[str]:
    number = chance.randrange(10**5)
    lines = [f"INFO request {number} accepted from 10.0.0.{number % 250}"]
    lines += [f"INFO query took {chance.randrange(90)} ms"] * chance.randrange(1, 4)
    lines += ["INFO cache hit"] * chance.randrange(2)
    if chance.random() < 0.03:
        things = " ".join(chance.choice(_THINGS) for _ in range(4))
        lines.append(f"ERROR {things} failed: timeout after {number} ms")
    return [*lines, f"INFO request {number} done"]


if __name__ == "__main__":
    rate = float(sys.argv[2]) if len(sys.argv) > 2 else 150.0
    asyncio.run(send(sys.argv[1], lambda: False, rate))
