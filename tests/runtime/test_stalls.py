"""Every way of standing still is reported: in /readyz's reasons, in the metric, in one line of the log. Then it ends.

The limits are short here; `test_limits_leave_time_to_tell` holds the real ones to a minute. What a real broker does
when it is frozen or refuses us is in tests/integration/test_standing_still.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from daemon.core.types import Batch, TopicPartition
from daemon.errors import PartitionError
from daemon.runtime import baseline_follower, stalls
from daemon.runtime.stalls import LIMITS, Delay, StallCause, by_cause
from daemon.runtime.watchdog import CHECK_SECONDS, Patience
from tests.runtime.test_pipeline import feed, outcome, settled
from tests.support.fake_broker import FakeCluster
from tests.support.replica import TOPICS, Replica, replica, until

LIMIT = 3.0
"""Seconds: more than a healthy replica is held up by on a machine that is busy with other work."""
pytestmark = pytest.mark.slow
Change = Callable[[FakeCluster, Replica], Awaitable[None]]


class Recorder:
    """Stands in for the log."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []

    def error(self, event: str, *, cause: str, why: str, **_: object) -> None:
        self.events.append((event, cause, why))

    def info(self, event: str, *, cause: str, **_: object) -> None:
        self.events.append((event, cause, ""))


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str, str]]]:
    recorder = Recorder()
    monkeypatch.setattr(stalls, "log", recorder)
    monkeypatch.setattr(baseline_follower, "CHECK_EVERY", 0.05)
    return iter([recorder.events])


@dataclass
class Row:
    """One way of standing still: how it begins and ends, and what must be said of it."""

    cause: StallCause
    why: str
    begin: Change
    end: Change
    part: str = ""


def faulty(step: str, text: str, only: TopicPartition | None = None) -> Change:
    """Let a step fail, for one partition or all."""

    async def begin(cluster: FakeCluster, _: Replica) -> None:
        def faults(at: str, source: TopicPartition) -> None:
            if at == step and source.topic == "logs" and only in (None, source):
                raise PartitionError(text)

        cluster.faults = faults
        feed(cluster, 30, start=60)

    return begin


async def healed(cluster: FakeCluster, _: Replica) -> None:
    cluster.faults = lambda _step, _source: None
    cluster.diagnosis = cluster.group_problem = None


def unreachable(diagnosis: str) -> Change:
    begin = faulty("bounds", "asking for offsets: no answer within 8 s")

    async def cut(cluster: FakeCluster, member: Replica) -> None:
        cluster.diagnosis = diagnosis
        await begin(cluster, member)

    return cut


async def lose_coordinator(cluster: FakeCluster, _: Replica) -> None:
    cluster.group_problem = "the coordinator of group strayline cannot be reached"


async def forbid_reading(_: FakeCluster, member: Replica) -> None:
    async def poll(*_: object) -> list[Batch]:
        raise PartitionError("reading: no right to read logs")

    member.broker.memberships[-1].poll = poll  # type: ignore[assignment, method-assign]  # this one


async def allow_reading(_: FakeCluster, member: Replica) -> None:
    del member.broker.memberships[-1].poll


async def hang_engine(cluster: FakeCluster, member: Replica) -> None:
    member.engine.gate = asyncio.Event()
    for number in range(20):
        line = {
            "time": 1_700_000_061 + 4 * number,
            "scope": "s",
            "key": "k",
            "message": f"new {'abcdefghij'[number % 10]}",
        }
        cluster.append("logs", orjson.dumps(line))


async def free_engine(_: FakeCluster, member: Replica) -> None:
    assert member.engine.gate is not None
    member.engine.gate.set()


async def block_thread(_: FakeCluster, member: Replica) -> None:
    member.blocking = asyncio.create_task(member.thread(time.sleep, 2 * LIMIT))  # type: ignore[attr-defined]


async def wait_for_thread(_: FakeCluster, member: Replica) -> None:
    await member.blocking  # type: ignore[attr-defined]


async def hide_baseline(_: FakeCluster, member: Replica) -> None:
    high, stable = member.broker.high_water, member.broker.stable_ends

    async def high_water(topic: str, partition: int) -> int:
        return await high(topic, partition) + 5

    async def stable_ends(topic: str) -> dict[int, int]:
        return {partition: end + 5 for partition, end in (await stable(topic)).items()}

    member.broker.high_water = high_water  # type: ignore[method-assign]  # for this one only
    member.broker.stable_ends = stable_ends  # type: ignore[method-assign]  # as above


async def show_baseline(_: FakeCluster, member: Replica) -> None:
    del member.broker.high_water, member.broker.stable_ends


async def stop_event_time(cluster: FakeCluster, member: Replica) -> None:
    async def send() -> None:
        while True:
            line = {"time": 1_700_000_061, "scope": "s", "key": "k", "message": "the clock stands"}
            cluster.append("logs", orjson.dumps(line))
            await asyncio.sleep(0.02)

    member.sending = asyncio.create_task(send())  # type: ignore[attr-defined]


async def move_event_time(cluster: FakeCluster, member: Replica) -> None:
    member.sending.cancel()  # type: ignore[attr-defined]
    line = {"time": 1_700_000_071, "scope": "s", "key": "k", "message": "the clock goes"}
    cluster.append("logs", orjson.dumps(line))


