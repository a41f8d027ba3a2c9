"""The topics the daemon needs: made with the right policies, and checked.

Checkpoints and baseline are co-partitioned with the input: what a partition of logs writes there lies in the partition
of the same number, so that nobody's unfinished transaction holds up the reading of another's state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from daemon.adapters.kafka.client import KafkaSettings
from daemon.errors import UnavailableError

LARGEST_STATE = 8 * 1024 * 1024
LARGEST_RECORD = 16 * 1024 * 1024


def policies(window: float) -> dict[str, dict[str, str]]:
    """Return each role's topic configuration; `window` is the detector's, in seconds.

    The baseline keeps a record for two windows: what is in use is written anew within half a one. Small segments keep
    what a new owner reads small. Dead letters must hold any record that the input could.
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
        "verdicts": {},
        "dead_letters": {"max.message.bytes": str(LARGEST_RECORD)},
        "feedback": {},
    }


async def _admin(settings: KafkaSettings) -> AIOKafkaAdminClient:
    admin = AIOKafkaAdminClient(**settings.connection())
    try:
        await admin.start()
    except (KafkaError, OSError) as error:
        await admin.close()
        raise UnavailableError(f"no Kafka at {', '.join(settings.bootstrap_servers)}: {error}") from None
    return admin


async def _partitions(admin: AIOKafkaAdminClient) -> dict[str, int]:
    described = await admin.describe_topics()
    return {topic["topic"]: len(topic["partitions"]) for topic in described if not topic["error_code"]}


async def create_topics(
    settings: KafkaSettings,
    inputs: Sequence[str],
    named: Mapping[str, str],
    *,
    window: float,
    replication: int | None = None,
    input_partitions: int | None = None,
) -> dict[str, str]:
    """Create what is missing; return by topic what was done. Raises UnavailableError when a topic cannot be made.

    Input topics are only made when `input_partitions` says with how many partitions. Without `replication` a topic has
    three replicas, or as many as there are brokers.
    """
    admin = await _admin(settings)
    try:
        existing = await _partitions(admin)
        if replication is None:
            replication = min(3, len((await admin.describe_cluster())["brokers"]))
        width = max([existing.get(topic, input_partitions or 1) for topic in inputs])
        wanted = {topic: (width, policies(window)[role]) for role, topic in named.items()}
        wanted[named["feedback"]] = (1, {})
        if input_partitions is not None:
            wanted |= {topic: (input_partitions, {}) for topic in inputs}
        done = {topic: f"exists ({existing[topic]} partitions)" for topic in wanted if topic in existing}
        for topic, (partitions, policy) in wanted.items():
            if topic not in existing:
                await _create(admin, NewTopic(topic, partitions, replication, topic_configs=policy))
                kept = policy.get("cleanup.policy", "delete")
                done[topic] = f"created ({partitions} partitions, {kept})"
        return done
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, topic: NewTopic) -> None:
    try:
        response = await admin.create_topics([topic])
    except KafkaError as error:
        raise UnavailableError(f"creating topic {topic.name}: {error}") from None
    for name, code, *message in response.topic_errors:
        kind = for_code(code)
        if code and kind is not TopicAlreadyExistsError:
            raise UnavailableError(f"creating topic {name}: {kind.__name__}: {' '.join(map(str, message))}")


async def check_topics(settings: KafkaSettings, inputs: Sequence[str], named: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the topics, as sentences. Raises UnavailableError when there is no broker."""
    admin = await _admin(settings)
    try:
        existing = await _partitions(admin)
    finally:
        await admin.close()
    problems = [f"topic {topic} does not exist" for topic in inputs if topic not in existing]
    problems += [
        f"topic {topic} does not exist; make it with `strayline topics create`"
        for topic in named.values()
        if topic not in existing
    ]
    width = max((existing[topic] for topic in inputs if topic in existing), default=1)
    problems += [
        f"topic {named[role]} has fewer partitions than the input ({existing[named[role]]} of {width}); replicas would"
        " wait for each other"
        for role in ("checkpoints", "baseline")
        if existing.get(named[role], width) < width
    ]
    return problems
