"""The pipeline on the fake broker: nothing lost, nothing twice, whatever fails."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace
from typing import Any

import orjson
import pytest

from daemon.core.formats import at_once
from daemon.core.incidents import TOLD
from daemon.core.stream import Checkpoint
from daemon.core.types import TopicPartition
from daemon.errors import EngineError, PartitionError
from daemon.runtime import State
from tests.support.audit import Audit, Place, audit, places_of
from tests.support.fake_broker import FakeCluster
from tests.support.replica import LIMITS, TOPICS, Replica, replica, until


def feed(cluster: FakeCluster, count: int, *, start: int = 0, seed: int = 1) -> list[Place]:
    """Append lines of interleaved keys over the partitions; return their places."""
    rng, places = random.Random(seed), []
    for number in range(start, start + count):
        partition = rng.randrange(3)
        message = f"worker {number % 5} " + rng.choice(
            ["started", "read file", "wrote file", "ERROR disk full", "ended"]
        )
        line = {"time": 1_700_000_000 + number, "scope": "s", "key": f"k{number // 7 % 9}", "message": message}
        offset = cluster.append("logs", orjson.dumps(line), partition=partition)
        places.append(("logs", partition, offset, 0))
    return places


def outcome(cluster: FakeCluster, expected: list[Place]) -> Audit:
    """Audit what is committed so far."""
    return audit(
        expected,
        [r.value or b"" for r in cluster.values("verdicts")],
        [r.value or b"" for r in cluster.values("alerts")],
        [dict(r.headers) for r in cluster.values("dead_letters")],
        [r.value or b"" for r in cluster.values("observations")],
    )


def settled(cluster: FakeCluster, expected: list[Place]) -> bool:
    """Whether everything that went in has come out."""
    return not outcome(cluster, expected).lost


async def test_every_line_comes_out_once() -> None:
    """Lines of three partitions end in one verdict each, every session is observed once, and incidents are told."""
    cluster = FakeCluster(TOPICS)
    expected = feed(cluster, 300)
    async with replica(cluster):
        await until(lambda: settled(cluster, expected))
    assert outcome(cluster, expected).clean
    assert len(cluster.values("verdicts")) > 40
    assert cluster.values("alerts")


async def test_lines_of_records_that_are_read_in_parts_come_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many records a step leaves to the next, also after a restart in the middle."""
    monkeypatch.setattr(at_once, "LINES_AT_ONCE", 10)
    cluster, expected = FakeCluster(TOPICS), list[Place]()
    for number in range(40):
        lines = [
            {"time": 1_700_000_000 + number, "scope": "s", "key": f"k{number % 9}", "message": f"worker {line} read"}
            for line in range(2 + number % 5)
        ]
        offset = cluster.append("logs", b"\n".join(map(orjson.dumps, lines)), partition=number % 3)
        expected += [("logs", number % 3, offset, index) for index in range(1, len(lines) + 1)]
    async with replica(cluster):
        await until(lambda: bool(cluster.values("checkpoints")))
    async with replica(cluster):
        await until(lambda: settled(cluster, expected))
    assert outcome(cluster, expected).clean


async def test_messages_of_an_incident_are_in_order_when_its_headline_moves_to_another_scope() -> None:
    """A failure that is read later and began earlier speaks from then on; the messages stay in one partition."""
    cluster = FakeCluster({**TOPICS, "alerts": 3})
    expected: list[Place] = []

    def told() -> list[dict[str, Any]]:
        return [orjson.loads(record.value or b"") for record in cluster.values("alerts")]

    async with replica(cluster):
        for partition, scope, began in ((0, "store", 2), (1, "s", 0)):  # the fake broker places by the key's length
            line = {"time": 1_700_000_000 + began, "scope": scope, "key": "k", "message": "ERROR disk full"}
            expected.append(("logs", partition, cluster.append("logs", orjson.dumps(line), partition=partition), 0))
            await until(lambda scope=scope: scope in {alert["scope"] for alert in told()})
        await until(lambda: settled(cluster, expected))

    assert 1 == len({alert["incident"]["id"] for alert in told()})
    assert outcome(cluster, expected).clean


