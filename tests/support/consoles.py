"""A console in this process, on topics made of lists: what is sent is what a daemon publishes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
import orjson

from daemon.console import Console, ConsoleSettings, ConsoleTopics
from daemon.core.types import Batch, TopicPartition, Update
from daemon.errors import ConfigError, UnavailableError

ALERTS, FEEDBACK, BASELINE, OBSERVATIONS = "alerts", "feedback", "baseline", "observations"
PATTERN = "3788422ae703b069"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egnp.exe\x1b[31m\x00${{7*7}}{{7*7}}"


def alert(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Return an alert message as the daemon publishes it: its own session, of incident 1."""
    second = f"{number // 60 % 60:02}:{number % 60:02}"
    return {
        "id": f"{PATTERN}-{number:016x}",
        "scope": "payments",
        "key": f"host{number}",
        "start": f"2026-11-22T10:{second}.000Z",
        "end": f"2026-11-22T10:{second}.500Z",
        "pattern": PATTERN,
        "score": 7.5,
        "p_value": 0.0004,
        "status": "firing",
        "severity": "warning",
        "summary": '"ERROR deadlock detected" never seen before in 41,203 sessions',
        "session": [
            {
                "text": "ERROR deadlock detected while waiting for ShareLock on 4711",
                "count": 3,
                "expected": 0,
                "why": "new",
                "contribution": 0.8,
                "share": 0.0,
                "novelty": 0.4,
                "nearest_normal": "INFO waiting for ShareLock on <NUM>",
            },
            {
                "text": "BEGIN",
                "count": 1,
                "expected": 1,
                "why": "usual",
                "contribution": 0.0,
                "nearest_normal": "BEGIN",
            },
        ],
        "contrast": {
            "pattern": "ab" * 8,
            "missing_here": [{"text": "COMMIT", "count": 0, "expected": 12, "share": 0.998, "contribution": 0.2}],
        },
        "incident": {"id": "incident-1", "event": "opened", "since": "2026-11-22T10:00:00.000Z", "alerts": number + 1},
    } | changes


def resolved(number: int = 0) -> dict[str, Any]:
    """Return the message that incident 1 is over."""
    whole = alert(number)
    kept = {name: whole[name] for name in ("scope", "start", "end", "severity", "summary", "incident")}
    return kept | {"id": "incident-1-0000000000000001", "status": "resolved", "fingerprint": PATTERN, "reason": "quiet"}


class FakeTopics:
    """The console's topics, one partition each. `broken` makes the brokers unreachable, `refused` the login refused,
    and those in `denied` cannot be read.
    """

    def __init__(self) -> None:
        self.records: dict[str, list[bytes]] = {ALERTS: [], FEEDBACK: [], OBSERVATIONS: []}
        self.learned: list[Update] = []
        self.broken = self.refused = False
        self.denied: set[str] = set()
        self._news = asyncio.Event()

    def send(self, topic: str, *messages: object) -> None:
        """Append messages; what is not bytes becomes JSON."""
        self.records[topic] += [
            message if isinstance(message, bytes) else orjson.dumps(message) for message in messages
        ]
        self._news.set()

    async def publish(self, key: bytes, value: bytes) -> None:
        """Append feedback, as the console publishes it."""
        self._check()
        self.send(FEEDBACK, value)

    def _check(self) -> None:
        if self.broken:
            raise UnavailableError("no Kafka at localhost:9")
        if self.refused:
            raise ConfigError(["localhost:9 refuses the user or the password of kafka.security"])

    def learn(self, *updates: Update) -> None:
        """Append records of the baseline."""
        self.learned += updates
        self._news.set()

    async def follow(
        self, topics: Sequence[str], positions: Mapping[TopicPartition, int]
    ) -> AsyncGenerator[tuple[Sequence[Batch], int], None]:
        """Yield what comes from these positions on, as `follow_batches` does."""
        read = {topic: positions.get(TopicPartition(topic, 0), 0) for topic in topics}
        while True:
            self._check()
            if self.denied & set(topics):
                raise UnavailableError("no Kafka at localhost:9")
            batches = []
            for topic in topics:
                first = read[topic]
                if topic == BASELINE:
                    values: list[bytes | None] = [update.value for update in self.learned[first:]]
                else:
                    values = [*self.records[topic][first:]]
                if values:
                    keys = [update.key for update in self.learned[first:]] if topic == BASELINE else None
                    batches.append(batch(topic, values, first=first, keys=keys))
                    read[topic] += len(values)
            yield batches, 0
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), 0.2)
            except TimeoutError:
                continue

    def topics(self) -> ConsoleTopics:
        follow = partial(self.follow, (ALERTS, FEEDBACK))
        follow_baseline = partial(self.follow, (BASELINE,))
        observations = partial(self.follow, (OBSERVATIONS,))
        return ConsoleTopics(FEEDBACK, BASELINE, "localhost:9092", follow, follow_baseline, observations, self.publish)


def batch(
    topic: str, values: Sequence[bytes | None], *, first: int = 0, keys: Sequence[bytes | None] | None = None
) -> Batch:
    """Return records of partition 0 of a topic."""
    offsets = range(first, first + len(values))
    return Batch(
        TopicPartition(topic, 0), offsets, [1_000 * (at + 1) for at in offsets], keys or [None] * len(values), values
    )


@asynccontextmanager
async def console(topics: FakeTopics | None, settings: ConsoleSettings | None = None) -> AsyncIterator[Console]:
    """Run a console on a free port."""
    app = Console(settings or ConsoleSettings(visitor="ada"), topics.topics() if topics is not None else None)
    await app.start()
    try:
        yield app
    finally:
        await app.close()


async def text_of(client: aiohttp.ClientSession, url: str, **options: object) -> str:
    async with client.get(url, **options) as answer:  # type: ignore[arg-type]
        assert answer.status == 200, await answer.text()
        return await answer.text()


async def until_shown(client: aiohttp.ClientSession, url: str, what: str, **options: object) -> str:
    """Return the page once it is there and shows `what`."""
    deadline = asyncio.get_running_loop().time() + 60
    while True:
        async with client.get(url, **options) as answer:  # type: ignore[arg-type]
            assert answer.status in (200, 404), await answer.text()
            text = await answer.text()
            if answer.status == 200 and what in text:
                return text
        assert asyncio.get_running_loop().time() < deadline, text
        await asyncio.sleep(0.05)


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return found[1]
