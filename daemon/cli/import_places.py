"""In which partition of the baseline's topic an imported scope must lie, so that the replica that serves it reads it.

Where every replica reads the whole topic, that is any partition. Else it is the one that belongs to the partition with
the scope's lines: where `input.repartition` sends it, where the topic has the scope already, or where Kafka's default
partitioner puts records that have the scope as their key.
"""

from __future__ import annotations

from collections.abc import Callable

from aiokafka.partitioner import murmur2

from daemon.adapters.kafka import KafkaBroker
from daemon.cli.stored_baseline import StoredBaseline
from daemon.config import Config
from daemon.core.repartition import place_of_scope
from daemon.core.stream import LABELS
from daemon.wiring import kafka_settings


async def placing(config: Config, stored: StoredBaseline | None) -> Callable[[str], int]:
    """Return what says where a scope belongs, beside what the topic holds. Raises UnavailableError."""
    if config.detector.baselines == "all":
        return lambda _: LABELS
    broker = KafkaBroker(kafka_settings(config))
    try:
        await broker.start()
        topics = config.topics
        width = min([await broker.partitions(topic) for topic in (topics.checkpoints, topics.baseline)])
        judged = topics.repartition if config.input.repartition else config.input.topics[0]
        lines = await broker.partitions(judged)
    finally:
        await broker.close()
    repartitioned = config.input.repartition
    return lambda scope: place_of_import(scope, stored, lines, width, repartitioned=repartitioned)


def place_of_import(scope: str, stored: StoredBaseline | None, lines: int, width: int, *, repartitioned: bool) -> int:
    """Return the partition of a scope in a topic of `width`, whose lines are in one of `lines` partitions."""
    if repartitioned:
        return place_of_scope(scope, "", lines) % width
    homes = stored.detector.homes(scope) if stored is not None else frozenset()
    if len(homes) == 1:
        return min(homes)
    return int(murmur2(scope.encode("utf-8", "surrogatepass")) & 0x7FFFFFFF) % lines % width
