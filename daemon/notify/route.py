"""One route at work: follows the alerts topic as a consumer group of its own, delivers, and commits.

Of all replicas of a group one has every partition, and the others stand by: the messages of an incident may lie in
several partitions, and are delivered in order. Whenever the partitions come to this process, the memory is filled from
what lies before the committed offsets. It also remembers what it delivered itself, so a commit that failed leads to no
second delivery; only a killed process leads to one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Protocol

import structlog

from daemon.backoff import Backoff
from daemon.core.messages import dead_letter
from daemon.core.types import Batch, OutRecord, Reject, TopicPartition
from daemon.errors import ConfigError, DataError, StraylineError, UnavailableError
from daemon.notify.announcements import Announcement, Notification, read_announcement
from daemon.notify.delivery import AbandonedError, Delivery, RetryPolicy, until
from daemon.notify.filters import RouteFilter
from daemon.notify.notify_metrics import NotifyMetrics
from daemon.notify.receivers import DeliveryError, Receiver
from daemon.notify.route_memory import MOST_INCIDENTS, RouteMemory

log = structlog.get_logger(__name__)

BACKOFF = Backoff(1.0, 30.0, jitter=0.2)
CLASS = "daemon.notify.Delivery"


class TopicReader(Protocol):
    """One member of a consumer group, on one topic."""

    @property
    def generation(self) -> int:
        """A number that changes whenever the assignment does."""

    @property
    def assigned(self) -> bool:
        """Whether this member has the partitions; otherwise it stands by."""

    @property
    def unread(self) -> int:
        """How many offsets are still to be read."""

    async def poll(self) -> Sequence[Batch]:
        """Return new records, those of one partition in order; waits half a second at most. Raises UnavailableError."""

    async def began(self) -> Mapping[TopicPartition, int]:
        """Return the offset at which the group began, for each assigned partition. Raises UnavailableError."""

    def history(self, since_ms: int) -> AsyncIterator[Batch]:
        """Yield what lies before the committed offsets, from a time on. Raises UnavailableError."""

    async def commit(self, source: TopicPartition, offset: int) -> None:
        """Commit that everything before an offset is done. Raises UnavailableError, also for another member's."""


OpenTopic = Callable[[str], AbstractAsyncContextManager[TopicReader]]
"""Joins the group of the route with this name."""


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """One route. `group` names its consumer group in dead letters.

    `remember_s` is the span of its memory, and `max_incidents` how many it holds.
    """

    name: str
    receiver: Receiver
    wanted: RouteFilter = field(default_factory=RouteFilter)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    group: str = ""
    remember_s: float = 7 * 86_400.0
    console: str = ""
    max_incidents: int = MOST_INCIDENTS


