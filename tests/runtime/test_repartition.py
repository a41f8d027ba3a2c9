"""Lines that are judged in the partition of their key: sessions are whole, nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import orjson
import pytest

from daemon.core.multiline import Bounds, Joining, make_rules
from daemon.core.types import TopicPartition
from daemon.errors import PartitionError
from tests.runtime.test_pipeline import outcome, settled
from tests.support.audit import Place, places_of
from tests.support.fake_broker import FakeCluster
from tests.support.replica import RELAYED, replica, until

LINES = 6
"""Lines of a session."""


def feed(cluster: FakeCluster, sessions: int, *, start: int = 0, seed: int = 1) -> list[Place]:
    """Append sessions of `LINES` lines, three at a time, their lines scattered over the partitions; return places."""
    rng, places = random.Random(seed), []
    for number in range(start, start + sessions):
        for line in range(LINES):
            partition = rng.randrange(3)
            time = 1_700_000_000 + number // 3 * 20 + line + number % 3 / 10
            message = f"worker {line % 5} " + ("ended" if line == LINES - 1 else f"read file {line}")
            value = {"time": time, "scope": "s", "key": f"request {number}", "message": message}
            offset = cluster.append("logs", orjson.dumps(value), key=b"wrong", partition=partition)
            places.append(("logs", partition, offset, 0))
    return places


def verdicts(cluster: FakeCluster) -> list[dict[str, Any]]:
    """Return what was judged."""
    return [orjson.loads(record.value or b"") for record in cluster.values("verdicts")]


def cut(cluster: FakeCluster) -> list[str]:
    """Return the keys of the sessions that are not whole."""
    return [verdict["key"] for verdict in verdicts(cluster) if verdict["lines"] != LINES]


async def test_sessions_over_several_partitions_are_whole() -> None:
    """Every session is judged once, with all its lines, and names the places where they were written."""
    cluster = FakeCluster(RELAYED)
    expected = feed(cluster, 60)
    async with replica(cluster, repartition=True):
        await until(lambda: settled(cluster, expected))

    assert outcome(cluster, expected).clean
    assert 60 == len(verdicts(cluster))
    assert [] == cut(cluster)
    assert 50 < sum(len({place[1] for place in places_of(verdict)}) > 1 for verdict in verdicts(cluster))


async def test_without_it_such_sessions_are_cut() -> None:
    """The control: the same lines, judged where they lie."""
    cluster = FakeCluster(RELAYED)
    expected = feed(cluster, 60)
    async with replica(cluster):
        await until(lambda: settled(cluster, expected))

    assert 50 < len(cut(cluster))


@pytest.mark.parametrize("seed", range(8))
async def test_nothing_is_lost_or_doubled_when_any_step_of_either_hop_fails(seed: int) -> None:
    """Requests that fail before or after they take effect, and replicas that vanish, change nothing in the end."""
    rng = random.Random(seed)

    def faults(step: str, source: TopicPartition) -> None:
        if rng.random() < (0.002 if step == "produce" else 0.05):
            raise PartitionError(f"committing: {step} of {source} failed by a test's hand")

    cluster = FakeCluster(RELAYED, faults)
    expected = feed(cluster, 30, seed=seed)
    for _ in range(3):
        async with replica(cluster, repartition=True, idle=0.5):
            await asyncio.sleep(rng.random() * 0.15)
            expected += feed(cluster, 12, start=len(expected) // LINES, seed=seed)
    async with replica(cluster, repartition=True) as last:
        await until(lambda: settled(cluster, expected))
        await until(lambda: len(verdicts(cluster)) == sum(s.sessions for s in last.detector.scopes()))

    assert outcome(cluster, expected).clean
    assert [] == cut(cluster)


TRACE = ("ERROR charge failed", "java.net.ConnectException: refused", "\tat a.B.c(B.java:1)", "\t... 3 more")
JOINING = Joining(make_rules(["java"]), Bounds(wait=2_000_000))


def feed_traces(cluster: FakeCluster, sessions: int, *, start: int = 0) -> list[Place]:
    """Append sessions of three events, a trace in each partition and lines of other pods between; return places."""
    places = []
    for number in range(start, start + sessions):
        for step in range(len(TRACE)):
            for event in range(3):
                partition = (number + event) % 3
                value: dict[str, Any] = {"scope": "s", "key": f"request {number}", "message": TRACE[step]}
                if step == 0:
                    value["time"] = 1_700_000_000 + 20 * number + event
                key = f"pod {number % 2}".encode()
                places.append(
                    ("logs", partition, cluster.append("logs", orjson.dumps(value), key=key, partition=partition), 0)
                )
    return places


@pytest.mark.parametrize("seed", range(4))
async def test_lines_are_joined_before_they_are_sent_on_whatever_fails(seed: int) -> None:
    """Traces in several partitions: every session has its three traces, each one line, and each place once."""
    rng = random.Random(seed)

    def faults(step: str, source: TopicPartition) -> None:
        if rng.random() < (0.002 if step == "produce" else 0.05):
            raise PartitionError(f"committing: {step} of {source} failed by a test's hand")

    cluster = FakeCluster(RELAYED, faults)
    expected = feed_traces(cluster, 20)
    for _ in range(3):
        async with replica(cluster, repartition=True, joining=JOINING, idle=5.0):
            await asyncio.sleep(rng.random() * 0.15)
            expected += feed_traces(cluster, 8, start=len(expected) // (3 * len(TRACE)))
    async with replica(cluster, repartition=True, joining=JOINING):
        await until(lambda: settled(cluster, expected))

    assert outcome(cluster, expected).clean
    assert {3} == {verdict["lines"] for verdict in verdicts(cluster)}
    assert len(expected) // (3 * len(TRACE)) == len(verdicts(cluster))


async def test_partitions_of_both_hops_move_between_replicas() -> None:
    """Whoever has the first or the second hop of a session: it stays whole."""
    cluster = FakeCluster(RELAYED)
    expected = feed(cluster, 30)
    logs, between = ([TopicPartition(topic, n) for n in range(3)] for topic in ("logs", "repartition"))
    options = {"alone": False, "idle": 3.0, "repartition": True}
    async with replica(cluster, **options) as one, replica(cluster, **options) as two:
        a, b = one.broker.memberships[0], two.broker.memberships[0]
        await until(lambda: len(cluster.members) == 2)
        await cluster.rebalance({a: logs, b: between})
        await until(lambda: len(verdicts(cluster)) > 5)
        await cluster.rebalance({a: [*logs[:1], *between[:2]], b: [*logs[1:], *between[2:]]})
        expected += feed(cluster, 30, start=30)
        await asyncio.sleep(0.1)
        await cluster.rebalance({a: between, b: logs})
        await until(lambda: settled(cluster, expected))

    assert outcome(cluster, expected).clean
    assert [] == cut(cluster)


async def test_a_bad_record_is_set_aside_at_the_first_hop() -> None:
    """The dead letter names the record's place in the input, and its neighbours are judged."""
    cluster = FakeCluster(RELAYED)
    expected = feed(cluster, 6)
    expected.append(("logs", 1, cluster.append("logs", b"{no json", key=b"k", partition=1), 0))
    async with replica(cluster, repartition=True):
        await until(lambda: settled(cluster, expected))

    assert outcome(cluster, expected).clean
    assert [(b"k", b"{no json")] == [(r.key, r.value) for r in cluster.values("dead_letters")]


