"""What is raised where a transaction fails: the reason, and not what its records then say."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTxnState, KafkaError, TopicAuthorizationFailedError

from daemon.adapters.kafka.client import transaction


async def _failing(reason: KafkaError | None, of_a_record: KafkaError) -> None:
    """A transaction that ends for `reason`, and in which a record fails."""
    producer = AIOKafkaProducer(transactional_id="one")
    producer._txn_manager.set_pid_and_epoch(1, 1)
    try:
        async with transaction(producer):
            if reason is not None:
                producer._txn_manager.error_transaction(reason)
            raise of_a_record
    finally:
        await producer.stop()


def test_a_record_of_another_topic_fails_first() -> None:
    """No right to one topic ends the transaction; a record of another topic then fails for having none."""
    with pytest.raises(TopicAuthorizationFailedError, match="baseline"):
        asyncio.run(_failing(TopicAuthorizationFailedError({"baseline"}), InvalidTxnState()))


def test_only_a_record_fails() -> None:
    with pytest.raises(InvalidTxnState):
        asyncio.run(_failing(None, InvalidTxnState()))
