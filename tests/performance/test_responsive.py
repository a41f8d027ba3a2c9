"""The event loop and the probes while the daemon works at full load, timed by the process's own CPU clock.

That clock stands still while other processes have the machine, and runs at least as fast as the wall while this one
works; so a bound on it is a bound on what the daemon itself makes others wait. The garbage collector is tuned as
`strayline run` tunes it: else one pass over all that the tests have imported takes as long as the bound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from time import process_time

import aiohttp
import orjson
import pytest

from daemon.adapters.web import HttpServer, Probes
from daemon.runtime import seldom_collected
from tests.support.fake_broker import FakeCluster
from tests.support.ports import free_port
from tests.support.replica import TOPICS, Replica, replica, until

LINES = 6_000
TICK = 0.005


@pytest.fixture(autouse=True)
def collected_as_in_the_daemon() -> Iterator[None]:
    """The garbage collector as `strayline run` has it."""
    with seldom_collected():
        yield


def feed(cluster: FakeCluster) -> None:
    for number in range(LINES):
        line = {
            "time": 1_700_000_000 + number / 10,
            "scope": "s",
            "key": f"k{number // 100}-{number % 5}",
            "message": f"worker {number} {('started', 'read a file', 'wrote a file', 'ended')[number % 4]}",
        }
        cluster.append("logs", orjson.dumps(line), partition=number % 3)


def read(member: Replica) -> float:
    return sum(
        sample.value
        for family in member.metrics.lines.collect()
        for sample in family.samples
        if sample.name[-5:] == "total"
    )


async def worst_lag(busy: asyncio.Task[None]) -> float:
    """Return how late the latest turn of a timer was, until `busy` is done."""
    worst = 0.0
    while not busy.done():
        began = process_time()
        await asyncio.sleep(TICK)
        worst = max(worst, process_time() - began - TICK)
    return worst


async def test_the_event_loop_is_never_held_up() -> None:
    """No turn of the event loop is late by 50 ms while lines are read, judged and committed."""
    cluster = FakeCluster(TOPICS)
    async with replica(cluster) as member:
        feed(cluster)
        busy = asyncio.create_task(until(lambda: read(member) >= LINES))
        lag = await worst_lag(busy)
        await busy

    assert lag < 0.05


async def test_health_is_answered_at_once_under_load() -> None:
    """`/healthz` answers within 100 ms while the daemon works at full load."""
    cluster = FakeCluster(TOPICS)
    async with replica(cluster) as member:
        http = HttpServer(free_port(), member.metrics.registry, Probes(member.engine.check, list, reload))
        await http.start()
        feed(cluster)
        waits, statuses = [], set()
        async with aiohttp.ClientSession() as client:
            while read(member) < LINES:
                began = process_time()
                async with client.get(f"http://127.0.0.1:{http.port}/healthz") as answer:
                    statuses.add(answer.status)
                waits.append(process_time() - began)
        await http.close()

    assert {200} == statuses
    assert max(waits) < 0.1


async def reload() -> None:
    """Not asked for here."""
