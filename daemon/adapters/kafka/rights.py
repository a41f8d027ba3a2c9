"""Whether the cluster allows everything that `strayline run` does, tried without leaving anything behind.

Reading is tried by a fetch from the end of a topic. Writing, transactions and the group are tried in two transactions
of an id that no partition uses: an empty one over all topics that are written to, and one with the group's offset,
which is aborted. Readers of committed records see nothing of either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from daemon.adapters.kafka.client import guarded, stop_client, transaction
from daemon.adapters.kafka.settings import KafkaSettings
from daemon.errors import PartitionError

READ = ("checkpoints", "baseline", "observations", "repartition", "feedback")
WRITTEN = ("alerts", "verdicts", "dead_letters", "checkpoints", "baseline", "observations", "repartition")
"""Roles whose topics `run` reads, and those that it writes to. It also reads the input topics."""
SECONDS = 20.0


async def check_rights(settings: KafkaSettings, inputs: Sequence[str], named: Mapping[str, str]) -> list[str]:
    """Return the rights that `run` lacks, as sentences. All topics must exist."""
    read = [*inputs, *(named[role] for role in READ if role in named)]
    written = [named[role] for role in WRITTEN if role in named]
    try:
        problems = [*await _refused_reads(settings, read), *await _refused_writes(settings, written, inputs[0])]
    except PartitionError as error:
        return [str(error)]
    return [f"{problem}; see the ACLs in docs/operate.md" for problem in problems]


async def _refused_reads(settings: KafkaSettings, topics: Sequence[str]) -> list[str]:
    answers = await asyncio.gather(*(_may_read(settings, topic) for topic in topics))
    return [f"no right to read topic {topic}" for topic, allowed in zip(topics, answers, strict=True) if not allowed]


async def _may_read(settings: KafkaSettings, topic: str) -> bool:
    reader = AIOKafkaConsumer(**await asyncio.to_thread(settings.connection), enable_auto_commit=False)
    partition = KafkaPartition(topic, 0)
    try:
        async with guarded(f"reading {topic}", SECONDS):
            await reader.start()
            reader.assign([partition])
            reader.seek(partition, next(iter((await reader.end_offsets([partition])).values())))
            try:
                await reader.getmany(timeout_ms=500)
            except TopicAuthorizationFailedError:
                return False
    finally:
        await stop_client(reader)
    return True


async def _refused_writes(settings: KafkaSettings, topics: Sequence[str], source: str) -> list[str]:
    transactional_id = f"{settings.group_id}-check"
    producer = AIOKafkaProducer(**await asyncio.to_thread(settings.connection), transactional_id=transactional_id)
    try:
        async with guarded(f"starting transactions of {transactional_id}", SECONDS):
            try:
                await producer.start()
            except TransactionalIdAuthorizationFailed:
                return [f"no right to write with the transactional ids {settings.group_id}-*"]
            return [*await _topics_refused(producer, topics), *await _group_refused(settings, producer, source)]
    finally:
        await stop_client(producer)


async def _topics_refused(producer: AIOKafkaProducer, topics: Iterable[str]) -> list[str]:
    try:
        async with transaction(producer):
            for topic in topics:  # a partition is added, and no record sent
                producer._txn_manager.maybe_add_partition_to_txn(KafkaPartition(topic, 0))  # noqa: SLF001
            await producer.commit_transaction()
    except TopicAuthorizationFailedError as error:
        await producer.abort_transaction()
        return [f"no right to write to topic {topic}" for topic in sorted(error.args[0])]
    return []


async def _group_refused(settings: KafkaSettings, producer: AIOKafkaProducer, source: str) -> list[str]:
    try:
        async with transaction(producer):
            await producer.send_offsets_to_transaction({KafkaPartition(source, 0): 0}, settings.group_id)
    except GroupAuthorizationFailedError:
        return [f"no right to read with the group {settings.group_id}"]
    finally:
        async with asyncio.timeout(SECONDS):  # the block above may have been cut off
            await producer.abort_transaction()
    return []