ROWS: dict[str, Row] = {
    "broker frozen": Row(StallCause.KAFKA, "does not answer", unreachable("a:9092 does not answer"), healed),
    "broker refusing": Row(
        StallCause.KAFKA, "refuses the user", unreachable("a:9092 refuses the user or the password"), healed
    ),
    "broker gone": Row(StallCause.KAFKA, "refuses connections", unreachable("a:9092 refuses connections"), healed),
    "one partition leaderless": Row(
        StallCause.PARTITION,
        "logs/1 has no leader",
        faulty("bounds", "asking for offsets: logs/1 has no leader", TopicPartition("logs", 1)),
        healed,
        "logs/1",
    ),
    "coordinator away": Row(StallCause.GROUP, "coordinator of group strayline", lose_coordinator, healed),
    "engine hangs": Row(StallCause.ENGINE, "no answer for", hang_engine, free_engine),
    "detector's thread stuck": Row(StallCause.DETECTOR, "has not returned from", block_thread, wait_for_thread),
    "clock held back": Row(StallCause.EVENT_TIME, "none is later", stop_event_time, move_event_time, "logs/0"),
    "baseline not followed": Row(StallCause.BASELINE, "holds more than is read", hide_baseline, show_baseline),
    "disk full": Row(
        StallCause.PARTITION, "KafkaStorageError", faulty("produce", "committing: KafkaStorageError: disk full"), healed
    ),
    "right to write taken away": Row(
        StallCause.PARTITION,
        "TopicAuthorizationFailedError",
        faulty("produce", "committing: TopicAuthorizationFailedError: strayline.alerts"),
        healed,
    ),
    "right to read taken away": Row(StallCause.GROUP, "no right to read", forbid_reading, allow_reading),
}


@pytest.mark.parametrize("name", ROWS)
async def test_standing_still_is_reported_and_its_end_too(name: str, events: Any) -> None:
    """The reason names the cause; the metric is 1 for this cause only; one line of the log begins it, one ends it."""
    row, cluster, said = ROWS[name], FakeCluster(TOPICS), next(events)
    expected = feed(cluster, 60)
    async with replica(cluster, stall=LIMIT) as member:
        await until(lambda: settled(cluster, expected))
        assert [] == member.monitor.reasons

        said.clear()
        await row.begin(cluster, member)
        await until(lambda: member.monitor.stalls, 60.0)
        await asyncio.sleep(0.3)
        reported, values = list(member.monitor.stalls), gauge(member)
        await row.end(cluster, member)
        await until(lambda: not member.monitor.stalls, 60.0)

        assert gauge(member) == dict.fromkeys(gauge(member), 0.0)
    assert [row.cause] == [stall.cause for stall in reported]
    assert row.why in reported[0].why
    assert row.part in reported[0].part
    assert {row.cause.value} == {cause for cause, value in values.items() if value}
    assert [("stalled", row.cause.value), ("stall_ended", row.cause.value)] == [event[:2] for event in said]
    assert row.why in said[0][2]


def gauge(member: Replica) -> dict[str, float]:
    return {cause.value: member.metrics.stalled.labels(cause.value)._value.get() for cause in StallCause}


async def test_an_idle_replica_stands_not_still(events: Any) -> None:
    """Nothing to read, nothing to commit and nothing to embed is progress."""
    cluster, said = FakeCluster(TOPICS), next(events)
    expected = feed(cluster, 60)
    async with replica(cluster, stall=LIMIT) as member:
        await until(lambda: settled(cluster, expected))
        await asyncio.sleep(2 * LIMIT)

        assert ([], []) == (member.monitor.reasons, said)
        assert member.metrics.seconds_since_progress._value.get() < LIMIT
    assert outcome(cluster, expected).clean


async def test_a_lag_that_is_unknown_is_not_given() -> None:
    """A partition whose end cannot be read has no lag, rather than the last one known."""
    cluster = FakeCluster(TOPICS)
    expected = feed(cluster, 60)
    async with replica(cluster) as member:
        await until(lambda: settled(cluster, expected))
        await until(lambda: TopicPartition("logs", 1) in member.pipeline.lag)
        await faulty("bounds", "no leader", TopicPartition("logs", 1))(cluster, member)
        await until(lambda: TopicPartition("logs", 1) not in member.pipeline.lag)

        assert {"logs/0", "logs/2", "feedback/0", "observations/0"} == {str(source) for source in member.pipeline.lag}


def test_limits_leave_time_to_tell() -> None:
    """The limit, two checks of the watchdog that time out, and a scrape: all within a minute."""
    slowest_check = Patience().look + 2 * CHECK_SECONDS
    for cause in (StallCause.KAFKA, StallCause.GROUP, StallCause.PARTITION, StallCause.BASELINE):
        assert LIMITS[cause] + slowest_check + 5.0 < 60.0
    assert max(LIMITS.values()) < 60.0


def test_one_reason_a_cause() -> None:
    """Many partitions of one cause are one reason, the longest one's, with some names and the number of the rest."""
    delays = [Delay(StallCause.PARTITION, float(number), f"why {number}", f"logs/{number}") for number in range(8)]

    [only] = by_cause(delays)

    assert "why 7" == only.why
    assert "logs/7, logs/6, logs/5, logs/4, logs/3 and 3 more" == only.part
