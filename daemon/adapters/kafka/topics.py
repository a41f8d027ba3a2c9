"""The topics that the daemon needs: created with the right policies, and checked.

Observations and feedback have one partition, whatever the input has: what is told is decided in one place.
Checkpoints and baseline have the same number of partitions as the input. What an input partition writes there goes to
the partition of the same number, so its open transaction never delays the reading of another partition's state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    InvalidReplicationFactorError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)

from daemon.adapters.kafka.admin import admin_client
from daemon.adapters.kafka.diagnosis import no_right
from daemon.adapters.kafka.replicas import Described, describe, patiently, unwritable
from daemon.adapters.kafka.settings import KafkaSettings
from daemon.core.text import many
from daemon.errors import UnavailableError

LARGEST_STATE = 8 * 1024 * 1024
LARGEST_RECORD = 16 * 1024 * 1024
ON_THEIR_WAY_MS = 3 * 86_400_000
"""How long lines on their way to the partition of their key are kept: longer than an outage over a weekend."""
OBSERVED_MS = 7 * 86_400_000
"""How long observations are kept: longer than an outage, because those that are deleted unread are never told."""
SINGLE = ("observations", "feedback")
"""Roles whose topics have one partition."""
SEEN_WITHIN = 10.0
"""Seconds after which nobody waits any longer for new topics to be listed."""


def policies(window: float) -> dict[str, dict[str, str]]:
    """Return each role's topic configuration; `window` is the detector's, in seconds.

    The baseline keeps a record for two windows; a pattern in use is written again within half a window. Small segments
    limit how much a new owner reads. Dead letters must accept any record that the input accepts.
    """
    compacted = {"cleanup.policy": "compact", "segment.ms": "600000", "min.cleanable.dirty.ratio": "0.1"}
    return {
        "checkpoints": {**compacted, "segment.bytes": str(64 << 20), "max.message.bytes": str(LARGEST_STATE)},
        "baseline": {
            **compacted,
            "cleanup.policy": "compact,delete",
            "retention.ms": str(round(2 * window * 1000)),
            "max.message.bytes": str(LARGEST_STATE),
        },
        "alerts": {},
        "observations": {
            "cleanup.policy": "delete",
            "retention.ms": str(OBSERVED_MS),
            "max.message.bytes": str(LARGEST_STATE),
        },
        "repartition": {
            "cleanup.policy": "delete",
            "retention.ms": str(ON_THEIR_WAY_MS),
            "segment.ms": "3600000",
            "max.message.bytes": str(LARGEST_STATE),
            # The broker's time: the clocks of writers differ, and a silent writer is noticed by this one clock.
            "message.timestamp.type": "LogAppendTime",
        },
        "verdicts": {},
        "dead_letters": {"max.message.bytes": str(LARGEST_RECORD)},
        "feedback": {},
    }


def _widths(described: Mapping[str, Described]) -> dict[str, int]:
    return {name: len(topic["partitions"]) for name, topic in described.items()}


async def create_topics(
    settings: KafkaSettings,
    inputs: Sequence[str],
    named: Mapping[str, str],
    *,
    window: float,
    replication: int | None = None,
    input_partitions: int | None = None,
    between: int | None = None,
) -> dict[str, str]:
    """Create the missing topics; return by topic what was done. Raises UnavailableError when a topic cannot be made.

    Input topics are created only if `input_partitions` is given. `between` is the number of partitions of the
    repartition topic, by default that of the input. Without `replication` a topic has three replicas, or one on each
    broker where there are fewer.
    """
    async with admin_client(settings) as admin:
        existing = _widths(await describe(admin))
        if replication is None:
            replication = min(3, await _brokers(admin))
        width = max([existing.get(topic, input_partitions or 1) for topic in inputs])
        relayed = existing.get(named["repartition"], between or width) if "repartition" in named else 0
        widths = {**dict.fromkeys(SINGLE, 1), "repartition": relayed}
        width = max(width, relayed)
        wanted = {topic: (widths.get(role, width), policies(window)[role]) for role, topic in named.items()}
        if input_partitions is not None:
            wanted |= {topic: (input_partitions, {}) for topic in inputs}
        done = {topic: f"exists ({existing[topic]} partitions)" for topic in wanted if topic in existing}
        for topic, (partitions, policy) in wanted.items():
            if topic not in existing:
                await _create(admin, NewTopic(topic, partitions, replication, topic_configs=policy))
                kept = policy.get("cleanup.policy", "delete")
                done[topic] = f"created ({many(partitions, 'partition')}, {kept})"
        if done.keys() - existing.keys():
            await _until_seen(admin, done)
        return done


async def _brokers(admin: AIOKafkaAdminClient) -> int:
    return len((await patiently(admin.describe_cluster))["brokers"])


async def _until_seen(admin: AIOKafkaAdminClient, topics: Iterable[str]) -> None:
    """Wait until new topics are listed, so that what runs next finds them. Who may not see them waits in vain."""
    with suppress(TimeoutError, KafkaError):
        async with asyncio.timeout(SEEN_WITHIN):
            while set(topics) - (await describe(admin)).keys():  # noqa: ASYNC110  # the broker's list
                await asyncio.sleep(0.1)


async def _create(admin: AIOKafkaAdminClient, topic: NewTopic) -> None:
    try:
        response = await patiently(lambda: admin.create_topics([topic]))
    except KafkaError as error:
        raise UnavailableError(f"creating topic {topic.name}: {error}") from None
    for name, code, *message in response.topic_errors:
        kind = for_code(code)
        if kind is TopicAuthorizationFailedError:
            raise UnavailableError(no_right(f"to create topic {name}"))
        if kind is InvalidReplicationFactorError:
            brokers = await _brokers(admin)
            raise UnavailableError(
                f"creating topic {name}: {topic.replication_factor} replicas need as many brokers, and there "
                f"{'is' if brokers == 1 else 'are'} {brokers:,}; give a smaller --replication, or start the others"
            )
        if code and kind is not TopicAlreadyExistsError:
            raise UnavailableError(f"creating topic {name}: {kind.__name__}: {' '.join(map(str, message))}")


async def check_topics(settings: KafkaSettings, inputs: Sequence[str], named: Mapping[str, str]) -> list[str]:
    """Return the problems of the topics, as sentences. Raises UnavailableError when no broker answers."""
    async with admin_client(settings) as admin:
        described = await describe(admin)
        thin = await unwritable(admin, [described[name] for name in named.values() if name in described])
    existing = _widths(described)
    problems = [
        f"topic {topic} does not exist, or we may not see it; let a producer make it, or"
        " `strayline topics create --input-partitions N`"
        for topic in inputs
        if topic not in existing
    ]
    problems += [
        f"topic {topic} does not exist, or we may not see it; make it with `strayline topics create`"
        for topic in named.values()
        if topic not in existing
    ]
    between = [named["repartition"]] if "repartition" in named else []
    width = max((existing[topic] for topic in (*inputs, *between) if topic in existing), default=1)
    problems += [
        f"topic {named[role]} has fewer partitions than the input ({existing[named[role]]} of {width}), so replicas"
        f" would wait for each other; `kafka-topics.sh --alter --topic {named[role]} --partitions {width}` mends it"
        for role in ("checkpoints", "baseline")
        if existing.get(named[role], width) < width
    ]
    return problems + thin