class NotifyRoute:
    """One route. `problem` is empty while it follows the topic. `bury` publishes a dead letter."""

    def __init__(
        self,
        settings: RouteSettings,
        open_topic: OpenTopic,
        bury: Callable[[OutRecord], Awaitable[None]],
        metrics: NotifyMetrics,
    ) -> None:
        self._settings, self._open, self._bury, self._metrics = settings, open_topic, bury, metrics
        self._delivery = Delivery(settings.name, settings.receiver, settings.retry, metrics)
        self._memory = RouteMemory(settings.wanted, settings.console, settings.max_incidents)
        self._stop = asyncio.Event()
        self._renewed = monotonic()
        self._worked = False
        self.problem = "not connected yet"

    async def run(self) -> None:
        """Follow the topic until `stop`. Raises ConfigError for a configuration with which it never worked."""
        name, failures = self._settings.name, 0
        self._metrics.begin(name)
        while not self._stop.is_set():
            began = monotonic()
            try:
                async with self._open(name) as reader:
                    await self._follow(reader)
            except (UnavailableError, ConfigError) as error:
                # What worked before and is refused now may be put right, at the brokers or in a password's file.
                if isinstance(error, ConfigError) and not self._worked:
                    raise
                failures = 1 if monotonic() - began > BACKOFF.longest else failures + 1
                pause = BACKOFF.seconds(failures)
                self.problem = str(error)
                log.warning("route_interrupted", route=name, error=str(error), retry_in_seconds=round(pause, 1))
                await until(self._stop, pause)
        self._metrics.end(name)

    def stop(self) -> None:
        """Finish the attempt at hand, commit, and end `run`."""
        self._stop.set()

    async def _follow(self, reader: TopicReader) -> None:
        generation = -1
        while not self._stop.is_set():
            batches = await reader.poll()
            if reader.generation != generation:
                generation = reader.generation
                await self._recall(reader)
            self.problem, self._worked = "", True
            self._metrics.unread.labels(self._settings.name).set(reader.unread)
            self._metrics.remembers(self._settings.name, len(self._memory), self._memory.let_go)
            try:
                for batch in in_order(batches):
                    await self._handle(batch, reader, generation)
            except AbandonedError:
                continue
            await self._renew(reader)

    async def _recall(self, reader: TopicReader) -> None:
        """Fill the memory with what was told before."""
        began = await reader.began()
        if not began:
            return
        since = round((time() - self._settings.remember_s) * 1000)
        async for batch in reader.history(since):
            for row in in_order([batch]):
                if (said := self._read(row)) is not None:
                    self._memory.take(said, ours=row.offsets[0] >= began.get(row.source, 0))

    async def _handle(self, record: Batch, reader: TopicReader, generation: int) -> None:
        """Deliver what one record says, and commit it."""
        said = self._read(record)
        if said is None:
            self._metrics.foreign.labels(self._settings.name).inc()
        elif (told := self._memory.take(said)) is not None:
            await self._tell(told, record, lambda: reader.generation == generation)
        if reader.generation == generation:
            await reader.commit(record.source, record.offsets[0] + 1)

    async def _tell(self, told: Notification, record: Batch, ours: Callable[[], bool]) -> None:
        name = self._settings.name
        try:
            why = await self._delivery.deliver(told, ours, self._stop)
        except AbandonedError:
            self._memory.undo()
            raise
        if why is None:
            self._metrics.delay.labels(name).observe(max(time() - record.timestamps[0] / 1000, 0.0))
            log.info("notification_sent", route=name, alert=told.said.id, stage=told.stage)
            return
        reject = Reject(0, record.offsets[0], "undelivered", f"route {name}: {why}")
        try:
            await self._bury(dead_letter(record, reject, name=self._settings.group, where=CLASS))
        except StraylineError:
            self._memory.undo()
            raise
        self._metrics.dead_letters.labels(name).inc()

    async def _renew(self, reader: TopicReader) -> None:
        """Send again what is firing, where the receiver needs that. A failed renewal waits for the next turn."""
        receiver, name = self._settings.receiver, self._settings.name
        if receiver.renew_s is None or not reader.assigned or monotonic() - self._renewed < receiver.renew_s:
            return
        self._renewed = monotonic()
        try:
            await receiver.renew(list(self._memory.firing()))
        except DeliveryError as error:
            self._metrics.failed.labels(name, error.reason).inc()
            log.warning("renewal_failed", route=name, reason=error.reason, error=str(error))

    def _read(self, record: Batch) -> Announcement | None:
        try:
            return read_announcement(record.values[0])
        except DataError as error:
            place = f"{record.source.topic}/{record.source.partition}"
            log.debug("foreign_record", route=self._settings.name, place=place, error=str(error))
            return None


def in_order(batches: Sequence[Batch]) -> list[Batch]:
    """Return the records of several partitions, each as a batch of one, in the order of their times.

    Those of one partition stay in order, whatever their times say.
    """
    rows = []
    for batch in batches:
        latest = -1
        for row in range(len(batch)):
            latest = max(latest, batch.timestamps[row])
            rows.append((latest, batch.rows([row])))
    return [record for _, record in sorted(rows, key=lambda row: row[0])]
