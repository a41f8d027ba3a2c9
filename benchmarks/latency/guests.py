"""How much later verdicts are committed while guests ask the daemon's engine (`serve.with_run`) for all it has left.

Every session has words of its own, so each waits for a vector. The engine is a stub server that embeds one request at
a time, at `--pace` tokens a second, as an accelerator beside this machine would. Guests ask `/v1/embeddings` again and
again for half of the time, in rounds that take turns, so that both kinds see the same machine. A verdict belongs to the
round in which its session closed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from benchmarks.engine import sessions
from benchmarks.latency.verdicts import GAP_S, SETTLING_S, feed, listen
from benchmarks.million import Daemon
from benchmarks.running import LINES_A_SESSION, configured, percentiles, stem
from daemon.bench.traffic import LogTraffic, TrafficSettings
from tests.support.embedding_server import EmbeddingServer

DIMENSIONS = 384
REQUEST_S = 0.002
"""What the engine needs for a request besides its tokens."""
CHARS_A_TOKEN = 4
GUESTS, TEXTS = 4, 64
ROUND_S, BETWEEN_S = 10.0, 2.0
"""Length of a round; verdicts on what closes in its first `BETWEEN_S` are left out."""


class PacedServer(EmbeddingServer):
    """Embeds one request at a time, at `pace` tokens a second."""

    def __init__(self, pace: float) -> None:
        super().__init__()
        self._pace = pace
        self._turn = asyncio.Lock()

    async def _embeddings(self, request: web.Request) -> web.Response:
        characters = sum(map(len, (await request.json())["input"]))
        async with self._turn:
            await asyncio.sleep(REQUEST_S + characters / CHARS_A_TOKEN / self._pace)
        return await super()._embeddings(request)


async def ask(url: str, seed: int, served: list[int]) -> None:
    """Ask for the vectors of texts again and again, until cancelled; note how many came."""
    chance = random.Random(seed)
    async with aiohttp.ClientSession() as client:
        while True:
            texts = sessions(TEXTS, chance.randrange(1 << 30))
            async with client.post(url, json={"model": "stub", "input": texts}) as answer:
                await answer.read()
                served.append(len(texts) if answer.status == 200 else 0)


async def take_turns(url: str, until: float, served: list[int]) -> None:
    """Let guests ask in every second round until a wall clock time."""
    while time.time() < until:
        await asyncio.sleep(ROUND_S)
        asking = [asyncio.create_task(ask(url, seed, served)) for seed in range(GUESTS)]
        await asyncio.sleep(ROUND_S)
        for task in asking:
            task.cancel()
        for result in await asyncio.gather(*asking, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


def by_round(latencies: Sequence[tuple[float, float]], began: float) -> tuple[list[float], list[float]]:
    """Return the latencies of the rounds without guests, and with them. Each comes with when its session closed."""
    kinds: tuple[list[float], list[float]] = ([], [])
    for closed, late in latencies:
        number, into = divmod(closed - began, ROUND_S)
        if number >= 0 and into >= BETWEEN_S:
            kinds[int(number) % 2].append(late)
    return kinds


async def address(daemon: Daemon) -> str:
    """Return where the daemon's `/v1/embeddings` is, once it listens."""
    while True:
        for line in daemon.log.read_bytes().splitlines():
            if b"embeddings_listen" in line:
                return f"http://127.0.0.1:{orjson.loads(line)['port']}/v1/embeddings"
        await asyncio.sleep(0.2)


async def measure(options: argparse.Namespace, servers: str, folder: Path) -> dict[str, Any]:
    """Return how soon verdicts come without guests and with them, and what guests get."""
    engine = PacedServer(options.pace)
    await engine.start()
    sections = {
        "sessions": {"gap": f"{GAP_S}s"},
        "engine": {"type": "openai", "model": "stub", "url": engine.url, "dimensions": DIMENSIONS},
        "serve": {"with_run": True, "port": 0},
    }
    latencies, served = list[tuple[float, float]](), list[int]()
    made = await configured(servers, folder, engine.url, stem(), options.partitions, **sections)
    async with made.daemon() as daemon:
        url = await address(daemon)
        open_keys = max(2, int(2 * GAP_S * options.rate / LINES_A_SESSION))
        traffic = TrafficSettings(GAP_S * 1_000_000, open_keys=open_keys, fresh=True)
        started = time.time()
        rows = LogTraffic(traffic, int(started * 1e6), seed=8).lines(1 << 40)
        began = started + SETTLING_S
        until = began + options.seconds
        listening = asyncio.create_task(listen(servers, made.topics["verdicts"], began - GAP_S, latencies))
        feeding = asyncio.create_task(feed(servers, made.topic, options.partitions, rows, until))
        await asyncio.sleep(SETTLING_S)
        await take_turns(url, until, served)
        await feeding
        await asyncio.sleep(SETTLING_S)
        if listening.done():
            listening.result()
        listening.cancel()
    await engine.stop()
    alone, beside = (percentiles(kind) | {"sessions": len(kind)} for kind in by_round(latencies, began))
    return {
        "without guests": alone,
        "with guests": beside,
        "guests' texts/s": round(2 * sum(served) / options.seconds, 1),
        "p99 with guests to p99 without": round(beside["p99 s"] / alone["p99 s"], 3),
    }
