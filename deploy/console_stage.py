"""A console to take pictures of: a real Kafka with what a backtest found, and `strayline console` following it.

The folder of a backtest's `--out` holds what the daemon would have published. Its alerts and observations go into
their topics, its baseline by `strayline baseline import`. So the pages are those of a daemon that has just read the
logs, and whatever is said on them goes through the feedback topic.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import yaml
from aiokafka import AIOKafkaProducer

from daemon.adapters.web import hash_password
from daemon.cli.baseline_file import load
from daemon.console.replay.recording import read_recording
from daemon.core.detection import write_export
from demo.broker import Cluster

STRAYLINE = [sys.executable, "-m", "daemon.cli"]
NAME, PASSWORD = "ada", "a password for pictures"
MODEL = "all-MiniLM-L6-v2"
"""What the backtest embeds with; documents are embedded by the lite engine, which needs no start."""
TOPICS = {"alerts": "strayline.alerts", "observations": "strayline.observations"}
LINK = {"name": "Kafka UI", "url": "https://kafka-ui.example/{topic}/{partition}/{offset}"}


@asynccontextmanager
async def stage(folder: Path, work: Path) -> AsyncIterator[str]:
    """Run Kafka and a console, where `NAME` is an admin; yield the console's address. `work` is an empty folder.

    Raises UnavailableError where no Kafka can be had, and CalledProcessError where a verb fails.
    """
    with Cluster() as cluster:
        judging = _configure(work / "run.yaml", cluster.bootstrap_servers, {"model": MODEL})
        config = _configure(work / "console.yaml", cluster.bootstrap_servers, {"type": "lite"})
        await _strayline("topics", "create", "--config", str(judging), "--input-partitions", "1")
        await _strayline(
            "baseline", "import", "--config", str(judging), "--times", "keep", str(_patterns(folder, work))
        )
        await _publish(folder, cluster.bootstrap_servers)
        process = await asyncio.create_subprocess_exec(
            *STRAYLINE, "console", "--config", str(config), "--port", "0", stdout=subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            yield (await process.stdout.readline()).decode().removeprefix("console on ").strip()
        finally:
            process.terminate()
            await process.wait()


def _patterns(folder: Path, work: Path) -> Path:
    """Write the baseline without what the incidents stage learned: a replay of known causes would tell nothing."""
    path = work / "baseline.jsonl"
    path.write_bytes(b"\n".join(write_export(load(folder).baseline)))
    return path


def _configure(path: Path, servers: str, engine: Mapping[str, str]) -> Path:
    """Write a configuration and its users file; budgets are those of demo/config.yaml."""
    users, bases = path.with_name("users.yaml"), path.with_name("bases")
    users.write_text(yaml.safe_dump({"users": {NAME: {"role": "admin", "password": hash_password(PASSWORD)}}}))
    config = {
        "kafka": {"bootstrap_servers": [servers]},
        "engine": dict(engine),
        "detector": {"warm_up": 300},
        "topics": TOPICS,
        "console": {"users": str(users), "documents": str(bases), "links": [LINK]},
    }
    path.write_text(yaml.safe_dump(config))
    return path


async def _strayline(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(*STRAYLINE, *arguments, stdout=subprocess.DEVNULL, env=os.environ)
    if code := await process.wait():
        raise subprocess.CalledProcessError(code, ["strayline", *arguments])


async def _publish(folder: Path, servers: str) -> None:
    """Publish the alerts and the observations as the daemon would have."""
    async with AIOKafkaProducer(bootstrap_servers=servers, max_request_size=16 << 20) as producer:
        for line in (folder / "alerts.jsonl").read_bytes().splitlines():
            await producer.send(TOPICS["alerts"], line, partition=0)
        for key, value in read_recording(folder).records():
            await producer.send(TOPICS["observations"], value, key=key, partition=0)
        await producer.flush()
