"""What several verbs read: the whole baseline out of its topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.adapters.kafka.client import KafkaSettings
    from daemon.cli.stored_baseline import Held
    from daemon.core.detection import DetectorSettings


async def read_baseline(kafka: KafkaSettings, topic: str, settings: DetectorSettings) -> Held | None:
    """Return the baseline that a topic holds by now, None when it is empty. Raises UnavailableError."""
    from daemon.adapters.kafka.broker import KafkaBroker
    from daemon.cli.stored_baseline import read_topic

    broker = KafkaBroker(kafka)
    await broker.start()
    try:
        return await read_topic(broker, topic, settings)
    finally:
        await broker.close()
