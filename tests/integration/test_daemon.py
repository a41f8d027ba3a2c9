"""The daemon as a user runs it: a real Kafka, a real engine, one process, and every kind of bad input."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from aiokafka import AIOKafkaProducer

from tests.support.audit import Place, audit, places_of
from tests.support.brokers import Topics
from tests.support.daemons import STRAYLINE, Daemon

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]
SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"
BEGIN = 1_780_000_000


@pytest.fixture
async def daemon(topics: Topics, tmp_path: Path) -> AsyncIterator[Daemon]:
    running = await Daemon.make(topics, tmp_path)
    try:
        yield running
    finally:
        running.close()


async def send(daemon: Daemon, values: list[tuple[bytes | None, bytes | None]]) -> list[int]:
    """Send (key, value) pairs to the log topic; return their offsets."""
    producer = AIOKafkaProducer(bootstrap_servers=daemon.servers, max_request_size=32 << 20)
    await producer.start()
    try:
        futures = [await producer.send(daemon.logs, value, key=key) for key, value in values]
        return [(await future).offset for future in futures]
    finally:
        await producer.stop()


def line(second: float, key: str, message: str, **more: Any) -> bytes:
    return orjson.dumps({"time": BEGIN + second, "scope": "shop", "key": key, "message": message, **more})


def session(start: float, key: str, *messages: str) -> list[tuple[bytes | None, bytes | None]]:
    return [(key.encode(), line(start + i, key, message)) for i, message in enumerate(messages)]


BAD: dict[str, bytes | None] = {
    "not_utf8": b'{"message": "caf\xe9 \xff"}',
    "not_json": b'{"message": "no end',
    "not_an_object": b'"just a string"',
    "missing_field": b'{"time": 1780000000, "key": "k"}',
    "empty": b"",
}


ODD: list[tuple[bytes | None, bytes | None]] = [
    (None, line(70, "null-key", "a record without a key")),
    (b"f", line(10**9, "future", "a time far in the future")),
    (b"u", b'{"time": "half past nine", "key": "unreadable", "message": "a time that cannot be read"}'),
    (b"p", orjson.dumps({"time": 1, "key": "past", "message": "a time far in the past"})),
    (b"s", line(71, "special", "[SEP] and <|endoftext|> and [CLS] are text")),
    (b"l", line(72, "long", "word " * 2_000_000)),
    *(
        (b"m", line(73, "many", f"step {'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10 % 10]} of it"))
        for n in range(12_000)
    ),
]


async def test_a_day_in_the_life(daemon: Daemon) -> None:
    """Good lines, every kind of bad one, a crash, feedback, a drain: nothing lost, nothing twice, all told."""
    await daemon.start()
    expected = set()
    good = [pair for n in range(30) for pair in session(n * 2, f"r{n}", f"GET /cart/{n}", f"200 OK in {n} ms")]
    for offset in await send(daemon, [*good, *((b"bad", value) for value in BAD.values()), *ODD]):
        expected.add((daemon.logs, 0, offset, 0))
    await check_dead_letters(daemon)
    assert 1 <= daemon.metric("time_clamped_total")
    assert 200 == daemon.get("/healthz")[0]

    await daemon.end(signal.SIGKILL)
    more = [pair for n in range(50) for pair in session(n * 2 + 100, f"s{n}", f"GET /cart/{n}", f"200 OK in {n} ms")]
    for offset in await send(daemon, more):
        expected.add((daemon.logs, 0, offset, 0))
    await daemon.start()
    await asyncio.wait_for(settled(daemon, expected), 240)
    pattern = check_outcome(
        expected,
        [record.value for record in await daemon.published("verdicts", 1)],
        [record.value for record in await daemon.published("alerts", 1)],
        [dict(record.headers) for record in await daemon.published("dead_letters", len(BAD))],
        [record.value for record in await daemon.published("observations", 1)],
    )
    await check_feedback(daemon, pattern)
    assert 0 == await daemon.end()
    assert "drained" in [event["event"] for event in daemon.events()]


async def check_dead_letters(daemon: Daemon) -> None:
    """Every bad record becomes an unchanged dead letter, with its reason, and is counted."""
    records = await daemon.published("dead_letters", len(BAD))
    reasons = {dict(r.headers)["__connect.errors.exception.message"].split(b":")[0].decode(): r for r in records}
    assert {reason: value or None for reason, value in BAD.items()} == {
        reason: record.value or None for reason, record in reasons.items()
    }
    for reason in BAD:
        assert 1 == daemon.metric("dead_letters_total", f'{{reason="{reason}"}}')


async def settled(daemon: Daemon, expected: set[Place]) -> None:
    """Return once everything that was sent has come out."""
    seen = 0
    while seen + len(BAD) < len(expected):
        verdicts = await daemon.published("verdicts", 1)
        seen = len({place for verdict in verdicts for place in places_of(orjson.loads(verdict.value))})


def check_outcome(
    expected: set[Place],
    verdicts: list[bytes],
    alerts: list[bytes],
    dead: list[dict[str, bytes]],
    observations: list[bytes],
) -> str:
    """Hold what was published to the audit, the schemas and the limits; return the pattern of a good session."""
    found = audit(expected, verdicts, alerts, dead, observations)
    assert found.clean, str(found)
    for name, values in (("verdict", verdicts), ("alert", alerts)):
        schema = orjson.loads((SCHEMAS / f"{name}.json").read_bytes())
        for value in values:
            jsonschema.validate(orjson.loads(value), schema)
    by_key: dict[str, list[dict[str, Any]]] = {}
    for document in map(orjson.loads, verdicts):
        by_key.setdefault(document["key"], []).append(document)
    assert {"lines", "tokens"} & {v["closed_by"] for v in by_key["many"]}
    assert all(v["tokens"] <= 32_000 and v["lines"] <= 10_000 for v in by_key["many"])
    assert {"null-key", "future", "past", "unreadable", "special", "long"} <= by_key.keys()
    return str(by_key["r1"][0]["pattern"])


async def check_feedback(daemon: Daemon, pattern: str) -> None:
    """A word of feedback is taken in."""
    word = {"scope": "shop", "pattern": pattern, "verdict": "anomalous", "by": "a test"}
    producer = AIOKafkaProducer(bootstrap_servers=daemon.servers)
    await producer.start()
    await producer.send_and_wait(daemon.topics["feedback"], orjson.dumps(word))
    await producer.stop()
    async with asyncio.timeout(60):
        while daemon.metric("feedback_total", '{verdict="anomalous"}') < 1:  # noqa: ASYNC110  # seen from outside
            await asyncio.sleep(0.2)


async def test_a_missing_topic_is_told_with_its_remedy(daemon: Daemon) -> None:
    """The process ends at once, with the code for a service that is away, and says what to do."""
    text = daemon.config.read_text().replace(daemon.topics["baseline"], "nowhere")
    daemon.config.write_text(text)
    done = await asyncio.to_thread(
        subprocess.run,
        [*STRAYLINE, "run", "--config", str(daemon.config)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert 69 == done.returncode
    assert "topic nowhere does not exist, or we may not see it; make it with `strayline topics create`" in done.stderr
