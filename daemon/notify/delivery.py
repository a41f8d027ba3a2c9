"""One message to one receiver: attempts with back-off, a limit, and what happens after it.

A receiver that fails is tried for `give_up` seconds from its first failure on. After that, each message has one more
attempt: those that fail become dead letters, and the next one gets through when the receiver is back. A message that
the receiver refuses is a dead letter at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

import structlog

from daemon.backoff import Backoff
from daemon.notify.announcements import Notification
from daemon.notify.notify_metrics import NotifyMetrics
from daemon.notify.receivers import DeliveryError, Receiver

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long a receiver that fails is tried, and the pauses between attempts; all in seconds."""

    give_up: float = 3_600.0
    backoff: Backoff = field(default=Backoff(1.0, 60.0, jitter=0.5))


class Delivery:
    """Delivers to one receiver. `failing_since`: time of the first failure since a success, None while all is well."""

    def __init__(self, route: str, receiver: Receiver, retry: RetryPolicy, metrics: NotifyMetrics) -> None:
        self._route, self._receiver, self._patience, self._metrics = route, receiver, retry, metrics
        self._failures = 0
        self.failing_since: float | None = None

    async def deliver(self, told: Notification, wanted: Callable[[], bool], stop: asyncio.Event) -> str | None:
        """Return None once it is delivered, otherwise why it is given up: a short word and a sentence.

        Raises AbandonedError when `stop` is set, or when `wanted` is False before an attempt: another replica has taken
        over, and delivers it.
        """
        while True:
            if stop.is_set() or not wanted():
                raise AbandonedError
            try:
                await self._receiver.send(told)
            except DeliveryError as error:
                failure = error
            else:
                self._well()
                self._metrics.sent.labels(self._route, told.stage).inc()
                return None
            # Also after a message that is given up: a flood must not go through at full speed.
            await until(stop, self._failed(told, failure))
            if not failure.retry or self._given_up():
                log.error("notification_given_up", route=self._route, alert=told.said.id, reason=failure.reason)
                return f"{failure.reason}: {failure}"

    def _failed(self, told: Notification, error: DeliveryError) -> float:
        """Count a failed attempt; return how long to wait, in seconds."""
        self._metrics.failed.labels(self._route, error.reason).inc()
        if not error.retry:
            log.warning("notification_refused", route=self._route, alert=told.said.id, error=str(error))
            self._well()
            return 0.0
        self._failures += 1
        self.failing_since = now = monotonic() if self.failing_since is None else self.failing_since
        self._metrics.failing.labels(self._route).set(monotonic() - now)
        pause = max(self._patience.backoff.seconds(self._failures), error.after)
        log.warning(
            "notification_failed",
            route=self._route,
            alert=told.said.id,
            reason=error.reason,
            error=str(error),
            retry_in_seconds=round(pause, 1),
        )
        return pause

    def _well(self) -> None:
        """Note that the receiver answers."""
        self._failures, self.failing_since = 0, None
        self._metrics.failing.labels(self._route).set(0)

    def _given_up(self) -> bool:
        return self.failing_since is not None and monotonic() - self.failing_since > self._patience.give_up


class AbandonedError(Exception):
    """This process stops, or another replica delivers the message."""


async def until(stop: asyncio.Event, seconds: float) -> None:
    """Wait, at most until `stop` is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
