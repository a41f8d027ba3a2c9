"""The demo's recording through a real daemon that keeps up: told alike over one input partition and over twelve."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from benchmarks.quiet.faults import faults_by_line
from benchmarks.quiet.streams import as_json, quiet_span, recording, seconds
from daemon.core.incidents import TOLD
from tests.support.brokers import Topics
from tests.support.daemons import Daemon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
SETTINGS = {"engine": {"type": "lite"}, "detector": {"warm_up": 300}, "alerts": {"budget": "20/day"}}
STEP = 20.0
"""Seconds of the recording that are written before the daemon has read all that was."""


async def added_up(daemon: Daemon, metric: str) -> int:
    """Return the sum over a metric's series."""
    text = (await asyncio.to_thread(daemon.get, "/metrics"))[1]
    return round(sum(map(float, re.findall(rf"^strayline_{metric}\{{[^}}]*\}} (\S+)$", text, re.MULTILINE))))


async def read(daemon: Daemon, lines: int, unsettled: int) -> None:
    """Wait until the daemon has read so many lines, and at most so many wait for their sessions to close."""
    while True:
        if await added_up(daemon, "lines_total") >= lines and await added_up(daemon, "unsettled_lines") <= unsettled:
            return
        await asyncio.sleep(0.3)


async def write(daemon: Daemon, partitions: int, begin: float) -> None:
    """Write the recording as if it began at `begin`; the daemon keeps up."""
    rows = recording()
    async with AIOKafkaProducer(bootstrap_servers=daemon.servers, linger_ms=5) as producer:
        sent, until = 0, STEP
        for row in rows:
            if row.at >= until:
                await producer.flush()
                await read(daemon, sent, unsettled=sent)
                until = row.at + STEP
            at, key = begin + row.at, row.key.encode()
            where = {"partition": crc32(key) % partitions, "timestamp_ms": round(1000 * at)}
            await producer.send(daemon.logs, as_json(at, row), key, **where)
            sent += 1
    await read(daemon, sent, unsettled=0)


async def told(topics: Topics, folder: Path, partitions: int) -> tuple[float, list[dict[str, Any]]]:
    """Return when the recording began, and the told incidents of a daemon that read it from so many partitions."""
    begin = round(time.time() - recording()[-1].at - 60)
    daemon = await Daemon.make(topics, folder, partitions, SETTINGS)
    try:
        await daemon.start()
        await write(daemon, partitions, begin)
        alerts = [orjson.loads(record.value) for record in await daemon.published("alerts", 1)]
        assert 0 == await daemon.end()
    finally:
        daemon.close()
    return begin, [alert["incident"] for alert in alerts if alert["incident"]["event"] in TOLD]


def faults(begin: float, incidents: list[dict[str, Any]]) -> set[str]:
    """Return the faults that the causes of incidents show."""
    rows, shown = recording(), faults_by_line(recording())
    at = {(rows[n].scope, round(rows[n].at * 1000)): fault for n, fault in shown.items()}
    places = [(c["scope"], round((seconds(c["time"]) - begin) * 1000)) for i in incidents for c in i["causes"]]
    return {at[place] for place in places if place in at}


async def test_one_partition_and_twelve_are_told_alike(topics: Topics, tmp_path: Path) -> None:
    """The same faults, as many messages, and nothing in the quiet part."""
    began, one = await told(topics, tmp_path, 1)
    begun, twelve = await told(topics, tmp_path, 12)

    for begin, incidents in ((began, one), (begun, twelve)):
        assert [] == [i for i in incidents if seconds(i["since"]) < begin + quiet_span()]
    assert abs(len(one) - len(twelve)) <= 1
    assert faults(began, one) == faults(begun, twelve)
    assert 15 == len(faults(began, one))