async def test_an_incident_names_no_more_causes_after_a_restart() -> None:
    """Failures of one moment are one incident with 32 causes, also where the process is killed between them."""
    cluster = FakeCluster(TOPICS)
    expected: list[Place] = []

    def fail(numbers: range) -> None:
        for number in numbers:
            word = chr(97 + number // 7) * 4 + chr(97 + number % 7) * 5
            say(number / 10, f"ERROR {word} {word[::-1]} gave up")

    def say(seconds: float, message: str) -> None:
        line = {"time": 1_700_000_000 + seconds, "scope": "s", "key": f"k{len(expected)}", "message": message}
        expected.append(("logs", 0, cluster.append("logs", orjson.dumps(line), partition=0), 0))

    def told() -> list[dict[str, Any]]:
        return [orjson.loads(record.value or b"") for record in cluster.values("alerts")]

    async with replica(cluster):
        fail(range(20))
        await until(lambda: settled(cluster, expected) and bool(told()))
    async with replica(cluster):
        fail(range(20, 49))
        await until(lambda: settled(cluster, expected))
        say(2_000, "worker 1 started")
        await until(lambda: settled(cluster, expected) and told()[-1]["status"] == "resolved")

    assert [1, 32] == [len({alert["incident"]["id"] for alert in told()}), len(told()[-1]["incident"]["causes"])]
    assert ["opened"] == [event for alert in told() if (event := alert["incident"]["event"]) in TOLD]
    assert outcome(cluster, expected).clean


async def test_a_slow_engine_holds_nothing_back_for_good() -> None:
    """Vectors that arrive between other steps are not lost: every session that waits is judged in the end."""
    cluster = FakeCluster(TOPICS)
    async with replica(cluster) as member:
        member.engine.delay_s = 0.05
        expected: list[Place] = []
        for number in range(240):
            line = {"time": 1_700_000_000 + number * 9, "scope": "s", "key": f"k{number % 7}", "message": "x " * number}
            expected.append(("logs", 0, cluster.append("logs", orjson.dumps(line)), 0))
        await until(lambda: settled(cluster, expected))
    assert outcome(cluster, expected).clean


async def test_a_bad_record_becomes_one_dead_letter_and_spoils_nothing() -> None:
    """A record that is not JSON becomes an unchanged dead letter; its neighbours are judged."""
    cluster = FakeCluster(TOPICS)
    expected = feed(cluster, 20)
    expected.append(("logs", 1, cluster.append("logs", b"{no json", key=b"k", partition=1), 0))
    expected += feed(cluster, 20, start=20)
    async with replica(cluster):
        await until(lambda: settled(cluster, expected))
    assert outcome(cluster, expected).clean
    assert [(b"k", b"{no json")] == [(r.key, r.value) for r in cluster.values("dead_letters")]


async def test_a_batch_that_is_not_unpacked_is_one_dead_letter_across_crashes() -> None:
    """Its records are given up once, by a letter that holds nothing of them; all others are judged once."""
    cluster = FakeCluster(TOPICS)
    expected = feed(cluster, 20)
    refusal = cluster.write_bomb(TopicPartition("logs", 1), 5)
    expected.append(("logs", 1, refusal.last, 0))
    expected += feed(cluster, 20, start=20)
    async with replica(cluster):
        await until(lambda: bool(cluster.values("dead_letters")))
    more = feed(cluster, 20, start=40)
    async with replica(cluster):
        await until(lambda: settled(cluster, [*expected, *more]))
    assert outcome(cluster, [*expected, *more]).clean
    assert [None] == [letter.value for letter in cluster.values("dead_letters")]


async def test_a_text_that_the_engine_refuses_becomes_a_dead_letter_and_the_others_are_judged() -> None:
    """The dead letter names the places of the session's lines, the engine's reason, and holds the redacted lines."""
    cluster = FakeCluster(TOPICS)
    expected = feed(cluster, 40)
    places = {
        cluster.append("logs", orjson.dumps(line), partition=1)
        for line in [
            {"time": 1_700_000_040, "scope": "s", "key": "odd", "message": "poison password=tiger99 here"},
            {"time": 1_700_000_041, "scope": "s", "key": "odd", "message": "poison again"},
        ]
    }
    async with replica(cluster) as member:
        member.engine.refuses = "poison"
        await until(lambda: bool(cluster.values("dead_letters")) and settled(cluster, expected))
    [letter] = cluster.values("dead_letters")
    document, headers = orjson.loads(letter.value or b""), dict(letter.headers)
    refused = {offset for _, _, offset, _ in places_of(document)}

    found = outcome(cluster, [*expected, ("logs", 1, min(places), 0)])  # a dead letter's own place is its first line's
    assert ([], []) == (found.lost, found.duplicated)
    assert places == refused
    assert ["poison password=<SECRET> here", "poison again"] == [line["text"] for line in document["lines"]]
    assert b"1" == headers["__connect.errors.partition"]
    assert str(min(places)).encode() == headers["__connect.errors.offset"]
    assert b"refused_text: no poison" == headers["__connect.errors.exception.message"]
    assert not refused & {
        offset
        for verdict in cluster.values("verdicts")
        for _, partition, offset, _ in places_of(orjson.loads(verdict.value or b""))
        if partition == 1
    }


@pytest.mark.parametrize("seed", range(12))
async def test_nothing_is_lost_or_doubled_when_any_step_fails(seed: int) -> None:
    """Requests that fail before or after they take effect, and replicas that vanish, change nothing in the end."""
    rng = random.Random(seed)

    def faults(step: str, source: TopicPartition) -> None:
        if rng.random() < (0.002 if step == "produce" else 0.05):
            raise PartitionError(f"committing: {step} of {source} failed by a test's hand")

    cluster = FakeCluster(TOPICS, faults)
    expected = feed(cluster, 150, seed=seed)
    for _ in range(3):
        async with replica(cluster):
            await asyncio.sleep(rng.random() * 0.15)
            expected += feed(cluster, 50, start=len(expected), seed=seed)
    async with replica(cluster) as last:
        await until(lambda: settled(cluster, expected))
        # Each session weighs one, once: the baseline holds what a run without faults would have made.
        await until(lambda: len(cluster.values("verdicts")) == sum(s.sessions for s in last.detector.scopes()))
    assert outcome(cluster, expected).clean


async def test_a_partition_moves_to_another_replica_without_loss() -> None:
    """Open sessions of a revoked partition go on at its new owner."""
    cluster = FakeCluster(TOPICS)
    expected = feed(cluster, 120)
    async with replica(cluster, alone=False, idle=0.5) as one, replica(cluster, alone=False, idle=0.5) as two:
        a, b = one.broker.memberships[0], two.broker.memberships[0]
        parts = [TopicPartition("logs", p) for p in range(3)]
        await cluster.rebalance({a: parts})
        await until(lambda: len(cluster.values("verdicts")) > 10)
        await cluster.rebalance({a: parts[:1], b: parts[1:]})
        expected += feed(cluster, 60, start=120)
        await cluster.rebalance({b: parts})
        await until(lambda: settled(cluster, expected))
    assert outcome(cluster, expected).clean


async def test_a_stale_owner_cannot_commit() -> None:
    """Two replicas that both believe to own a partition publish each line once: the newer producer fences the older."""
    cluster = FakeCluster(TOPICS)
    expected = feed(cluster, 60)
    async with replica(cluster) as one, replica(cluster) as other:
        await until(lambda: settled(cluster, expected))
        expected += feed(cluster, 60, start=60)
        await until(lambda: settled(cluster, expected))
        fenced = [member.metrics.partition_restarts.labels("fenced")._value for member in (one, other)]
        await until(lambda: any(count.get() for count in fenced))
    assert outcome(cluster, expected).clean


async def test_lines_that_retention_deleted_are_reported_and_skipped() -> None:
    """What was deleted before it was read is counted as lost, and the rest goes on."""
    cluster = FakeCluster(TOPICS)
    expected = feed(cluster, 90)
    async with replica(cluster, idle=0.02):
        await until(lambda: settled(cluster, expected))
    later = feed(cluster, 30, start=90)
    place = TopicPartition("logs", 0)
    log = cluster.logs[place]
    first = log.first + len(log.records) - 3
    gone = [p for p in later if p[1] == 0 and p[2] < first]
    log.delete(first)
    async with replica(cluster) as member:
        kept = [p for p in expected + later if p not in gone]
        await until(lambda: settled(cluster, kept))
        assert len(gone) == member.metrics.lost_records.labels("logs", "0")._value.get()
    assert outcome(cluster, kept).clean


async def test_deleted_lines_are_no_longer_unsettled() -> None:
    """When all that was unsettled is deleted, the count of unsettled lines is zero, though nothing new comes."""
    cluster = FakeCluster(TOPICS)
    feed(cluster, 90)
    async with replica(cluster, idle=60.0) as member:
        await until(lambda: unsettled(member) and all(p.quiet for p in member.pipeline.partitions))
        await member.stop()
    for place in [TopicPartition("logs", number) for number in range(3)]:
        log = cluster.logs[place]
        log.delete(log.first + len(log.records))
    async with replica(cluster, idle=60.0) as member:
        await until(member.metrics.lost_records.labels("logs", "0")._value.get)
        await until(lambda: all(p.state is State.RUN for p in member.pipeline.partitions))

        assert 0 == unsettled(member)


def feed_packed(cluster: FakeCluster, records: int, lines: int) -> list[Place]:
    """Append records that hold many lines each, every line a session of its own and all of one second."""
    places = []
    for number in range(records):
        many = [
            {"time": 1_700_000_000, "scope": "s", "key": f"k{number}.{n}", "message": "ended"} for n in range(lines)
        ]
        offset = cluster.append("logs", orjson.dumps(many))
        places += [("logs", 0, offset, index) for index in range(1, lines + 1)]
    return places


async def test_many_lines_a_record_do_not_stop_the_reading() -> None:
    """Open sessions with more lines than fit are closed, the oldest first, so that the partition goes on."""
    cluster = FakeCluster(TOPICS)
    expected = feed_packed(cluster, 5, 500)
    async with replica(cluster, idle=60.0) as member:

        def read_to(offset: int) -> bool:
            return any(p.expected == offset and p.load.open_sessions for p in member.pipeline.partitions)

        await until(lambda: read_to(5))
        expected += feed_packed(cluster, 1, 500)
        await until(lambda: read_to(6))
        await until(lambda: "pin" in {orjson.loads(r.value or b"")["closed_by"] for r in cluster.values("verdicts")})
        await member.stop()
    async with replica(cluster):
        await until(lambda: settled(cluster, expected))
    assert outcome(cluster, expected).clean


async def test_a_checkpoint_with_more_lines_than_fit_is_read_again() -> None:
    """What an earlier start left unsettled, under other limits, does not keep the next one from reading."""
    cluster = FakeCluster(TOPICS)
    expected = feed_packed(cluster, 1, 2_500)
    async with replica(cluster, limits=replace(LIMITS, max_pinned=10_000), idle=60.0) as member:
        await until(lambda: cluster.values("checkpoints") and unsettled(member) == 2_500)
        await member.stop()
    async with replica(cluster):
        await until(lambda: settled(cluster, expected))
    assert outcome(cluster, expected).clean


def unsettled(member: Replica) -> int:
    return sum(partition.load.unsettled for partition in member.pipeline.partitions)


async def test_a_dead_engine_ends_the_pipeline_and_loses_nothing() -> None:
    """The process is to end with the engine's error; the next one finishes the work."""
    cluster = FakeCluster(TOPICS)
    expected = feed(cluster, 60)
    async with replica(cluster) as member:
        member.engine.kill("out of memory")
        with pytest.raises(EngineError, match="out of memory"):
            await member.running
    async with replica(cluster):
        await until(lambda: settled(cluster, expected))
    assert outcome(cluster, expected).clean


async def test_feedback_reaches_the_baseline_and_a_bad_one_the_dead_letters() -> None:
    """A label is committed through the baseline's topic; what cannot be read becomes a dead letter."""
    cluster = FakeCluster(TOPICS)
    expected = feed(cluster, 60)
    async with replica(cluster):
        await until(lambda: settled(cluster, expected))
        pattern = orjson.loads(cluster.values("verdicts")[0].value or b"")["pattern"]
        cluster.append("feedback", orjson.dumps({"scope": "s", "pattern": pattern, "verdict": "normal"}))
        cluster.append("feedback", b'{"verdict": "lovely"}')
        await until(lambda: cluster.values("dead_letters"))
        await until(lambda: any(b"normal" in (r.value or b"") for r in cluster.values("baseline")))
    assert [b'{"verdict": "lovely"}'] == [r.value for r in cluster.values("dead_letters")]


async def test_an_alerts_id_is_enough_for_feedback() -> None:
    """The scope of a pattern in the baseline is found; of one that is not there it must be named.

    An alert's own id names the cause of its incident; that of the session it shows names the pattern.
    """
    cluster = FakeCluster(TOPICS)
    expected = feed(cluster, 60)
    async with replica(cluster) as member:
        await until(lambda: settled(cluster, expected))

        def shown() -> list[dict[str, Any]]:
            return [a for r in cluster.values("alerts") if (a := orjson.loads(r.value or b""))["verdict"]]

        await until(shown)  # an incident is told by its first line; its session follows when it has closed
        alert = shown()[0]
        cluster.append("feedback", orjson.dumps({"pattern": "0" * 16, "verdict": "normal"}))
        cluster.append("feedback", orjson.dumps({"alert": alert["id"], "verdict": "normal", "by": "ann"}))
        cluster.append("feedback", orjson.dumps({"alert": alert["verdict"], "verdict": "normal", "by": "ann"}))
        await until(lambda: member.detector.labels("s"))
        await until(lambda: cluster.values("dead_letters"))
        assert [("s", 1)] == [(scope.scope, scope.labels) for scope in member.detector.scopes()]
        assert {alert["pattern"]} == set(member.detector.labels("s"))
    (dead,) = cluster.values("dead_letters")
    assert b"pattern 0000000000000000 is not in the baseline; name its scope" in b" ".join(v for _, v in dead.headers)


async def test_draining_commits_what_was_read() -> None:
    """After a drain nothing that was judged is judged again, and open sessions go on elsewhere."""
    cluster = FakeCluster(TOPICS)
    expected = feed(cluster, 100)
    member = Replica(cluster, idle=60.0)
    await member.start()
    await until(lambda: len(cluster.values("verdicts")) > 10)
    await member.stop()
    before = len(cluster.values("verdicts"))
    async with replica(cluster):
        await until(lambda: settled(cluster, expected))
    assert outcome(cluster, expected).clean
    assert len(cluster.values("verdicts")) > before


async def test_a_new_processor_continues_where_the_old_one_was() -> None:
    """Partitions that are given new processors, also again and again, lose nothing and publish nothing twice."""
    cluster = FakeCluster(TOPICS)
    expected = feed(cluster, 60)
    async with replica(cluster, idle=0.5) as member:
        for number in range(6):
            await asyncio.sleep(0.05)
            expected += feed(cluster, 20, start=60 + 20 * number)
            member.pipeline.renew()
        await until(lambda: settled(cluster, expected))

        assert 0 == member.metrics.partition_restarts.labels("error")._value.get()
    assert outcome(cluster, expected).clean


async def test_draining_waits_for_a_batch_that_is_being_worked_on() -> None:
    """What was fetched when the drain began is judged and committed, also while the worker thread is still busy."""
    cluster = FakeCluster(TOPICS)
    member = Replica(cluster, idle=60.0)
    await member.start()
    await until(lambda: len(member.pipeline.partitions) == 5 and all(p.in_place for p in member.pipeline.partitions))
    busy = asyncio.create_task(member.thread(time.sleep, 0.5))
    feed(cluster, 100)
    logs = [partition for partition in member.pipeline.partitions if partition.source.topic == "logs"]
    await until(lambda: all(partition.expected > 0 for partition in logs))
    assert [] == [partition.source for partition in logs if partition.quiet]
    await member.stop()
    await busy
    committed = {record.key: Checkpoint.decode(record.value or b"").next for record in cluster.values("checkpoints")}
    expected = {f"group/logs/{p.source.partition}".encode(): p.expected for p in logs}
    assert expected == {key: committed[key] for key in expected}
