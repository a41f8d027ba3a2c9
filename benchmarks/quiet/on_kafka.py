"""Protocol Q through a real daemon and a real Kafka: the lines of a stream, spread over input partitions by their keys.

The daemon keeps up: the next lines are written when it has read those before, so that no partition is far ahead of
another. Event times are moved so that the stream ends now, as Kafka deletes records by their age; what is returned is
in the stream's own times.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson
from aiokafka import AIOKafkaProducer

from benchmarks.quiet.recordings import Row, seconds
from benchmarks.quiet.scores import Score
from benchmarks.quiet.streams import as_json
from daemon.core.incidents import TOLD
from tests.support.brokers import Topics
from tests.support.daemons import Daemon

QUIET_STEP = 60.0
"""Seconds of the quiet part that are written before the daemon has read all that was."""
STEP = 20.0
"""The same from the first fault on."""
POLL = 0.1
"""Seconds between two looks at what the daemon has read."""
SETTLED = 3.0
"""Seconds in which nothing is caught up with, when all is read."""
IDLE = "5s"
"""`sessions.idle_flush`: longer than a busy machine waits for a step, so that no session is cut there."""

Lines = Sequence[tuple[float, Row]]
"""Seconds since the epoch, and the line."""


async def incidents_told(
    topics: Topics, folder: Path, partitions: int, lines: Lines, warm_up: int, faults_from: float
) -> list[dict[str, Any]]:
    """Return the incidents of the messages that count against the budget, from a daemon that read the lines."""
    settings = {
        "engine": {"type": "lite"},
        "input": {"fields": {"version": "version"}},
        "sessions": {"idle_flush": IDLE},
        "detector": {"warm_up": warm_up},
        "alerts": {"budget": "20/day"},
    }
    moved = round(time.time() - lines[-1][0] - 60)
    daemon = await Daemon.make(topics, folder, partitions, settings)
    try:
        await daemon.start()
        await _write(daemon, partitions, lines, moved, faults_from)
        code = await daemon.end()
        if code:
            raise RuntimeError(f"the daemon ended with {code}")
        alerts = [orjson.loads(record.value) for record in await daemon.published("alerts", 1)]
    finally:
        daemon.close()
    return [_moved(alert["incident"], -moved) for alert in alerts if alert["incident"]["event"] in TOLD]


def score_of(
    incidents: Sequence[Mapping[str, Any]], shown: Mapping[tuple[str, int], str], faults_from: float
) -> tuple[Score, set[str]]:
    """Return what was told, and the faults that it shows. `shown` names the fault of a scope and a time in ms."""
    score, faults = Score(), set[str]()
    for incident in incidents:
        places = [(cause["scope"], round(cause["time"] * 1000)) for cause in incident["causes"]]
        mine = {shown[place] for place in places if place in shown}
        faults |= mine
        text = f"{incident['event']} {incident['causes'][0]['text'][:100]!r}"
        if incident["since"] < faults_from:
            score.quiet.append(text)
        else:
            score.faulty.append(text)
            score.false += not mine
    return score, faults


async def _write(daemon: Daemon, partitions: int, lines: Lines, moved: float, faults_from: float) -> None:
    """Write the lines as the daemon reads them, in few large batches: a small one costs the daemon as much."""
    async with AIOKafkaProducer(bootstrap_servers=daemon.servers, linger_ms=100, max_batch_size=1 << 20) as producer:
        sent, until = 0, lines[0][0] + _step(lines[0][0], faults_from)
        for at, row in lines:
            if at >= until:
                await producer.flush()
                await _read(daemon, sent, unsettled=sent)
                until = at + _step(at, faults_from)
            key = row.key.encode()
            where = {"partition": crc32(key) % partitions, "timestamp_ms": round(1000 * (at + moved))}
            await producer.send(daemon.logs, as_json(at + moved, row), key, **where)
            sent += 1
    await _read(daemon, sent, unsettled=0)
    await _settled(daemon)


def _step(at: float, faults_from: float) -> float:
    """Return for how many seconds from a time on lines are written at once."""
    return STEP if at + QUIET_STEP > faults_from else QUIET_STEP


async def _read(daemon: Daemon, lines: int, unsettled: int) -> None:
    """Wait until the daemon has read so many lines, and at most so many wait for their sessions to close."""
    while True:
        page = await _metrics(daemon)
        if _added_up(page, "lines_total") >= lines and _added_up(page, "unsettled_lines") <= unsettled:
            return
        await asyncio.sleep(POLL)


async def _settled(daemon: Daemon) -> None:
    """Wait until the incidents lane has read what was observed of the last lines: nothing more is caught up with."""
    before = math.nan
    while (behind := _added_up(await _metrics(daemon), "consumer_lag_records")) != before:
        before = behind
        await asyncio.sleep(SETTLED)


async def _metrics(daemon: Daemon) -> str:
    return (await asyncio.to_thread(daemon.get, "/metrics"))[1]


def _added_up(page: str, metric: str) -> int:
    """Return the sum over a metric's series."""
    return round(sum(map(float, re.findall(rf"^strayline_{metric}\{{[^}}]*\}} (\S+)$", page, re.MULTILINE))))


def _moved(incident: dict[str, Any], by: float) -> dict[str, Any]:
    """Return an incident with its times as seconds since the epoch, moved."""
    causes = [{**cause, "time": seconds(cause["time"]) + by} for cause in incident["causes"]]
    return {**incident, "since": seconds(incident["since"]) + by, "causes": causes}
