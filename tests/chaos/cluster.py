"""The environment of a run: three Kafka nodes behind TCP proxies, the run's topics, and a replica's configuration."""

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
from tests.support.tcp_proxy import TcpProxy

ROLES = ("alerts", "verdicts", "dead_letters", "checkpoints", "baseline", "observations", "feedback")
SINGLE = ("feedback", "observations")
"""Roles of topics with one partition."""
NEVER_COMPACTED = {"segment.ms": "86400000", "min.cleanable.dirty.ratio": "0.99"}


@dataclass(frozen=True)
class RunTopics:
    """A run's consumer group `run`, its input topic, and its own topics by role.

    With `between`, lines go through a topic of so many partitions to the partition of their key.
    """

    run: str
    input: str
    partitions: int
    between: int = 0

    @property
    def by_role(self) -> Mapping[str, str]:
        return {role: f"{self.run}-{role}" for role in (*ROLES, *(["repartition"] if self.between else []))}

    @property
    def width(self) -> int:
        """The number of partitions of the run's topics that have as many as the topics that it reads."""
        return max(self.partitions, self.between)


@dataclass(frozen=True)
class Timeouts:
    """The session time-out and the transaction time-out, in seconds."""

    session: float = 3.0
    transaction: float = 10.0


class ProxiedCluster:
    """The cluster, its proxies, and an admin client."""

    def __init__(self, cluster: Cluster, proxies: Mapping[int, TcpProxy], admin: AIOKafkaAdminClient) -> None:
        self.nodes = cluster
        self.proxies = proxies
        self._admin = admin

    @property
    def servers(self) -> str:
        """The proxies' addresses, for the replicas and the load generator."""
        return self.nodes.bootstrap_servers

    @property
    def direct_servers(self) -> str:
        """The nodes' own addresses, past the proxies."""
        return ",".join(self.nodes.address(number) for number in self.nodes.numbers)

    async def create_input(self, name: str, partitions: int) -> None:
        """Create an input topic."""
        await self._create([NewTopic(name, partitions, 3)])

    async def create_outputs(self, topics: RunTopics) -> None:
        """Create a run's own topics. Checkpoints show the progress: never compacted, stamped by the broker."""
        stamped = {"message.timestamp.type": "LogAppendTime"}
        policies = {
            "checkpoints": {"cleanup.policy": "compact", **NEVER_COMPACTED, **stamped},
            "baseline": {"cleanup.policy": "compact", **NEVER_COMPACTED},
            "verdicts": stamped,
            "repartition": stamped,
        }
        widths = {**dict.fromkeys(SINGLE, 1), "repartition": topics.between}
        await self._create(
            [
                NewTopic(topic, widths.get(role, topics.width), 3, topic_configs=dict(policies.get(role, {})))
                for role, topic in topics.by_role.items()
            ]
        )

    async def _create(self, new: list[NewTopic]) -> None:
        answer = await self._admin.create_topics(new)
        if refused := [error for error in answer.topic_errors if error[1]]:
            raise RuntimeError(f"topics were refused: {refused}")

    async def configure_topic(self, topic: str, settings: Mapping[str, str]) -> None:
        """Replace a topic's own settings."""
        await self._admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, dict(settings))])

    async def delete_records_before(self, topic: str, partition: int, offset: int) -> None:
        """Delete the records before `offset`, as retention does."""
        await self._admin.delete_records({KafkaPartition(topic, partition): RecordsToDelete(before_offset=offset)})

    async def restart_node(self, number: int) -> None:
        """Start a node that is down, and wait until it answers."""
        await asyncio.to_thread(self.nodes.start_node, number)


@asynccontextmanager
async def proxied_cluster(nodes: int = 3) -> AsyncIterator[ProxiedCluster]:
    """Start the cluster and its proxies; stop both at the end."""
    cluster: Cluster
    proxies = {number: TcpProxy(lambda number=number: cluster.address(number)) for number in range(1, nodes + 1)}  # type: ignore[misc]  # mypy cannot infer a lambda with a default
    for proxy in proxies.values():
        await proxy.start()
    cluster = Cluster(nodes, advertised={number: proxy.address for number, proxy in proxies.items()}, backend="java")
    try:
        await asyncio.to_thread(cluster.start)
        admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap_servers)
        await admin.start()
        try:
            yield ProxiedCluster(cluster, proxies, admin)
        finally:
            await admin.close()
    finally:
        await asyncio.to_thread(cluster.close)
        for proxy in proxies.values():
            await proxy.close()


Changes = Mapping[str, Mapping[str, object]]
"""Sections of the configuration, with the keys that differ from the default."""


def write_config(
    path: Path,
    topics: RunTopics,
    servers: str,
    engine: str,
    timeouts: Timeouts,
    changes: Changes,
) -> None:
    """Write a replica's configuration; `changes` override keys of its sections."""
    sections: dict[str, dict[str, object]] = {
        "kafka": {
            "bootstrap_servers": servers.split(","),
            "group_id": topics.run,
            "session_timeout": f"{timeouts.session:g}s",
            "transaction_timeout": f"{timeouts.transaction:g}s",
            "commit_interval": "200ms",
            "checkpoint_interval": "1s",
        },
        "input": {"topics": [topics.input], "repartition": bool(topics.between)},
        "sessions": {"gap": "10s", "max_age": "60s", "max_lines": 30, "idle_flush": "1h"},
        "engine": {"type": "openai", "model": "stub", "url": engine, "timeout": "3s"},
        "detector": {"warm_up": 0},
        "alerts": {"budget": "1000/day"},
        "topics": dict(topics.by_role),
        "http": {"port": 0},
        "logging": {"format": "json"},
    }
    for section, keys in changes.items():
        sections[section] |= keys
    path.write_text(yaml.safe_dump(sections))
