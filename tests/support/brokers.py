"""What tests do with the real broker besides using the daemon: names and topics of their own."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic


def unique(stem: str) -> str:
    """Return a unique name, for a topic, a group or a transactional id."""
    return f"{stem}-{uuid.uuid4().hex[:10]}"


@dataclass(frozen=True, slots=True)
class Topics:
    """Makes topics with names of their own on the broker."""

    admin: AIOKafkaAdminClient
    bootstrap_servers: str

    async def make(
        self, stem: str = "topic", partitions: int = 1, config: Mapping[str, str] | None = None, replicas: int = 1
    ) -> str:
        """Create a topic and return its name."""
        name = unique(stem)
        topic = NewTopic(name, num_partitions=partitions, replication_factor=replicas, topic_configs=dict(config or {}))
        answer = await self.admin.create_topics([topic])
        errors = [error for error in answer.topic_errors if error[1]]
        if errors:
            raise RuntimeError(f"topic {name} was refused: {errors}")
        return name


@asynccontextmanager
async def topics_on(servers: str) -> AsyncIterator[Topics]:
    """Connect to a broker to make topics on it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        yield Topics(admin, servers)
    finally:
        await admin.close()
