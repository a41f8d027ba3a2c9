"""A real `strayline run` for tests: its configuration, its process, and what it publishes."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BufferedWriter
from pathlib import Path
from typing import Any

import orjson
import yaml
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from tests.support.brokers import Topics, unique

STRAYLINE = [sys.executable, "-m", "daemon.cli"]
ROLES = ("alerts", "verdicts", "dead_letters", "checkpoints", "baseline", "observations", "feedback")
LARGE = {"max.message.bytes": str(16 << 20)}


@dataclass
class Daemon:
    """One configuration of the daemon with topics of its own; it may be started and ended many times."""

    folder: Path
    servers: str
    logs: str
    topics: dict[str, str]
    config: Path
    process: subprocess.Popen[bytes] | None = None
    port: int = 0
    starts: int = field(default=0)

    @classmethod
    async def make(
        cls,
        topics: Topics,
        folder: Path,
        partitions: int = 1,
        settings: Mapping[str, Any] | None = None,
        *,
        repartition: bool = False,
    ) -> Daemon:
        """Make topics and write the configuration.

        `settings` are sections that replace the test's own; those of `input` are added.
        """
        logs = await topics.make("logs", partitions, LARGE)
        named = {role: await topics.make(role.replace("_", "-"), partitions, LARGE) for role in ROLES}
        if repartition:
            policy = LARGE | {"message.timestamp.type": "LogAppendTime"}
            named["repartition"] = await topics.make("repartition", partitions, policy)
        given = dict(settings or {})
        config: dict[str, Any] = {
            "kafka": {
                "bootstrap_servers": [topics.bootstrap_servers],
                "group_id": unique("group"),
                "commit_interval": "100ms",
                "checkpoint_interval": "1s",
            },
            "input": {"topics": [logs], "repartition": repartition, **given.pop("input", {})},
            "sessions": {"idle_flush": "1s"},
            "engine": {"model": "all-MiniLM-L6-v2"},
            "detector": {"warm_up": 0},
            "alerts": {"budget": 1},
            "topics": named,
            "http": {"port": 0},
            **given,
        }
        path = folder / "config.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return cls(folder, topics.bootstrap_servers, logs, named, path)

    async def start(self, seconds: float = 240.0) -> None:
        """Start it and wait until it is ready."""
        self.starts += 1
        log = self.folder / f"daemon-{self.starts}.log"
        with log.open("wb") as stderr:
            self.process = self._spawn(stderr)
        deadline = time.monotonic() + seconds
        while True:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"not ready ({self.process.poll()}):\n{log.read_text()[-3000:]}")
            self.port = next((e["port"] for e in self.events() if e["event"] == "http_listens"), 0)
            if self.port and self.get("/readyz")[0] == 200:
                return
            await asyncio.sleep(0.2)

    def _spawn(self, stderr: BufferedWriter) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*STRAYLINE, "run", "--config", str(self.config)], stderr=stderr)

    def events(self) -> list[dict[str, Any]]:
        """Return the log of the present run."""
        log = self.folder / f"daemon-{self.starts}.log"
        return [orjson.loads(line) for line in log.read_bytes().splitlines() if line.startswith(b"{")]

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of one of its pages; 0 while there is no answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str, labels: str = "") -> float:
        """Return the value of one series, 0 when there is none."""
        start = f"strayline_{name}{labels} "
        return next(
            (float(line.split()[-1]) for line in self.get("/metrics")[1].splitlines() if line.startswith(start)), 0
        )

    async def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 90.0) -> int:
        """Send a signal and return the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return await asyncio.to_thread(self.process.wait, seconds)

    def close(self) -> None:
        """Kill the process if it still runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    async def published(self, role: str, enough: int, seconds: float = 120.0) -> list[ConsumerRecord]:
        """Return what is committed in a topic, once there are `enough` records."""
        consumer = AIOKafkaConsumer(
            self.topics[role],
            bootstrap_servers=self.servers,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            fetch_max_bytes=64 << 20,
        )
        await consumer.start()
        records: list[ConsumerRecord] = []
        deadline = time.monotonic() + seconds
        try:
            while len(records) < enough and time.monotonic() < deadline:
                for batch in (await consumer.getmany(timeout_ms=300)).values():
                    records += batch
            while more := await consumer.getmany(timeout_ms=500):
                records += [record for batch in more.values() for record in batch]
        finally:
            await consumer.stop()
        return records
