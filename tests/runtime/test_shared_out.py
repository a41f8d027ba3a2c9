"""A replica with the baselines of the scopes that it serves: the same verdicts, and nothing of other scopes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson
import pytest

from daemon.core.observations import Said, cause_of, load_observations
from daemon.core.repartition import place_of_scope
from daemon.core.types import TopicPartition
from daemon.runtime import HoldServed
from tests.runtime.test_pipeline import outcome, settled
from tests.support.audit import Place
from tests.support.fake_broker import FakeCluster
from tests.support.replica import RELAYED, TOPICS, Replica, replica, until

SCOPES = [f"service {number}" for number in range(7)]
LOGS = [TopicPartition("logs", number) for number in range(3)]
OTHERS = [TopicPartition("feedback", 0), TopicPartition("observations", 0)]
LINES, ROUNDS = 120, 5
TEXTS = ("started", "read file", "wrote file", "ERROR disk full", "waits for lock", "ended")


def place(scope: str) -> int:
    """Return the input partition of a scope: records are keyed by it."""
    return crc32(scope.encode()) % len(LOGS)


def feed(cluster: FakeCluster, count: int, start: int = 0) -> list[Place]:
    """Append lines of all scopes, each in the partition of its scope; return their places."""
    places = []
    for number in range(start, start + count):
        rng = random.Random(number // 4)
        scope = rng.choice(SCOPES)
        message = f"worker {number % 5} {rng.choice(TEXTS)} {'twice' * (rng.random() < 0.2)}"
        value = {"time": 1_700_000_000 + number, "scope": scope, "key": f"k{number // 4 % 9}", "message": message}
        offset = cluster.append("logs", orjson.dumps(value), key=scope.encode(), partition=place(scope))
        places.append(("logs", place(scope), offset, 0))
    return places


def verdicts(cluster: FakeCluster) -> dict[str, list[dict[str, Any]]]:
    """Return the verdicts of each scope in their order, as far as the records decide them."""
    judged: dict[str, list[dict[str, Any]]] = {}
    for record in cluster.values("verdicts"):
        verdict = orjson.loads(record.value or b"")
        judged.setdefault(verdict["scope"], []).append({**verdict, "closed_by": ""})
    return judged


async def alone(rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Return what one replica that has everything judges of so many rounds of lines."""
    cluster = FakeCluster(TOPICS)
    async with replica(cluster, idle=60.0) as one:
        for number in range(rounds):
            feed(cluster, LINES, LINES * number)
            await taken_in(cluster, [one])
        await one.pipeline.drain()
    return verdicts(cluster)


async def taken_in(cluster: FakeCluster, members: Sequence[Replica]) -> None:
    """Wait until every line that was fed is read, and what it closed is judged."""

    def done() -> bool:
        runs = [p for member in members for p in member.pipeline.partitions if p.source in LOGS]
        return len(runs) == len(LOGS) and all(
            p.in_place and p.expected == cluster.logs[p.source].end and p.quiet for p in runs
        )

    await until(done)


def scopes_of(member: Replica) -> set[str]:
    """Return the scopes of which a replica has patterns."""
    known = member.thread._executor.submit(member.detector.scopes).result()  # in the thread that owns the detector
    return {scope.scope for scope in known if scope.patterns}


def served(sources: Iterable[TopicPartition]) -> set[str]:
    """Return the scopes whose records lie in these partitions."""
    places = {source.partition for source in sources if source in LOGS}
    return {scope for scope in SCOPES if place(scope) in places}


def split(rng: random.Random, members: Sequence[Replica]) -> dict[Replica, list[TopicPartition]]:
    """Return a random assignment of all partitions."""
    given: dict[Replica, list[TopicPartition]] = {member: [] for member in members}
    for source in [*LOGS, *OTHERS]:
        given[rng.choice(members)].append(source)
    return given


async def assign(cluster: FakeCluster, given: Mapping[Replica, Sequence[TopicPartition]]) -> None:
    """Give replicas their partitions."""
    await until(lambda: len(cluster.members) == len(given))
    await cluster.rebalance({member.broker.memberships[0]: sources for member, sources in given.items()})


async def start(cluster: FakeCluster, **options: Any) -> Replica:
    """Start a replica that holds only what it serves."""
    holding = HoldServed(options.pop("linger", 0.0))
    member = Replica(cluster, **{"alone": False, "idle": 60.0, "holding": holding, **options})
    await member.start()
    return member


async def stop(members: Iterable[Replica]) -> None:
    await asyncio.gather(*(member.kill() for member in members))


@pytest.mark.parametrize("seed", range(6))
async def test_verdicts_are_those_of_one_replica_wherever_partitions_move(seed: int) -> None:
    """Partitions move at rest and in the middle of work, and replicas die: every verdict of every scope is the same."""
    rng, cluster = random.Random(seed), FakeCluster(TOPICS)
    members = [await start(cluster) for _ in range(3)]
    try:
        for number in range(ROUNDS):
            await assign(cluster, given := split(rng, members))
            feed(cluster, LINES, LINES * number)
            if rng.random() < 0.5:
                await asyncio.sleep(rng.random() * 0.1)
                await assign(cluster, given := split(rng, members))
            if rng.random() < 0.3:
                lost = members.pop(rng.randrange(len(members)))
                await lost.kill()
                members.append(await start(cluster))
                await assign(cluster, given := split(rng, members))
            await taken_in(cluster, members)
            for member, sources in given.items():
                await until(lambda member=member, sources=sources: scopes_of(member) <= served(sources))
        await asyncio.gather(*(member.pipeline.drain() for member in members))
    finally:
        await stop(members)

    expected, judged = await alone(ROUNDS), verdicts(cluster)
    assert len(SCOPES) == len(judged)
    assert expected == judged


