"""Keys scattered over input partitions, a real Kafka, a daemon that is killed: whole sessions, exactly once."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
import yaml
from aiokafka import AIOKafkaProducer

from daemon.cli import main
from daemon.config import load_config
from daemon.errors import UnavailableError
from demo.broker import Cluster
from deploy.acls import Acl, daemon_acls
from tests import conftest
from tests.support.audit import Place, audit, places_of
from tests.support.brokers import Topics, topics_on, unique
from tests.support.daemons import STRAYLINE, Daemon
from tests.support.guarded import GUARDED, admin_of, allow, take_away
from tests.support.readiness import judge_something, readiness, send_line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PARTITIONS = 4
LINES = 8
"""Lines of a session."""
BEGIN = 1_780_000_000


@pytest.fixture
async def guarded() -> AsyncIterator[Cluster]:
    """A broker that wants a login, and grants each user what it was given."""
    cluster = Cluster(1, GUARDED, backend="java")
    try:
        await asyncio.to_thread(cluster.start)
    except UnavailableError as error:
        conftest.lacking(str(error))
    try:
        yield cluster
    finally:
        await asyncio.to_thread(cluster.close)


@pytest.fixture
async def daemon(topics: Topics, tmp_path: Path) -> AsyncIterator[Daemon]:
    settings = {"engine": {"type": "lite"}}
    running = await Daemon.make(topics, tmp_path, PARTITIONS, settings, repartition=True)
    try:
        yield running
    finally:
        running.close()


async def send(daemon: Daemon, sessions: range) -> list[Place]:
    """Write whole sessions, five at a time, each line to any partition; return the places of the lines."""
    rng = random.Random(sessions.start)
    async with AIOKafkaProducer(bootstrap_servers=daemon.servers) as producer:
        sent = []
        for number in sessions:
            for line in range(LINES):
                time = BEGIN + number // 5 * 12 + line + number % 5 / 10
                message = f"step {'abcdefgh'[line]} of request done"
                value = {"time": time, "scope": "shop", "key": f"request {number}", "message": message}
                where = {"partition": rng.randrange(PARTITIONS)}
                sent.append(await producer.send(daemon.logs, orjson.dumps(value), key=b"host", **where))
            await asyncio.sleep(0.005)
        records = [await one for one in sent]
    return [(record.topic, record.partition, record.offset, 0) for record in records]


async def test_scattered_sessions_are_whole_and_judged_once_although_the_daemon_is_killed(daemon: Daemon) -> None:
    """Killed twice between and during transactions of both hops: nothing lost, nothing twice, no session cut."""
    await daemon.start()
    expected = await send(daemon, range(100))
    for begin in (100, 200):
        sending = asyncio.create_task(send(daemon, range(begin, begin + 100)))
        await asyncio.sleep(0.4)
        await daemon.end(signal.SIGKILL)
        await daemon.start()
        expected += await sending
    bad = await send_bad(daemon)
    verdicts = [record.value for record in await daemon.published("verdicts", 300)]
    letters = [dict(record.headers) for record in await daemon.published("dead_letters", 1)]

    outcome = audit([*expected, bad], verdicts, (), letters)
    assert ([], [], []) == (outcome.lost, outcome.duplicated, outcome.ids_duplicated)
    judged = [orjson.loads(value) for value in verdicts]
    assert {LINES: 300} == Counter(verdict["lines"] for verdict in judged)
    assert 290 < sum(len({place[1] for place in places_of(verdict)}) > 1 for verdict in judged)


async def test_the_topic_between_has_a_number_of_partitions_of_its_own(
    topics: Topics, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`topics create --repartition-partitions` makes it as wide, and what has a partition for each of them too."""
    group = unique("group")
    roles = ("alerts", "verdicts", "dead_letters", "checkpoints", "baseline", "observations", "feedback", "repartition")
    named = {role: f"{group}.{role}" for role in roles}
    config = {
        "kafka": {"bootstrap_servers": [topics.bootstrap_servers], "group_id": group},
        "input": {"topics": [f"{group}.logs"], "repartition": True},
        "topics": named,
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    numbers = ["--input-partitions", "2", "--repartition-partitions", "5"]

    assert 0 == await asyncio.to_thread(main, ["topics", "create", "--config", str(path), *numbers])
    created = capsys.readouterr().out
    for role, partitions in {"logs": 2, "repartition": 5, "checkpoints": 5, "baseline": 5}.items():
        assert f"{group}.{role}: created ({partitions} partitions, " in created


async def test_rights_to_the_topic_between_that_are_taken_away(guarded: Cluster, tmp_path: Path) -> None:
    """Each refusal is named, by the daemon and by `check --online`; with the right back, everything goes on."""
    inside = f"127.0.0.1:{guarded._plan.nodes[0].internal}"
    security = {"protocol": "SASL_PLAINTEXT", "mechanism": "PLAIN", "username": "strayline", "password": "sham"}
    kafka = {
        "bootstrap_servers": [guarded.bootstrap_servers],
        "group_id": unique("group"),
        "commit_interval": "100ms",
        "security": security,
    }
    settings = {"engine": {"type": "lite"}, "kafka": kafka}
    async with topics_on(inside) as topics:
        daemon = await Daemon.make(topics, tmp_path, settings=settings, repartition=True)
    daemon.servers, between = inside, daemon.topics["repartition"]
    async with admin_of(guarded.bootstrap_servers) as admin:
        await allow(admin, "strayline", daemon_acls(load_config(daemon.config)))
        try:
            await daemon.start()
            await judge_something(daemon)
            refusals = (
                ("Write", f"no right to write to topic {between}"),
                ("Read", f"no right to read topic {between}"),
            )
            for operation, sentence in refusals:
                right = [Acl("topic", between, (operation,))]
                await take_away(admin, "strayline", right)
                await send_line(daemon)
                await unready(daemon, between)
                checked = await asyncio.to_thread(
                    subprocess.run,
                    [*STRAYLINE, "check", "--online", "--config", str(daemon.config)],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert sentence in checked.stdout + checked.stderr
                await allow(admin, "strayline", right)
                await readiness(daemon, 200, 120.0)
                await judge_something(daemon)
        finally:
            daemon.close()


async def unready(daemon: Daemon, topic: str) -> None:
    """Wait until the daemon names this topic as the reason for not being ready."""
    async with asyncio.timeout(120):
        while topic not in (await asyncio.to_thread(daemon.get, "/readyz"))[1]:  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.5)


async def send_bad(daemon: Daemon) -> Place:
    """Write a record that cannot be read; return its place."""
    async with AIOKafkaProducer(bootstrap_servers=daemon.servers) as producer:
        record = await producer.send_and_wait(daemon.logs, b"{no json", partition=2)
    return record.topic, record.partition, record.offset, 0
