"""What several verbs read: the whole baseline out of its topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.adapters.kafka_connection import KafkaSettings
    from daemon.baselines import Held
    from daemon.core.detector import DetectorSettings


async def read_baseline(kafka: KafkaSettings, topic: str, settings: DetectorSettings) -> Held | None:
    """Return the baseline that a topic holds by now, None when it is empty. Raises UnavailableError."""
    from daemon.adapters.kafka import KafkaBroker
    from daemon.baselines import read_topic

    broker = KafkaBroker(kafka)
    await broker.start()
    try:
        return await read_topic(broker, topic, settings)
    finally:
        await broker.close()
