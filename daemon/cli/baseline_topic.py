"""Reads from the topics what the daemon has learned, for several verbs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from daemon.errors import PartitionError, UnavailableError

if TYPE_CHECKING:
    from daemon.adapters.kafka import KafkaBroker, KafkaSettings
    from daemon.cli.stored_baseline import StoredBaseline
    from daemon.core.detection import DetectorSettings
    from daemon.core.incidents import History


async def read_baseline(kafka: KafkaSettings, topic: str, settings: DetectorSettings) -> StoredBaseline | None:
    """Return the baseline that a topic holds, None when it is empty. Raises UnavailableError."""
    from daemon.cli.stored_baseline import read_topic

    async with _broker(kafka) as broker:
        return await read_topic(broker, topic, settings)


async def read_learned_incidents(kafka: KafkaSettings, scopes: Collection[str] | None) -> History:
    """Return what the incidents stage has learned of some scopes or of all; empty before its first checkpoint.

    Raises UnavailableError, and DataError for a state of another release.
    """
    from daemon.core.incidents import history_from
    from daemon.core.stream import checkpoint_key, name_of_piece
    from daemon.core.types import TopicPartition

    key = checkpoint_key(kafka.group_id, TopicPartition(kafka.topics["observations"], 0))
    async with _broker(kafka) as broker:
        pieces = await broker.latest(kafka.topics["checkpoints"], 0, key)
    return history_from({name_of_piece(key, k): value for k, value in pieces.items() if k != key}, scopes)


@asynccontextmanager
async def _broker(kafka: KafkaSettings) -> AsyncIterator[KafkaBroker]:
    """Give a connected broker. To a verb, a partition that cannot be read is a service that is not available."""
    from daemon.adapters.kafka import KafkaBroker

    broker = KafkaBroker(kafka)
    await broker.start()
    try:
        yield broker
    except PartitionError as error:
        raise UnavailableError(str(error)) from None
    finally:
        await broker.close()
