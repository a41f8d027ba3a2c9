"""What all Kafka clients here share: sizes, time-outs, and how aiokafka's errors become this program's errors.

Every request for one partition goes through `guarded`. It has a time limit, and a failure is a PartitionError that
names the request, so a failure of one partition does not affect the others. `stop_client` closes a client, also within
a time limit. Both exist because aiokafka raises more than KafkaError, and because some of its calls never return.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Literal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import ConsumerStoppedError, IllegalOperation, KafkaError, ProducerFenced, RecordTooLargeError

import daemon.adapters.kafka.unpacking  # noqa: F401  # importing it bounds what batches unpack to
from daemon.adapters.kafka.diagnosis import missing_right
from daemon.adapters.kafka.settings import KafkaSettings
from daemon.core.types import TopicPartition
from daemon.errors import PartitionError

FETCH_BYTES = 4 * 1024 * 1024
REQUEST_BYTES = 64 * 1024 * 1024
METADATA_SECONDS = 10
"""A frozen broker does not answer, so its clients find the new leader only by asking for metadata again."""
REQUEST_SECONDS = 15

# aiokafka raises more than KafkaError: IllegalOperation for the next send of a producer that was fenced between two
# sends, AssertionError from a client that was closed meanwhile, OSError for a broken connection.
BROKEN = (KafkaError, IllegalOperation, ConsumerStoppedError, OSError, AssertionError, asyncio.InvalidStateError)


def to_kafka(partition: TopicPartition) -> KafkaPartition:
    """Return one of our partitions as aiokafka's type."""
    return KafkaPartition(partition.topic, partition.partition)


def from_kafka(partition: KafkaPartition) -> TopicPartition:
    """Return one of aiokafka's partitions as our type."""
    return TopicPartition(partition.topic, partition.partition)


def member_options(settings: KafkaSettings) -> dict[str, Any]:
    """Return what a consumer needs that is a member of the group: offsets are ours to set and to commit."""
    session = round(settings.session_timeout * 1000)
    rebalance = max(session, 10_000)
    return {
        "group_id": settings.group_id,
        "group_instance_id": settings.instance_id,
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "isolation_level": "read_committed",
        "session_timeout_ms": session,
        "heartbeat_interval_ms": max(100, session // 5),
        "rebalance_timeout_ms": rebalance,
        "request_timeout_ms": rebalance + 1000 * REQUEST_SECONDS,  # the answer to a join comes when all have joined
    }


@contextlib.asynccontextmanager
async def guarded(doing: str, seconds: float, reason: Literal["commit", "error"] = "error") -> AsyncIterator[None]:
    """Turn a time-out (after `seconds`) and aiokafka's errors into a PartitionError that begins with `doing`."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise PartitionError(f"{doing}: no answer within {seconds:g} s", "timeout") from None
    except ProducerFenced:
        raise PartitionError(f"{doing}: fenced, another replica has taken the partition over", "fenced") from None
    except RecordTooLargeError as error:
        raise PartitionError(f"{doing}: {error}; raise the topic's max.message.bytes", reason) from None
    except BROKEN as error:
        why = missing_right(error) or f"{type(error).__name__}: {error}"
        raise PartitionError(f"{doing}: {why}", reason) from None
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # Nobody cancelled this task: a future inside aiokafka was cancelled. It must not end the partition.
        raise PartitionError(f"{doing}: cancelled by the client", reason) from None


def seen(future: asyncio.Future[object]) -> None:
    """Mark a future's error as retrieved: a transaction fails once, not once for each of its records."""
    if not future.cancelled():
        future.exception()


@contextlib.asynccontextmanager
async def transaction(producer: AIOKafkaProducer) -> AsyncIterator[None]:
    """Begin a transaction, whose work commits or aborts it, and raise why it takes no more where that made work fail.

    What fails first ends a transaction; its records then fail with errors of their own, in any order, which only say
    that it has ended.
    """
    await producer.begin_transaction()
    ended = producer._txn_manager.wait_for_transaction_end()  # noqa: SLF001  # the only place that holds the reason
    ended.add_done_callback(seen)
    try:
        yield
    except BROKEN:
        if ended.done() and not ended.cancelled() and (reason := ended.exception()) is not None:
            raise reason from None
        raise


async def stop_client(client: AIOKafkaConsumer | AIOKafkaProducer, seconds: float = 3.0) -> None:
    """Close a client within some `seconds`, also one whose requests never finish. Errors are ignored."""
    if not await _ended(client.stop(), seconds):
        # A producer whose records nobody takes waits for them first, and would go on sending, with its connections.
        if isinstance(client, AIOKafkaProducer):
            await _ended(client._sender.close(), seconds)  # noqa: SLF001  # what `stop` does next
            await _ended(client.client.close(), seconds)
        else:
            await _ended(client._client.close(), seconds)  # noqa: SLF001  # as above


async def _ended(work: Coroutine[Any, Any, Any], seconds: float) -> bool:
    """Return whether some work ended within `seconds`; it is cancelled otherwise. Errors are ignored."""
    task = asyncio.create_task(work)
    task.add_done_callback(seen)
    try:
        done, _ = await asyncio.wait([task], timeout=seconds)
    finally:
        task.cancel()
    await asyncio.wait([task], timeout=seconds)
    return bool(done)
