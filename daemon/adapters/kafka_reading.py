"""Plain reading and writing of topics, for people's verbs: `tail`, `label`, `top`, `baseline`."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from daemon.adapters.kafka import KafkaSettings
from daemon.errors import UnavailableError


async def _reader(settings: KafkaSettings, topic: str) -> tuple[AIOKafkaConsumer, list[TopicPartition]]:
    reader = AIOKafkaConsumer(**settings.connection(), isolation_level="read_committed", enable_auto_commit=False)
    try:
        await reader.start()
        await reader._client.fetch_all_metadata()  # noqa: SLF001  # partitions_for_topic knows only followed topics
        known = reader.partitions_for_topic(topic) or await _fetched(reader, topic)
        if not known:
            raise UnavailableError(f"topic {topic} does not exist; make it with `strayline topics create`")
        partitions = [TopicPartition(topic, number) for number in sorted(known)]
        reader.assign(partitions)
    except (KafkaError, OSError) as error:
        await reader.stop()
        raise UnavailableError(f"no Kafka at {', '.join(settings.bootstrap_servers)}: {error}") from None
    except UnavailableError:
        await reader.stop()
        raise
    return reader, partitions


async def _fetched(reader: AIOKafkaConsumer, topic: str) -> set[int]:
    metadata = await reader._client.fetch_all_metadata()  # noqa: SLF001  # see above
    return set(metadata.partitions_for_topic(topic) or ())


async def read_values(settings: KafkaSettings, topic: str) -> AsyncIterator[bytes]:
    """Yield the values of a topic from its beginning to where it ends now."""
    reader, partitions = await _reader(settings, topic)
    try:
        await reader.seek_to_beginning(*partitions)
        ends = await reader.end_offsets(partitions)
        while any([await reader.position(p) < end for p, end in ends.items()]):
            for records in (await reader.getmany(timeout_ms=200)).values():
                for record in records:
                    if record.value is not None:
                        yield record.value
    finally:
        await reader.stop()


async def follow_values(settings: KafkaSettings, topic: str, *, from_beginning: bool) -> AsyncIterator[bytes]:
    """Yield the values of a topic as they are committed, for ever."""
    reader, partitions = await _reader(settings, topic)
    try:
        await (reader.seek_to_beginning if from_beginning else reader.seek_to_end)(*partitions)
        while True:
            for records in (await reader.getmany(timeout_ms=500)).values():
                for record in records:
                    if record.value is not None:
                        yield record.value
    finally:
        await reader.stop()


async def publish(settings: KafkaSettings, topic: str, *, key: bytes, value: bytes) -> None:
    """Publish one message and wait until the brokers have it."""
    producer = AIOKafkaProducer(**settings.connection(), acks="all")
    try:
        await producer.start()
        await producer.send_and_wait(topic, value=value, key=key)
    except (KafkaError, OSError) as error:
        raise UnavailableError(f"publishing to {topic}: {type(error).__name__}: {error}") from None
    finally:
        await producer.stop()
