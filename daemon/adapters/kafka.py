"""Kafka through aiokafka: group membership, one transactional producer a partition, and reading whole topics.

What aiokafka needs to be told, each learned from its source:

* A commit succeeds even when a produce failed, so every send is awaited first, and a producer that saw any error is
  thrown away. There is no generation fencing: the transactional id (group, topic, partition) is the only fence.
* `auto_offset_reset` must be "none": any other value jumps over what retention deleted without a word.
* `getmany` must end by its own time-out: a cancelled one disables `max_poll_interval_ms`.
* Positions are set in the assignment callback, before the first fetch, so that no committed offset is looked up.
* A static member that leads its group and comes back within its session is not told that it leads, and then nobody
  takes up partitions that are added. So a static member joins twice; the second time it is told.
* Of two processes with one instance id each takes the other's place again and again, and aiokafka joins anew without a
  word: what shows is a member id that changes more often than sessions can expire.
* Its `end_offsets` of a read_committed consumer is the last stable offset. To read a topic to its true end, the end
  comes from a read_uncommitted consumer and the position from a read_committed one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from ssl import SSLContext
from time import monotonic
from typing import Literal, TypedDict

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import (
    ConsumerStoppedError,
    CorruptRecordException,
    IllegalOperation,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    ProducerFenced,
    RecordTooLargeError,
)
from aiokafka.helpers import create_ssl_context

from daemon.adapters.kafka_columns import ColumnarConsumer, joined
from daemon.core.records import Batch, OutRecord, TopicPartition, Update
from daemon.errors import OutOfRangeError, PartitionError, UnavailableError
from daemon.ports import Listener

log = structlog.get_logger(__name__)

FETCH_BYTES = 4 * 1024 * 1024
REQUEST_BYTES = 64 * 1024 * 1024
POLL_RECORDS = 20_000  # taking them apart holds the event loop up, for about a microsecond each
IDLE_POLL = 30.0
METADATA_SECONDS = 10  # a frozen broker says nothing: who leads in its place is only learned by asking
REQUEST_SECONDS = 15
JOIN_SECONDS = 60
PLACES_LOST = 3
"""Losses of one's place in the group within one session time-out: silence alone costs one in that time."""

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


def _native(partition: TopicPartition) -> KafkaPartition:
    return KafkaPartition(partition.topic, partition.partition)


def _ours(partition: KafkaPartition) -> TopicPartition:
    return TopicPartition(partition.topic, partition.partition)


@contextlib.asynccontextmanager
async def _guarded(doing: str, seconds: float, reason: Literal["commit", "error"] = "error") -> AsyncIterator[None]:
    """Turn time-outs and Kafka's errors into PartitionError that says what was being done."""
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


def _seen(future: asyncio.Future[object]) -> None:
    """Look at a future's error, should nobody else: a transaction fails once, not once for each of its records."""
    if not future.cancelled():
        future.exception()


async def _stop(client: AIOKafkaConsumer | AIOKafkaProducer, seconds: float = 3.0) -> None:
    """Close a client, also one that can no longer finish what it has begun; how that ends concerns nobody."""
    task = asyncio.create_task(client.stop())
    task.add_done_callback(_seen)
    try:
        await asyncio.wait([task], timeout=seconds)
    finally:
        task.cancel()
    await asyncio.wait([task], timeout=seconds)