async def test_a_foreign_record_between_is_set_aside_and_spoils_nothing() -> None:
    """What is no block of lines becomes a dead letter of the topic between."""
    cluster = FakeCluster(RELAYED)
    cluster.append("repartition", b"hello", partition=2)
    expected = feed(cluster, 6)
    async with replica(cluster, repartition=True):
        await until(lambda: settled(cluster, [*expected, ("repartition", 2, 0, 0)]))

    assert outcome(cluster, [*expected, ("repartition", 2, 0, 0)]).clean


async def test_it_can_be_switched_on_and_off_while_sessions_are_open() -> None:
    """Lines that the other way of reading had left open are judged, and none comes twice.

    Their sessions begin anew, so these are counted as traffic once more.
    """
    cluster = FakeCluster(RELAYED)
    expected = feed(cluster, 30)
    for number, repartition in enumerate((False, True, False, True)):
        async with replica(cluster, repartition=repartition, idle=60.0) as member:
            await until(lambda: all(p.quiet for p in member.pipeline.partitions))  # awaited here
            await asyncio.sleep(0.05)
            await member.stop()
        expected += feed(cluster, 12, start=30 + 12 * number)
    async with replica(cluster, repartition=True):
        await until(lambda: settled(cluster, expected))

    audited = outcome(cluster, expected)
    assert ([], [], []) == (audited.lost, audited.duplicated, audited.ids_duplicated)
