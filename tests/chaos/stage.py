"""What a run happens on: three Kafka nodes behind proxies, topics with names of their own, and their administration."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from demo.broker import Cluster
from tests.chaos.proxy import Proxy

ROLES = ("alerts", "verdicts", "dead_letters", "checkpoints", "baseline", "feedback")
NEVER_COMPACTED = {"segment.ms": "86400000", "min.cleanable.dirty.ratio": "0.99"}


@dataclass(frozen=True)
class Names:
    """A run's input topic, its group, and its topics by role."""

    run: str
    input: str
    partitions: int

    @property
    def topics(self) -> Mapping[str, str]:
        return {role: f"{self.run}-{role}" for role in ROLES}


@dataclass(frozen=True)
class Times:
    """Seconds of silence after which a replica, and a transaction, is given up."""

    session: float = 3.0
    transaction: float = 10.0


class Stage:
    """The cluster, its proxies, and an administrator who waits for it."""

    def __init__(self, cluster: Cluster, proxies: Mapping[int, Proxy], admin: AIOKafkaAdminClient) -> None:
        self.cluster = cluster
        self.proxies = proxies
        self._admin = admin

    @property
    def servers(self) -> str:
        """Where replicas and the feeder are told to go: the proxies."""
        return self.cluster.bootstrap_servers

    @property
    def true_servers(self) -> str:
        """The nodes themselves."""
        return ",".join(self.cluster.address(number) for number in self.cluster.numbers)

    async def make_input(self, name: str, partitions: int) -> None:
        """Create an input topic."""
        await self._make([NewTopic(name, partitions, 3)])

    async def make_outputs(self, names: Names) -> None:
        """Create a run's own topics. Checkpoints are kept whole, with the broker's time: they show the progress."""
        stamped = {"message.timestamp.type": "LogAppendTime"}
        policies = {
            "checkpoints": {"cleanup.policy": "compact", **NEVER_COMPACTED, **stamped},
            "baseline": {"cleanup.policy": "compact", **NEVER_COMPACTED},
            "verdicts": stamped,
        }
        await self._make(
            [
                NewTopic(
                    topic, 1 if role == "feedback" else names.partitions, 3, topic_configs=dict(policies.get(role, {}))
                )
                for role, topic in names.topics.items()
            ]
        )

    async def _make(self, topics: list[NewTopic]) -> None:
        answer = await self._admin.create_topics(topics)
        if refused := [error for error in answer.topic_errors if error[1]]:
            raise RuntimeError(f"topics were refused: {refused}")

    async def configure(self, topic: str, settings: Mapping[str, str]) -> None:
        """Replace a topic's own settings."""
        await self._admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, dict(settings))])

    async def delete_before(self, topic: str, partition: int, offset: int) -> None:
        """Let retention take what lies before `offset`."""
        await self._admin.delete_records({KafkaPartition(topic, partition): RecordsToDelete(before_offset=offset)})

    async def restart_node(self, number: int) -> None:
        """Start a node that is down, and wait until it serves."""
        await asyncio.to_thread(self.cluster.start_node, number)


@asynccontextmanager
async def stage(nodes: int = 3) -> AsyncIterator[Stage]:
    """Start everything; at the end nothing is left."""
    cluster: Cluster
    proxies = {number: Proxy(lambda number=number: cluster.address(number)) for number in range(1, nodes + 1)}  # type: ignore[misc]  # mypy cannot infer a lambda with a default
    for proxy in proxies.values():
        await proxy.start()
    cluster = Cluster(nodes, advertised={number: proxy.address for number, proxy in proxies.items()}, backend="java")
    try:
        await asyncio.to_thread(cluster.start)
        admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap_servers)
        await admin.start()
        try:
            yield Stage(cluster, proxies, admin)
        finally:
            await admin.close()
    finally:
        await asyncio.to_thread(cluster.close)
        for proxy in proxies.values():
            await proxy.close()


def write_config(
    path: Path, names: Names, servers: str, engine: str, times: Times, changes: Mapping[str, Mapping[str, object]]
) -> None:
    """Write a replica's configuration; `changes` go over its sections."""
    sections: dict[str, dict[str, object]] = {
        "kafka": {
            "bootstrap_servers": servers.split(","),
            "group_id": names.run,
            "session_timeout": f"{times.session:g}s",
            "transaction_timeout": f"{times.transaction:g}s",
            "commit_interval": "200ms",
            "checkpoint_interval": "1s",
        },
        "input": {"topics": [names.input]},
        "sessions": {"gap": "10s", "max_age": "60s", "max_lines": 30, "idle_flush": "1h"},
        "engine": {"type": "openai", "model": "stub", "url": engine, "timeout": "3s"},
        "detector": {"warm_up": 0},
        "alerts": {"budget": 1},
        "topics": dict(names.topics),
        "http": {"port": 0},
        "logging": {"format": "json"},
    }
    for section, keys in changes.items():
        sections[section] |= keys
    path.write_text(yaml.safe_dump(sections))
