"""What every Kafka client here is given, and how what it may raise becomes this program's errors.

What is asked of a broker for the sake of one partition goes through `guarded`: it ends in time, and what goes wrong is
a PartitionError that says what was being done, so that one partition's trouble stays its own. A client is closed by
`stop_client`, which ends in time too. Both are needed because not all that aiokafka raises is a KafkaError, and because
what it has begun may never end.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Literal, TypedDict

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import ConsumerStoppedError, IllegalOperation, KafkaError, ProducerFenced, RecordTooLargeError
from aiokafka.helpers import create_ssl_context

from daemon.core.types import TopicPartition
from daemon.errors import PartitionError

FETCH_BYTES = 4 * 1024 * 1024
REQUEST_BYTES = 64 * 1024 * 1024
METADATA_SECONDS = 10  # a frozen broker says nothing: who leads in its place is only learned by asking
REQUEST_SECONDS = 15

# Not all that aiokafka raises is a KafkaError: a producer that was fenced between two sends calls the next one an
# illegal operation, a client closed meanwhile asserts, and a broken connection is an OSError.
BROKEN = (KafkaError, IllegalOperation, ConsumerStoppedError, OSError, AssertionError, asyncio.InvalidStateError)


class Connection(TypedDict, total=False):
    """Arguments every aiokafka client takes."""

    bootstrap_servers: list[str]
    client_id: str
    security_protocol: str
    ssl_context: SSLContext | None
    sasl_mechanism: str
    sasl_plain_username: str | None
    sasl_plain_password: str | None


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How to reach the cluster, and the names and time-outs (seconds) of our part in it."""

    bootstrap_servers: Sequence[str]
    group_id: str
    instance_id: str | None = None
    session_timeout: float = 10.0
    transaction_timeout: float = 30.0
    topics: Mapping[str, str] = field(default_factory=dict)
    protocol: str = "PLAINTEXT"
    mechanism: str = "PLAIN"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None

    def connection(self) -> Connection:
        """Return the arguments that connect a client."""
        connection = Connection(
            bootstrap_servers=list(self.bootstrap_servers), client_id="strayline", security_protocol=self.protocol
        )
        if "SSL" in self.protocol.split("_"):
            connection["ssl_context"] = create_ssl_context(cafile=self.ca, certfile=self.certificate, keyfile=self.key)
        if self.protocol.startswith("SASL"):
            connection["sasl_mechanism"] = self.mechanism
            connection["sasl_plain_username"] = self.username
            connection["sasl_plain_password"] = self.password
        return connection


def to_kafka(partition: TopicPartition) -> KafkaPartition:
    """Return aiokafka's word for one of our partitions."""
    return KafkaPartition(partition.topic, partition.partition)


def from_kafka(partition: KafkaPartition) -> TopicPartition:
    """Return our word for one of aiokafka's partitions."""
    return TopicPartition(partition.topic, partition.partition)


@contextlib.asynccontextmanager
async def guarded(doing: str, seconds: float, reason: Literal["commit", "error"] = "error") -> AsyncIterator[None]:
    """Turn time-outs (after `seconds`) and Kafka's errors into PartitionError that says what was being done."""
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
        raise PartitionError(f"{doing}: {type(error).__name__}: {error}", reason) from None
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # Nobody cancelled us: aiokafka let a cancelled future of its own through, which must not end the partition.
        raise PartitionError(f"{doing}: given up by the client", reason) from None


def seen(future: asyncio.Future[object]) -> None:
    """Look at a future's error, should nobody else: a transaction fails once, not once for each of its records."""
    if not future.cancelled():
        future.exception()


async def stop_client(client: AIOKafkaConsumer | AIOKafkaProducer, seconds: float = 3.0) -> None:
    """Close a client, also one that can no longer finish what it has begun; how that ends concerns nobody."""
    task = asyncio.create_task(client.stop())
    task.add_done_callback(seen)
    try:
        await asyncio.wait([task], timeout=seconds)
    finally:
        task.cancel()
    await asyncio.wait([task], timeout=seconds)
