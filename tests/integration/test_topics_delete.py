"""`strayline topics delete` on a real Kafka."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

from daemon.adapters.kafka.removal import group_of
from daemon.cli import main
from tests.support.brokers import Topics, unique

ROLES = ("alerts", "dead_letters", "checkpoints", "baseline", "feedback")


@pytest.fixture
async def logs(topics: Topics) -> str:
    """An input topic."""
    return await topics.make("logs", partitions=2)


@dataclass(frozen=True)
class Installation:
    """A configuration file, and the group and topics that it names."""

    config: Path
    group: str
    topics: frozenset[str]


@pytest.fixture
def installation(topics: Topics, logs: str, tmp_path: Path) -> Installation:
    """A configuration with a group and topics of its own."""
    group, named = unique("group"), {role: unique(role.replace("_", "-")) for role in ROLES}
    sections = {
        "kafka": {"bootstrap_servers": topics.bootstrap_servers.split(","), "group_id": group},
        "input": {"topics": [logs]},
        "topics": named,
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(sections))
    return Installation(path, group, frozenset(named.values()))


async def _run(capsys: pytest.CaptureFixture[str], installation: Installation, *words: str) -> tuple[int, str]:
    """Run a verb; return its exit code and all that it printed."""
    code = await asyncio.to_thread(main, ["topics", *words, "--config", str(installation.config)])
    printed = capsys.readouterr()
    return code, printed.out + printed.err


async def _existing(topics: Topics) -> set[str]:
    return set(await topics.admin.list_topics())


async def test_delete_names_everything_and_deletes_it_with_yes(
    topics: Topics, logs: str, installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """The topics and the group go, the input stays, and a second call has nothing to do."""
    own, group = installation.topics, installation.group
    assert 0 == (await _run(capsys, installation, "create"))[0]
    await _commit_an_offset(topics, logs, group)

    code, printed = await _run(capsys, installation, "delete", "--yes")
    assert 0 == code
    assert [] == [name for name in (*own, f"consumer group {group}") if name not in printed]
    assert logs not in printed
    async with asyncio.timeout(20):
        while own & await _existing(topics):  # noqa: ASYNC110  # the broker deletes in its own time
            await asyncio.sleep(0.2)
    assert logs in await _existing(topics)
    assert group not in {name for name, _ in await topics.admin.list_consumer_groups()}
    assert (0, "there is nothing to delete\n") == await _run(capsys, installation, "delete", "--yes")


async def test_delete_does_nothing_without_a_terminal_and_without_yes(
    topics: Topics, installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names what it would delete, and ends with the code for wrong usage."""
    await _run(capsys, installation, "create")
    code, printed = await _run(capsys, installation, "delete")
    assert 64 == code
    assert "nothing was deleted" in printed
    assert installation.topics <= await _existing(topics)


async def test_delete_refuses_while_replicas_run(
    topics: Topics, logs: str, installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a member in the group nothing is deleted: a running replica would need what was deleted."""
    await _run(capsys, installation, "create")
    member = AIOKafkaConsumer(logs, bootstrap_servers=topics.bootstrap_servers, group_id=installation.group)
    await member.start()
    try:
        code, printed = await _run(capsys, installation, "delete", "--yes")
    finally:
        await member.stop()
    assert 69 == code
    assert "stop all replicas first" in printed
    assert installation.topics <= await _existing(topics)


async def _commit_an_offset(topics: Topics, logs: str, group: str) -> None:
    """Make the group exist, as a daemon that ran does."""
    consumer = AIOKafkaConsumer(bootstrap_servers=topics.bootstrap_servers, group_id=group)
    await consumer.start()
    consumer.assign([KafkaPartition(logs, 0)])
    await consumer.commit({KafkaPartition(logs, 0): 0})
    await consumer.stop()


class NewCluster:
    """A cluster that has no coordinator when it is first asked for one, and then loads it."""

    def __init__(self, answers: list[int | KafkaError]) -> None:
        self.answers = answers

    async def describe_consumer_groups(self, groups: list[str]) -> list[SimpleNamespace]:
        answer = self.answers.pop(0)
        if isinstance(answer, KafkaError):
            raise answer
        return [SimpleNamespace(groups=[(answer, groups[0], "Dead", "", "", [])])]


async def test_a_coordinator_that_is_not_there_yet_is_waited_for() -> None:
    """A cluster in which no group ever was makes its coordinator when it is asked: deleting works at the first try."""
    loading = 14
    cluster: Any = NewCluster([GroupCoordinatorNotAvailableError(), loading, 0])
    assert ("Dead", 0) == await group_of(cluster, "strayline")
    assert [] == cluster.answers

    never: Any = NewCluster([GroupCoordinatorNotAvailableError()])
    with pytest.raises(GroupCoordinatorNotAvailableError):
        await group_of(never, "strayline", patience=0)