@asynccontextmanager
async def one_judges(cluster: FakeCluster) -> AsyncIterator[tuple[Replica, Replica]]:
    """Run two replicas, of which the first has judged lines of all scopes and the second serves everything else."""
    members = one, two = await start(cluster), await start(cluster)
    try:
        await assign(cluster, {one: LOGS, two: OTHERS})
        feed(cluster, LINES)
        await taken_in(cluster, members)
        await one.pipeline.drain()
        yield members
    finally:
        await stop(members)


async def test_labels_of_all_scopes_stay_whoever_serves_them() -> None:
    """A label that another replica wrote holds for a scope that comes later, and outlives a scope that goes."""
    cluster = FakeCluster(TOPICS)
    async with one_judges(cluster) as (one, two):
        scope = next(iter(sorted(scopes_of(one))))
        pattern = one.detector.patterns(scope)[0].pattern
        message = {"scope": scope, "pattern": pattern, "verdict": "normal", "by": "ann"}
        cluster.append("feedback", orjson.dumps(message))
        await until(lambda: pattern in one.detector.labels(scope))
        await until(lambda: pattern in two.detector.labels(scope))
        assert set() == scopes_of(two)
        await assign(cluster, {one: OTHERS, two: LOGS})
        await until(lambda: scopes_of(one) == set() and scope in scopes_of(two))
        assert [{pattern: "ann"}] * 2 == [
            {name: label.by for name, label in member.detector.labels(scope).items()} for member in (one, two)
        ]
        assert "normal" == next(p.label.verdict for p in two.detector.patterns(scope) if p.label is not None)


async def test_a_restart_keeps_what_the_snapshot_has(tmp_path: Path) -> None:
    """Partitions of the snapshot are read on from where it ends, others from their beginning; verdicts are the same."""
    cluster, path = FakeCluster(TOPICS), tmp_path / "snapshot"
    members = [await start(cluster, snapshot=path), await start(cluster)]
    try:
        await assign(cluster, {members[0]: LOGS[:2], members[1]: [LOGS[2], *OTHERS]})
        feed(cluster, LINES)
        await taken_in(cluster, members)
        await members[0].pipeline.drain()
        await members[0].snapshots.write()
        await members.pop(0).kill()
        again = await start(cluster, snapshot=path, linger=30.0)
        members.append(again)
        assert {0, 1} == set(again.follower.offsets)
        assert served(LOGS[:2]) >= scopes_of(again) > set()
        feed(cluster, LINES, LINES)
        await assign(cluster, {members[0]: [LOGS[0], *OTHERS], again: LOGS[1:]})
        await taken_in(cluster, members)
        await asyncio.gather(*(member.pipeline.drain() for member in members))
    finally:
        await stop(members)

    assert await alone(2) == verdicts(cluster)


async def test_repartitioned_by_scope_a_scope_is_in_one_partition() -> None:
    """Lines are scattered over the input, and a replica has only the scopes of its partitions of the topic between."""
    cluster = FakeCluster(RELAYED)
    between = [TopicPartition("repartition", number) for number in range(3)]
    options = {"repartition": True, "place": place_of_scope, "idle": 1.0}
    members = [await start(cluster, **options) for _ in range(2)]
    expected: list[Place] = []
    try:
        await assign(cluster, {members[0]: [*LOGS, between[0]], members[1]: [*between[1:], *OTHERS]})
        for number in range(300):
            value = {"time": 1_700_000_000 + number, "scope": SCOPES[number // 3 % 7], "key": "k", "message": "read"}
            offset = cluster.append("logs", orjson.dumps(value), partition=number % 3)
            expected.append(("logs", number % 3, offset, 0))
        await until(lambda: settled(cluster, expected))
        homes = {scope: place_of_scope(scope, "", 3) for scope in SCOPES}
        for member, places in zip(members, ({0}, {1, 2}), strict=True):
            mine = {scope for scope, home in homes.items() if home in places}
            await until(lambda member=member, mine=mine: scopes_of(member) == mine)
    finally:
        await stop(members)

    assert outcome(cluster, expected).clean


async def test_feedback_by_pattern_alone_reaches_a_scope_of_another_replica() -> None:
    """The replica that reads feedback looks the pattern up; the label and its lines' causes are as with one replica."""
    cluster = FakeCluster(TOPICS)
    async with one_judges(cluster) as (one, _):
        failing = [
            (scope, known)
            for scope in sorted(scopes_of(one))
            for known in one.detector.patterns(scope)
            if any("ERROR" in line for line, _ in known.lines)
        ]
        scope, known = failing[0]
        cluster.append("feedback", orjson.dumps({"pattern": known.pattern, "verdict": "normal"}))
        await until(lambda: known.pattern in one.detector.labels(scope))

    said = [said for r in cluster.values("observations") for said in load_observations(r.value).said]
    causes = [cause.id for line, _ in known.lines if (cause := cause_of(line)).score > 0]
    assert causes
    assert [Said(scope, known.pattern, "normal", [known.pattern, *causes])] == said
    assert [] == cluster.values("dead_letters")
