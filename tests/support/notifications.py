"""Messages about incidents as `strayline notify` reads them, for its tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson

from daemon.core.types import Batch, TopicPartition
from daemon.errors import ConfigError, UnavailableError
from daemon.notify.announcements import Announcement, Notification, Stage, read_announcement
from daemon.notify.route import TopicReader

HOSTILE = "<!channel> <b>&`rm`</b>\r\nBcc: x@example.com \x1b[31m\u202e"


def alert_message(event: str, number: int, *, incident: str = "33c467a2f982", **changes: Any) -> dict[str, Any]:
    """Return the parts of an alert message that routes use; `services` belongs to its incident."""
    services = changes.pop("services", ["payments"])
    return {
        "id": f"d6fac4346b2256cb-{number:016x}",
        "status": "resolved" if event == "resolved" else "firing",
        "severity": "warning",
        "summary": '"ERROR disk full" never seen in 1,414 sessions',
        "why": "never seen in 1,414 sessions over 10 min",
        "session": [{"text": "ERROR disk full", "count": 2}, {"text": "INFO photo stored", "count": 1}],
        "incident": {
            "id": incident,
            "event": event,
            "since": "2026-11-22T18:26:39.951Z",
            "last_seen": f"2026-11-22T18:{30 + number % 30:02}:39.951Z",
            "services": services,
            "messages": number,
        },
    } | changes


def said(event: str, number: int, **changes: Any) -> Announcement:
    """Return a message as it is read."""
    return read_announcement(orjson.dumps(alert_message(event, number, **changes)))


def told(stage: Stage = Stage.OPENED, number: int = 1, *, was: str | None = None, **changes: Any) -> Notification:
    """Return the notification that a receiver gets."""
    read = said(stage, number, **changes)
    return Notification(stage, read, read.services[0], was, "https://console.example/incidents/33c467a2f982")


class FakeGroup:
    """An alerts topic made of lists, and one group on it. What it remembers outlives its readers."""

    def __init__(self, partitions: int = 1) -> None:
        self.records: list[list[tuple[int, bytes]]] = [[] for _ in range(partitions)]
        self.committed: dict[int, int] = {}
        self.began_at: dict[int, int] = {}
        self.commits_fail = 0
        self.refused = False

    def send(self, *messages: Mapping[str, Any] | bytes, partition: int = 0, time: int = 0) -> None:
        values = [message if isinstance(message, bytes) else orjson.dumps(message) for message in messages]
        self.records[partition] += [(time, value) for value in values]

    def begin(self) -> None:
        """Let the group begin where the topic ends now."""
        self.committed = {p: len(records) for p, records in enumerate(self.records)}
        self.began_at = dict(self.committed)

    @asynccontextmanager
    async def open(self, _: str) -> AsyncIterator[TopicReader]:
        if self.refused:
            raise ConfigError(["localhost:9 refuses the user or the password of kafka.security"])
        yield FakeReader(self)


class FakeReader:
    """One member of the group."""

    def __init__(self, group: FakeGroup) -> None:
        self._group = group
        self.generation, self.assigned, self.unread = 1, True, 0
        self._read = {p: group.committed.get(p, 0) for p in range(len(group.records))}

    async def poll(self) -> Sequence[Batch]:
        await asyncio.sleep(0.005)
        if self._group.refused:
            raise UnavailableError("the broker ended the connection")
        batches = [self._batch(p, first, len(self._group.records[p])) for p, first in self._read.items()]
        self._read = {p: len(records) for p, records in enumerate(self._group.records)}
        return [batch for batch in batches if len(batch)]

    async def began(self) -> Mapping[TopicPartition, int]:
        return {TopicPartition("alerts", p): self._group.began_at.get(p, 0) for p in self._read}

    async def history(self, since_ms: int) -> AsyncIterator[Batch]:
        for partition in self._read:
            batch = self._batch(partition, 0, self._group.committed.get(partition, 0))
            if len(batch):
                yield batch

    async def commit(self, source: TopicPartition, offset: int) -> None:
        if self._group.commits_fail:
            self._group.commits_fail -= 1
            raise UnavailableError("no brokers")
        self._group.committed[source.partition] = offset

    def _batch(self, partition: int, first: int, end: int) -> Batch:
        rows = self._group.records[partition][first:end]
        count = len(rows)
        return Batch(
            TopicPartition("alerts", partition),
            list(range(first, end)),
            [time for time, _ in rows],
            [b"payments"] * count,
            [value for _, value in rows],
        )
