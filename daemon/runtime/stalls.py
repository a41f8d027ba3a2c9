"""Notices every way of standing still, and says which within a minute: in /readyz, a metric and one line of the log.

Each part of the runtime that can stand still says for how long it has made no progress while it had work, and why
(`Delay`). An idle part makes progress by definition. `StallMonitor` compares the delays with limits. A delay past its
limit is a stall: it is logged once when it begins and once when it ends.

When the cluster stands still, all partitions do. So before the monitor reports a stall that involves Kafka, it asks the
broker for a diagnosis, which uses new connections: if no server accepts us, or our topics take no records, there is one
stall, of cause `kafka`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from time import monotonic

import structlog

from daemon.metrics import Metrics
from daemon.ports import Broker

log = structlog.get_logger(__name__)

EVERY = 1.0
DIAGNOSE_EVERY = 15
"""Checks between two diagnoses, which open new connections."""
NAMED = 5
"""How many parts of one cause a reason names."""


class StallCause(StrEnum):
    """What stands still. The values are those of the metric's label."""

    KAFKA = "kafka"
    GROUP = "group"
    PARTITION = "partition"
    BASELINE = "baseline"
    ENGINE = "engine"
    DETECTOR = "detector"
    EVENT_TIME = "event_time"


OF_KAFKA = frozenset({StallCause.GROUP, StallCause.PARTITION, StallCause.BASELINE})
HOLDS_UP: Mapping[StallCause, Sequence[StallCause]] = {
    StallCause.GROUP: (StallCause.PARTITION, StallCause.BASELINE),
    StallCause.DETECTOR: (StallCause.PARTITION, StallCause.BASELINE),
}
"""What must wait for a cause, and takes a moment to move again after it: that is not another stall."""
LIMITS: Mapping[StallCause, float] = {
    StallCause.KAFKA: 30.0,
    StallCause.GROUP: 30.0,
    StallCause.PARTITION: 30.0,
    StallCause.BASELINE: 30.0,
    StallCause.ENGINE: 30.0,
    StallCause.DETECTOR: 30.0,
    StallCause.EVENT_TIME: 45.0,
}
"""Seconds without progress before a delay is a stall. Together with the checks in between, all stay below a minute."""


@dataclass(frozen=True, slots=True)
class Delay:
    """One part without progress: for how many seconds, and why. `part` names it, or is empty."""

    cause: StallCause
    seconds: float
    why: str
    part: str = ""

    def __str__(self) -> str:
        name = f"{self.cause.value} {self.part}".rstrip()
        return f"{name} has stood still for {self.seconds:.0f} s: {self.why}"


Delays = Callable[[float], Iterable[Delay]]
"""Returns what makes no progress at a time of the monotonic clock."""


class StallMonitor:
    """Watches `sources`; `stalls` are the present ones."""

    def __init__(
        self,
        sources: Sequence[Delays],
        broker: Broker,
        metrics: Metrics,
        limits: Mapping[StallCause, float] = LIMITS,
        every: float = EVERY,
    ) -> None:
        self.stalls: Sequence[Delay] = ()
        self._sources = sources
        self._broker = broker
        self._metrics = metrics
        self._limits = limits
        self._every = every
        self._diagnosis: str | None = None
        self._checks_since_diagnosis = DIAGNOSE_EVERY
        self._reachable_since: float | None = None
        self._held_until: dict[StallCause, float] = {}

    @property
    def reasons(self) -> list[str]:
        """One sentence for each cause, for /readyz."""
        return [str(stall) for stall in self.stalls]

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await asyncio.sleep(self._every)
            await self.check()

    async def check(self) -> None:
        """Look once: update `stalls` and the metrics, and log what begins and what ends."""
        now = monotonic()
        delays = [delay for source in self._sources for delay in source(now)]
        self._metrics.seconds_since_progress.set(max((delay.seconds for delay in delays), default=0.0))
        late = [delay for delay in delays if delay.seconds > self._limits[delay.cause]]
        for delay in delays:
            # Half of the limit: what waits may have stood still for a moment longer than what it waits for.
            if delay.seconds > self._limits[delay.cause] / 2:
                self._held_until |= {blocked: now + self._limits[blocked] for blocked in HOLDS_UP.get(delay.cause, ())}
        late = [delay for delay in late if now >= self._held_until.get(delay.cause, 0.0)]
        self._note(by_cause(await self._explained(late)))

    async def _explained(self, late: Sequence[Delay]) -> Sequence[Delay]:
        """Return the delays; those due to an unreachable cluster become one."""
        of_kafka = [delay for delay in late if delay.cause in OF_KAFKA]
        if not of_kafka:
            self._diagnosis, self._reachable_since = None, None
            self._checks_since_diagnosis = DIAGNOSE_EVERY
            return late
        self._checks_since_diagnosis += 1
        if self._checks_since_diagnosis > DIAGNOSE_EVERY:
            await self._diagnose()
        if self._diagnosis is None:
            return late
        kafka = Delay(StallCause.KAFKA, max(delay.seconds for delay in of_kafka), self._diagnosis)
        return [kafka, *(delay for delay in late if delay.cause not in OF_KAFKA)]

    async def _diagnose(self) -> None:
        diagnosis, self._checks_since_diagnosis = await self._broker.diagnose(), 0
        if diagnosis is not None:
            self._diagnosis, self._reachable_since = diagnosis, None
        elif self._diagnosis is not None:
            # What stood still because of the cluster takes a moment to move again: that is not another stall.
            self._reachable_since = self._reachable_since or monotonic()
            if monotonic() - self._reachable_since > self._limits[StallCause.KAFKA]:
                self._diagnosis = None

    def _note(self, stalls: Sequence[Delay]) -> None:
        before, now = {stall.cause: stall for stall in self.stalls}, {stall.cause: stall for stall in stalls}
        for cause in StallCause:
            self._metrics.stalled.labels(cause.value).set(int(cause in now))
        for cause, stall in now.items():
            if cause not in before:
                log.error("stalled", cause=cause.value, part=stall.part, seconds=round(stall.seconds), why=stall.why)
        for cause, stall in before.items():
            if cause not in now:
                log.info("stall_ended", cause=cause.value, part=stall.part, seconds=round(stall.seconds))
        self.stalls = stalls


def by_cause(delays: Iterable[Delay]) -> list[Delay]:
    """Return one delay for each cause: the longest one's, with the names of the others."""
    grouped: dict[StallCause, list[Delay]] = {}
    for delay in sorted(delays, key=lambda delay: -delay.seconds):
        grouped.setdefault(delay.cause, []).append(delay)
    return [replace(same[0], part=_names([delay.part for delay in same])) for same in grouped.values()]


def _names(parts: Sequence[str]) -> str:
    more = len(parts) - NAMED
    return ", ".join(parts[:NAMED]) + (f" and {more} more" if more > 0 else "")