class KafkaMembership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka's base is untyped
    """Our place in the group: implements `ports.Membership`."""

    def __init__(self, settings: KafkaSettings, topics: Sequence[str]) -> None:
        self._settings = settings
        self._topics = list(topics)
        self._listener: Listener | None = None
        self._throttled: set[KafkaPartition] = set()
        self._polled = 0.0
        self._batch_records = POLL_RECORDS
        self._member: str | None = None
        self._lost = deque[float](maxlen=PLACES_LOST)
        session = round(settings.session_timeout * 1000)
        rebalance = max(session, 10_000)
        self._consumer = ColumnarConsumer(
            **settings.connection(),
            group_id=settings.group_id,
            group_instance_id=settings.instance_id,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            session_timeout_ms=session,
            heartbeat_interval_ms=max(100, session // 5),
            rebalance_timeout_ms=rebalance,
            request_timeout_ms=rebalance + 1000 * REQUEST_SECONDS,  # joining is answered when all have joined
            max_poll_interval_ms=300_000,
            max_partition_fetch_bytes=FETCH_BYTES,
            metadata_max_age_ms=1000 * METADATA_SECONDS,
        )

    async def start(self, listener: Listener) -> None:
        self._listener = listener
        self._consumer.subscribe(self._topics, listener=self)
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                await self._consumer.start()
        except (KafkaError, OSError) as error:
            await _stop(self._consumer)
            why = str(error) or f"no answer within {JOIN_SECONDS} s"
            raise UnavailableError(f"joining group {self._settings.group_id}: {why}") from None
        if self._settings.instance_id is not None:
            self._consumer._coordinator.request_rejoin()  # noqa: SLF001  # to subscribe anew would kill its fetcher

    async def on_partitions_revoked(self, revoked: set[KafkaPartition]) -> None:
        assert self._listener is not None
        if revoked:
            await self._listener.revoked()

    def on_partitions_assigned(self, assigned: set[KafkaPartition]) -> None:
        assert self._listener is not None
        member = self._consumer._coordinator.member_id  # noqa: SLF001  # nothing public tells of a lost place
        if self._settings.instance_id is not None and self._member not in (None, member):
            self._lost.append(monotonic())
        self._member = member
        for partition, offset in self._listener.assigned({_ours(p) for p in assigned}).items():
            # Any position keeps aiokafka from looking one up; a held partition is paused until `resume`.
            self._consumer.seek(_native(partition), offset or 0)
            if offset is None:
                self._consumer.pause(_native(partition))

    async def poll(self, partitions: Collection[TopicPartition], seconds: float) -> list[Batch]:
        self._look_for_twin()
        assigned = self._consumer.assignment()
        wanted = [p for p in map(_native, partitions) if p in assigned]
        if not wanted and assigned and monotonic() - self._polled < IDLE_POLL:
            # aiokafka reads "no partitions" as "all". What it has fetched ahead may as well stay where it is.
            await asyncio.sleep(min(seconds, 0.05))
            return []
        if not wanted:
            self._throttled = {p for p in assigned if p not in self._consumer.paused()}
            self._consumer.pause(*self._throttled)
        elif self._throttled:
            self._consumer.resume(*(self._throttled & assigned))
            self._throttled = set()
        self._polled = monotonic()
        try:
            fetched = await self._consumer.getmany(
                *wanted, timeout_ms=round(seconds * 1000), max_records=max(1, POLL_RECORDS // self._batch_records)
            )
        except NoOffsetForPartitionError:
            return []
        except OffsetOutOfRangeError as error:
            raise OutOfRangeError([_ours(p) for p in error.args[0]]) from None
        except CorruptRecordException as error:
            raise PartitionError(f"reading: {error}") from None
        except KafkaError as error:
            # Errors that aiokafka has no name for end its membership; the one it lacks is FENCED_INSTANCE_ID.
            if self._settings.instance_id is None or type(error) is not KafkaError:
                raise
            names = f"group {self._settings.group_id}, kafka.instance_id {self._settings.instance_id}"
            raise UnavailableError(f"{names}: {error}; does another process use this id?") from None
        # aiokafka counts batches here. Those to come are taken to be as large as the largest of the last ones.
        self._batch_records = max(
            (len(part) for parts in fetched.values() for part in parts), default=self._batch_records
        )
        return [joined(_ours(partition), parts) for partition, parts in fetched.items()]

    def _look_for_twin(self) -> None:
        instance, lost = self._settings.instance_id, self._lost
        if len(lost) == PLACES_LOST and lost[-1] - lost[0] < self._settings.session_timeout:
            raise UnavailableError(f"another process has the kafka.instance_id {instance} too: each needs its own")

    def resume(self, partition: TopicPartition, offset: int) -> bool:
        native = _native(partition)
        if native not in self._consumer.assignment():
            return False
        self._consumer.seek(native, offset)
        self._consumer.resume(native)
        return True

    def position(self, partition: TopicPartition) -> int | None:
        subscription = self._consumer._subscription.subscription  # noqa: SLF001  # the public position() may wait
        if subscription is None or subscription.assignment is None:
            return None
        state = subscription.assignment.state_value(_native(partition))
        return state.position if state is not None and state.has_valid_position and not state.paused else None

    async def bounds(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        native = [_native(p) for p in partitions]
        async with _guarded("asking for offsets", self._settings.transaction_timeout):
            first, end = await asyncio.gather(
                self._consumer.beginning_offsets(native), self._consumer.end_offsets(native)
            )
        return {p: (first[_native(p)], end[_native(p)]) for p in partitions}

    async def committed(self, partition: TopicPartition) -> int | None:
        async with _guarded("asking for the group's offset", self._settings.transaction_timeout):
            offset: int | None = await self._consumer.committed(_native(partition))
        return offset

    async def close(self) -> None:
        await _stop(self._consumer)


class KafkaTransactions:
    """One input partition's transactional producer: implements `ports.Transactions`."""

    def __init__(self, settings: KafkaSettings, source: TopicPartition) -> None:
        self._settings = settings
        self._source = source
        self._producer = AIOKafkaProducer(
            **settings.connection(),
            transactional_id=f"{settings.group_id}-{source.topic}-{source.partition}",
            transaction_timeout_ms=round(settings.transaction_timeout * 1000),
            compression_type="zstd",
            max_request_size=REQUEST_BYTES,
            max_batch_size=256 * 1024,
            request_timeout_ms=round(min(settings.transaction_timeout, REQUEST_SECONDS) * 1000),
        )

    async def start(self) -> None:
        try:
            async with _guarded(f"taking over {self._source}", self._settings.transaction_timeout + 10):
                await self._producer.start()
        except BaseException:
            await self.close()
            raise

    async def commit(self, records: Sequence[OutRecord], low: int) -> None:
        producer, topics = self._producer, self._settings.topics
        async with _guarded(f"committing {self._source}", self._settings.transaction_timeout, "commit"):
            await producer.begin_transaction()
            sent: list[asyncio.Future[object]] = []
            for record in records:
                future = await producer.send(
                    topics[record.role],
                    value=record.value,
                    key=record.key,
                    partition=record.partition,
                    headers=list(record.headers),
                )
                future.add_done_callback(_seen)
                sent.append(future)
            await asyncio.gather(*sent)
            await producer.send_offsets_to_transaction({_native(self._source): low}, self._settings.group_id)
            await producer.commit_transaction()

    async def close(self) -> None:
        await _stop(self._producer)


class KafkaBroker:
    """The cluster: implements `ports.Broker`."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._observer = AIOKafkaConsumer(
            **settings.connection(), isolation_level="read_uncommitted", request_timeout_ms=1000 * REQUEST_SECONDS
        )
        self._readers = asyncio.Semaphore(8)

    async def start(self) -> None:
        try:
            async with asyncio.timeout(30):
                await self._observer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await _stop(self._observer)
            servers = ", ".join(self._settings.bootstrap_servers)
            raise UnavailableError(f"no Kafka at {servers}: {error or 'no answer within 30 s'}") from None

    def membership(self, topics: Sequence[str]) -> KafkaMembership:
        return KafkaMembership(self._settings, topics)

    def transactions(self, source: TopicPartition) -> KafkaTransactions:
        return KafkaTransactions(self._settings, source)

    async def partitions(self, topic: str) -> int:
        known = await self._observer._client.fetch_all_metadata()  # noqa: SLF001  # there is no public way to ask
        count = len(known.partitions_for_topic(topic) or ())
        if not count:
            raise UnavailableError(f"topic {topic} does not exist; make it with `strayline topics create`")
        return count

    async def high_water(self, topic: str, partition: int) -> int:
        native = KafkaPartition(topic, partition)
        async with _guarded(f"asking for the end of {topic}/{partition}", self._settings.transaction_timeout):
            ends: dict[KafkaPartition, int] = await self._observer.end_offsets([native])
        return ends[native]

    async def stable_ends(self, topic: str) -> Mapping[int, int]:
        natives = [KafkaPartition(topic, p) for p in range(await self.partitions(topic))]
        doing = f"asking for the end of {topic}"
        async with self._reader(natives) as reader, _guarded(doing, self._settings.transaction_timeout):
            ends: dict[KafkaPartition, int] = await reader.end_offsets(natives)
        return {native.partition: end for native, end in ends.items()}

    async def last(self, topic: str, partition: int, key: bytes) -> bytes | None:
        native = KafkaPartition(topic, partition)
        found: bytes | None = None
        async with self._readers, self._reader([native]) as reader:
            end = await self.high_water(topic, partition)
            # A transaction under way ahead of ours holds the end back until it is committed or timed out.
            async with _guarded(f"reading {topic}/{partition}", 2 * self._settings.transaction_timeout):
                while await reader.position(native) < end:
                    for record in (await reader.getmany(timeout_ms=100)).get(native, ()):
                        found = record.value if record.key == key else found
        return found

    async def follow(self, topic: str) -> AsyncIterator[tuple[Sequence[Update], Mapping[int, int]]]:
        natives = [KafkaPartition(topic, p) for p in range(await self.partitions(topic))]
        async with self._reader(natives) as reader:
            while True:
                async with _guarded(f"following {topic}", self._settings.transaction_timeout):
                    fetched = await reader.getmany(timeout_ms=100, max_records=2_000)
                    read = {p.partition: await reader.position(p) for p in natives}
                updates = [Update(r.key, r.value) for records in fetched.values() for r in records if r.key is not None]
                yield updates, read

    @contextlib.asynccontextmanager
    async def _reader(self, partitions: Sequence[KafkaPartition]) -> AsyncIterator[AIOKafkaConsumer]:
        reader = AIOKafkaConsumer(
            **self._settings.connection(),
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_partition_fetch_bytes=FETCH_BYTES,
            request_timeout_ms=1000 * REQUEST_SECONDS,
            metadata_max_age_ms=1000 * METADATA_SECONDS,
        )
        try:
            async with _guarded("connecting", 30):
                await reader.start()
                reader.assign(list(partitions))
                await reader.seek_to_beginning(*partitions)
            yield reader
        finally:
            await _stop(reader)

    async def close(self) -> None:
        await _stop(self._observer)
