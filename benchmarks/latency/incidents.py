"""From a grave line that nobody has seen to its told incident, as a reader of committed records sees it.

Four services have a day of history. Then lines come at a steady rate, and every `EVERY` seconds of event time one
service has a failure in new words. Event time runs `PACE` times as fast as the clock, because failures less than ten
seconds apart are one incident. What is measured is the clock's: from the moment when the line is given to the producer
to the moment when the message that opens its incident is read.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson
from aiokafka import AIOKafkaProducer

from benchmarks.latency.arrivals import arrivals
from benchmarks.million import Daemon
from benchmarks.running import percentiles, prepared
from benchmarks.words import new_words

SERVICES = ("checkout", "search", "mail", "stock")
PACE, EVERY = 20.0, 12.0
HISTORY_S, HISTORY_SESSIONS = 86_400.0, 2_000
WARM_UP = 100
TICK_S, SETTLING_S = 0.05, 10.0
USUAL = ("request {n} begins", "read {n} rows", "wrote {n} bytes", "request {n} is done")

Line = tuple[float, str, str, str]
"""Event time in seconds, service, key, message."""


def session(at: float, number: int) -> list[Line]:
    """Return the lines of a usual session of one of the services."""
    service = SERVICES[number % len(SERVICES)]
    return [
        (at + 0.5 * place, service, f"{service}-{number}", f"INFO {service}: {text.format(n=number)}")
        for place, text in enumerate(USUAL)
    ]


def live(begin: float, rate: float) -> Iterator[Line]:
    """Yield sessions at `rate` lines a second of the clock, and a failure every EVERY seconds of event time."""
    each, number, failures = len(USUAL) * PACE / rate, 0, 0
    while True:
        at = begin + number * each
        if at >= begin + EVERY * (failures + 1):
            failures += 1
            service = SERVICES[failures % len(SERVICES)]
            yield at, service, f"{service}-failing-{failures}", f"ERROR {new_words(failures)}"
        yield from session(at, HISTORY_SESSIONS + number)
        number += 1


async def _send(producer: AIOKafkaProducer, topic: str, partitions: int, line: Line) -> None:
    at, service, key, message = line
    value = orjson.dumps({"time": round(at * 1000), "scope": service, "key": key, "message": message})
    where = {"partition": crc32(key.encode()) % partitions, "timestamp_ms": round(at * 1000)}
    await producer.send(topic, value, key.encode(), **where)


async def _listen(servers: str, topic: str, arrived: dict[str, float]) -> None:
    """Note when the message that opens an incident arrives, by the text of its first cause."""
    async with aclosing(arrivals(servers, topic)) as messages:
        async for now, alert in messages:
            incident = alert["incident"]
            if incident["event"] == "opened":
                arrived.setdefault(incident["causes"][0]["text"], now)


async def _feed(
    producer: AIOKafkaProducer, topic: str, options: argparse.Namespace, begin: float, sent: dict[str, float]
) -> None:
    """Write lines when their event times come, at PACE times the clock; note when each failure is sent."""
    started, lines = time.time(), live(begin, options.rate)
    line = next(lines)
    while (elapsed := time.time() - started) < options.seconds:
        while line[0] <= begin + elapsed * PACE:
            if line[3].startswith("ERROR"):
                sent[line[3]] = time.time()
            await _send(producer, topic, options.partitions, line)
            line = next(lines)
        await asyncio.sleep(TICK_S)
    await producer.flush()


async def measure(options: argparse.Namespace, servers: str, folder: Path) -> dict[str, Any]:
    """Return how many incidents were told of so many failures, and how soon."""
    sections = {"detector": {"warm_up": WARM_UP}, "alerts": {"budget": "1000/day"}}
    sent, arrived = dict[str, float](), dict[str, float]()
    begin = time.time() - options.seconds * PACE - 60
    async with (
        prepared(servers, folder, options.partitions, **sections) as made,
        made.daemon() as daemon,
        AIOKafkaProducer(bootstrap_servers=servers, linger_ms=5) as producer,
    ):
        for number in range(HISTORY_SESSIONS):
            for line in session(begin - HISTORY_S * (1 - number / HISTORY_SESSIONS), number):
                await _send(producer, made.topic, options.partitions, line)
        await producer.flush()
        await _judged(daemon, round(0.9 * HISTORY_SESSIONS))
        listening = asyncio.create_task(_listen(servers, made.topics["alerts"], arrived))
        await _feed(producer, made.topic, options, begin, sent)
        await asyncio.sleep(SETTLING_S)
        if listening.done():
            listening.result()
        listening.cancel()
    return figures(sent, arrived)


async def _judged(daemon: Daemon, sessions: int) -> None:
    while True:
        if await asyncio.to_thread(daemon.metric, "sessions_judged_total") >= sessions:
            return
        await asyncio.sleep(0.2)


def figures(sent: Mapping[str, float], arrived: Mapping[str, float]) -> dict[str, Any]:
    """Return the figures of the failures whose incidents were told."""
    seconds = [arrived[text] - at for text, at in sent.items() if text in arrived]
    return {
        "failures": len(sent),
        "told": len(seconds),
        **percentiles(seconds),
    }
