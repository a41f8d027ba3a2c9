"""Reads from the topics what the daemon has learned, for several verbs."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.adapters.kafka import KafkaSettings
    from daemon.cli.stored_baseline import StoredBaseline
    from daemon.core.detection import DetectorSettings
    from daemon.core.incidents import History


async def read_baseline(kafka: KafkaSettings, topic: str, settings: DetectorSettings) -> StoredBaseline | None:
    """Return the baseline that a topic holds, None when it is empty. Raises UnavailableError."""
    from daemon.adapters.kafka import KafkaBroker
    from daemon.cli.stored_baseline import read_topic

    broker = KafkaBroker(kafka)
    await broker.start()
    try:
        return await read_topic(broker, topic, settings)
    finally:
        await broker.close()


async def read_learned_incidents(kafka: KafkaSettings, scopes: Collection[str] | None) -> History:
    """Return what the incidents stage has learned of some scopes or of all; empty before its first checkpoint.

    Raises UnavailableError, and DataError for a state of another release.
    """
    from daemon.adapters.kafka import KafkaBroker
    from daemon.core.incidents import history_from
    from daemon.core.stream import checkpoint_key, name_of_piece
    from daemon.core.types import TopicPartition

    key = checkpoint_key(kafka.group_id, TopicPartition(kafka.topics["observations"], 0))
    broker = KafkaBroker(kafka)
    await broker.start()
    try:
        pieces = await broker.latest(kafka.topics["checkpoints"], 0, key)
    finally:
        await broker.close()
    return history_from({name_of_piece(key, k): value for k, value in pieces.items() if k != key}, scopes)
