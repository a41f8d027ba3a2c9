"""Reading the whole baseline from its topic, for several verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.adapters.kafka import KafkaSettings
    from daemon.cli.stored_baseline import StoredBaseline
    from daemon.core.detection import DetectorSettings


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
