"""Daemons for a benchmark, with a stub engine and topics of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.million import Daemon, configuration
from daemon.adapters.kafka import KafkaSettings, create_topics
from daemon.config.schema import Config
from tests.support.embedding_server import EmbeddingServer

LINES_A_SESSION = 20
"""As `daemon.bench.traffic` makes them."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A configuration whose topics exist: the input topic, and the others by role."""

    path: Path
    topic: str
    topics: dict[str, str]

    @asynccontextmanager
    async def replicas(self, count: int) -> AsyncIterator[list[Daemon]]:
        """Run `count` daemons of one group; end them afterwards."""
        daemons = [Daemon(self.path, self.path.with_suffix(f".{number}.log")) for number in range(count)]
        try:
            yield daemons
            for daemon in daemons:
                daemon.process.send_signal(signal.SIGTERM)
            for daemon in daemons:
                await asyncio.to_thread(daemon.process.wait, 120)
        finally:
            for daemon in daemons:
                daemon.process.kill()
                daemon.process.wait()

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[Daemon]:
        """Run the daemon; end it afterwards."""
        async with self.replicas(1) as daemons:
            yield daemons[0]


@asynccontextmanager
async def stub_engine() -> AsyncIterator[str]:
    """Run a server of embeddings; yield its address."""
    stub = EmbeddingServer()
    await stub.start()
    try:
        yield stub.url
    finally:
        await stub.stop()


async def configured(
    servers: str, folder: Path, url: str, stem: str, partitions: int | None = None, **sections: Any
) -> Prepared:
    """Write a configuration with these `sections` for the group `stem`, and make its topics.

    `partitions` are those of the input topic, None where it is there already.
    """
    tree = configuration(servers, stem, url)
    path = folder / f"{stem}.yaml"
    path.write_text(yaml.safe_dump(tree | sections), encoding="utf-8")
    config = Config.model_validate(tree | sections)
    topics = config.topics_in_use()
    await create_topics(
        KafkaSettings([servers], stem), config.input.topics, topics, window=6e5, input_partitions=partitions
    )
    return Prepared(path, config.input.topics[0], dict(topics))


@asynccontextmanager
async def prepared(servers: str, folder: Path, partitions: int, **sections: Any) -> AsyncIterator[Prepared]:
    """Start a stub engine, write a configuration with these `sections`, and make its topics."""
    async with stub_engine() as url:
        yield await configured(servers, folder, url, stem(), partitions, **sections)


def stem() -> str:
    """Return a name that no other run has, for a group and its topics."""
    return f"benchmark-{os.getpid()}-{time.monotonic_ns()}"


async def by_turns(
    kinds: Iterable[int], rounds: int, run: Callable[[int], Awaitable[tuple[float, float]]], what: str
) -> dict[int, list[tuple[float, float]]]:
    """Run each kind `rounds` times, in an order that turns round; return the results of each kind.

    A result is lines a second, and CPU seconds a million lines. `what` is said of a kind on standard error.
    """
    runs: dict[int, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        for kind in sorted(runs, reverse=bool(number % 2)):
            rate, cpu = await run(kind)
            runs[kind].append((rate, cpu))
            print(f"{kind} {what}: {rate:,.0f} lines/s, {cpu:.1f} CPU-s a million lines", file=sys.stderr)
    return runs


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return the figures of latencies; end the benchmark when there are none."""
    if not seconds:
        raise SystemExit("nothing came in time: the machine is too busy, or --seconds is too short")
    shown = {f"p{q} s": round(float(np.percentile(seconds, q)), 3) for q in (50, 90, 99)}
    return {**shown, "greatest s": round(max(seconds), 3)}
