"""A program's log with stack traces in it, shipped by the shippers that people use, through a real Kafka."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.audit import places_of
from tests.support.brokers import Topics
from tests.support.daemons import Daemon
from tests.support.shippers import SHIPPERS, Shipping, shipping_with

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
PROGRAM = """
import logging, sys, time

logging.Formatter.converter = time.gmtime
form = "%(asctime)s %(levelname)s %(name)s [%(request)s] %(message)s"
logging.basicConfig(filename=sys.argv[1], level=logging.INFO, format=form)


def charge(card):
    if card % 5 == 4:
        try:
            {}["limit"]
        except KeyError as error:
            raise ValueError(f"card {card} is refused") from error


for number in range(15):
    log = logging.LoggerAdapter(logging.getLogger("pay"), {"request": f"r-{number}"})
    log.info("request accepted")
    try:
        charge(number)
        log.info("charged %d cents", 100 + number)
    except ValueError:
        log.exception("charge failed")
    log.info("request done in %d ms", 3 + number)
"""
EXTRACT = r"(?s)^(?P<time>\S+ \S+) (?P<level>[A-Z]+) (?P<scope>\w+) \[(?P<key>[^\]]+)\] (?P<message>.*)"
EVENT = re.compile(r"(?P<day>\d{4}-\S+) (?P<time>\S+) [A-Z]+ pay \[(?P<key>[^\]]+)\] ")


def events_of(log: Path) -> dict[str, list[str]]:
    """Return the times of the events in a log by their request, as the messages print them."""
    times = defaultdict(list)
    for line in log.read_text().splitlines():
        if event := EVENT.match(line):
            times[event["key"]].append(f"{event['day']}T{event['time'].replace(',', '.')}Z")
    return dict(times)


@pytest.mark.parametrize("name", SHIPPERS)
async def test_what_a_program_logs_arrives_as_its_events(name: str, topics: Topics, tmp_path: Path) -> None:
    """Each event of the log is one line with its time, service and request, traces are whole, nothing is lost."""
    shipper, log = SHIPPERS[name], tmp_path / "app.log"
    shipper.path()
    subprocess.run([sys.executable, "-c", PROGRAM, str(log)], check=True)  # noqa: ASYNC221  # half a second
    expected = events_of(log)
    settings: dict[str, Any] = {
        "engine": {"type": "lite"},
        "input": {"topics": ["later"], "extract": [EXTRACT], **shipper.reading},
    }
    daemon = await Daemon.make(topics, tmp_path, settings=settings)
    daemon.config.write_text(daemon.config.read_text().replace("later", daemon.logs))
    try:
        async with shipping_with(shipper, Shipping(log, daemon.servers, daemon.logs, tmp_path)):
            await daemon.start()
            verdicts: list[dict[str, Any]] = []
            async with asyncio.timeout(90):
                while sum(verdict["lines"] for verdict in verdicts) < sum(map(len, expected.values())):
                    records = await daemon.published("verdicts", len(expected), 20)
                    verdicts = [orjson.loads(record.value) for record in records]
            alerts = [orjson.loads(record.value) for record in await daemon.published("alerts", 1, 20)]
            rejected = await daemon.published("dead_letters", 1, 0)
    finally:
        daemon.close()

    places = [place for verdict in verdicts for place in places_of(verdict)]
    assert [] == rejected
    assert len(places) == len(set(places)) == sum(1 for line in log.read_text().splitlines() if line.strip())
    assert {(key, len(times), min(times), max(times)) for key, times in expected.items()} == {
        (verdict["key"], verdict["lines"], verdict["start"], verdict["end"]) for verdict in verdicts
    }
    assert {"pay"} == {verdict["scope"] for verdict in verdicts}
    trace = next(line["text"] for line in alerts[0]["session"] if "Traceback" in line["text"])
    assert trace.startswith("ERROR charge failed\nTraceback (most recent call last):\n  File ")
    assert "\nKeyError: 'limit'\n" in trace
    assert re.search(r"\nValueError: card \d+ is refused$", trace)
