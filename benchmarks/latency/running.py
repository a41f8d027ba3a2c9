"""A daemon for a benchmark, with a stub engine and topics of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
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


@dataclass(frozen=True, slots=True)
class Prepared:
    """A configuration whose topics exist: the input topic, and the others by role."""

    path: Path
    topic: str
    topics: dict[str, str]

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[Daemon]:
        """Run the daemon; end it afterwards."""
        daemon = Daemon(self.path, self.path.with_suffix(".log"))
        try:
            yield daemon
            daemon.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(daemon.process.wait, 120)
        finally:
            daemon.process.kill()
            daemon.process.wait()


@asynccontextmanager
async def prepared(servers: str, folder: Path, partitions: int, **sections: Any) -> AsyncIterator[Prepared]:
    """Start a stub engine, write a configuration with these `sections`, and make its topics."""
    stem = f"latency-{os.getpid()}-{time.monotonic_ns()}"
    stub = EmbeddingServer()
    await stub.start()
    try:
        tree = {**configuration(servers, stem, stub.url), **sections}
        path = folder / "config.yaml"
        path.write_text(yaml.safe_dump(tree), encoding="utf-8")
        config = Config.model_validate(tree)
        topic, named = config.input.topics[0], config.topics_in_use()
        await create_topics(KafkaSettings([servers], stem), [topic], named, window=6e5, input_partitions=partitions)
        yield Prepared(path, topic, dict(named))
    finally:
        await stub.stop()


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return the figures of latencies; end the benchmark when there are none."""
    if not seconds:
        raise SystemExit("nothing came in time: the machine is too busy, or --seconds is too short")
    shown = {f"p{q} s": round(float(np.percentile(seconds, q)), 3) for q in (50, 90, 99)}
    return {**shown, "greatest s": round(max(seconds), 3)}
