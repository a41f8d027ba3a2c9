"""Which topics take no records now: a partition without a leader, or with too few replicas in sync.

How many must be in sync is the topic's `min.insync.replicas`, which needs a right of its own to read (DescribeConfigs).
Where we lack it, `not_taken` says which topics have replicas that are behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, NodeNotReadyError

from daemon.adapters.kafka.settings import KafkaSettings

LEAST = "min.insync.replicas"
SECONDS = 10.0
TRIES = 8
T = TypeVar("T")
Described = Mapping[str, Any]
"""A topic as `AIOKafkaAdminClient.describe_topics` describes it."""


async def describe(admin: AIOKafkaAdminClient) -> dict[str, Described]:
    """Return the topics that there are and that we may see, by name."""
    described = await patiently(admin.describe_topics)
    return {topic["topic"]: topic for topic in described if not topic["error_code"]}


async def unwritable(admin: AIOKafkaAdminClient, described: Iterable[Described]) -> list[str]:
    """Return a sentence for each of these topics that takes no records from a writer that wants them to be safe."""
    topics = list(described)
    wanted = await _least_in_sync(admin, [topic["topic"] for topic in topics])
    problems = []
    for topic in topics:
        name, replicas, in_sync = _worst(topic)
        least = min(wanted.get(name, 1), replicas)  # Kafka takes no more than there are replicas
        if in_sync < least:
            problems.append(
                f"topic {name} takes no records: {in_sync} of {replicas} replicas are in sync and its {LEAST} is "
                f"{least}; is a broker down?"
            )
    return problems


async def not_taken(settings: KafkaSettings, topics: Collection[str], *, sure: bool = False) -> list[str]:
    """Return why these topics may have taken no record, a sentence for each; empty where nobody can say.

    With `sure`, only what is the reason for certain: that takes the right to read the topics' settings.
    """
    admin = AIOKafkaAdminClient(**await asyncio.to_thread(settings.connection))
    described: Sequence[Described] = ()
    try:
        with suppress(KafkaError, OSError):
            async with asyncio.timeout(SECONDS):
                await admin.start()
                described = [topic for name, topic in (await describe(admin)).items() if name in topics]
                if (certain := await unwritable(admin, described)) or sure:
                    return certain
    finally:
        await admin.close()
    return [
        f"topic {name} has {in_sync} of {replicas} replicas in sync: is a broker down, or its {LEAST} too high?"
        for name, replicas, in_sync in map(_worst, described)
        if in_sync < replicas
    ]


def _worst(topic: Described) -> tuple[str, int, int]:
    """Return a topic's name, and of its partition with the fewest replicas in sync how many there are and are in sync.

    Without a leader none is.
    """
    states = [(len(p["isr"]) if p["leader"] >= 0 else 0, len(p["replicas"])) for p in topic["partitions"]]
    in_sync, replicas = min(states)
    return topic["topic"], replicas, in_sync


async def _least_in_sync(admin: AIOKafkaAdminClient, topics: Iterable[str]) -> dict[str, int]:
    """Return `min.insync.replicas` by topic, without those whose settings we may not read."""
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic, {LEAST: None}) for topic in topics]
    least = {}
    for answer in await patiently(lambda: admin.describe_configs(asked)):
        for error, _, _, name, entries in answer.resources:
            if not error:
                least[name] = int(entries[0][1])
    return least


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask again where the broker that aiokafka chose is down: it chooses any, also one that has just ended."""
    for _ in range(TRIES):
        with suppress(NodeNotReadyError):
            return await ask()
        await asyncio.sleep(0.5)
    return await ask()
