"""What every broker promises (ports.Broker, Membership, Transactions), held against the fake and a real Kafka."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import RecordsToDelete

from daemon.adapters.kafka import KafkaBroker, KafkaSettings
from daemon.core.types import Batch, OutRecord, TopicPartition, Update
from daemon.errors import OutOfRangeError, PartitionError, UnavailableError
from daemon.ports import Broker, Membership
from demo.broker import Cluster
from tests.support.brokers import topics_on, unique
from tests.support.fake_broker import FakeBroker, FakeCluster

pytestmark = pytest.mark.timeout(180)


@dataclass
class Follower:
    """A listener that starts each partition where `starts` says, and remembers what it was told."""

    starts: Callable[[TopicPartition], int | None] = lambda _: 0
    ours: set[TopicPartition] = field(default_factory=set)
    assignments: int = 0

    async def revoked(self) -> None:
        self.ours = set()

    def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        self.ours = set(partitions)
        self.assignments += 1
        return {partition: self.starts(partition) for partition in partitions}


async def last(stage: Stage, key: bytes) -> bytes | None:
    """Return the newest committed value of a key in the stage's first partition of the output."""
    return (await stage.broker.latest(stage.out, 0, key)).get(key)


@dataclass(frozen=True)
class Stage:
    """A broker, an input topic of two partitions, the topic of one that alerts go to, and what others do there.

    `write` appends a value to the input, with a key and a header where it is None; `delete` lets retention take what is
    before an offset of the input's partition 0; `bomb` appends a batch of three records to it that unpacks to too much.
    """

    broker: Broker
    topic: str
    out: str
    write: Callable[[bytes | None, int], Awaitable[object]]
    delete: Callable[[int], Awaitable[object]]
    bomb: Callable[[], Awaitable[object]]

    @property
    def source(self) -> TopicPartition:
        return TopicPartition(self.topic, 0)

    async def feed(self, *values: bytes | None, partition: int = 0) -> None:
        for value in values:
            await self.write(value, partition)

    @asynccontextmanager
    async def member(self, follower: Follower) -> AsyncIterator[Membership]:
        """A member of the group that has been given its partitions."""
        membership = self.broker.membership([self.topic])
        await membership.start(follower)
        try:
            await poll_until(membership, follower, lambda _: bool(follower.ours))
            yield membership
        finally:
            await membership.close()


def keyed(value: bytes | None) -> tuple[bytes | None, list[tuple[str, bytes]]]:
    """Return the key and headers that a value is written with."""
    return (b"tombstone", [("from", b"here")]) if value is None else (None, [])


@asynccontextmanager
async def fake_stage() -> AsyncIterator[Stage]:
    cluster = FakeCluster({"in": 2, "alerts": 1})

    async def write(value: bytes | None, partition: int) -> None:
        key, headers = keyed(value)
        cluster.write(TopicPartition("in", partition), key, value, headers)

    async def delete(first: int) -> None:
        cluster.logs[TopicPartition("in", 0)].delete(first)

    async def bomb() -> None:
        cluster.write_bomb(TopicPartition("in", 0), 3)

    yield Stage(FakeBroker(cluster), "in", "alerts", write, delete, bomb)


@asynccontextmanager
async def kafka_stage(servers: str) -> AsyncIterator[Stage]:
    async with topics_on(servers) as topics:
        topic, out = await topics.make("in", partitions=2), await topics.make("out")
        producer = AIOKafkaProducer(bootstrap_servers=servers)
        await producer.start()
        broker = KafkaBroker(
            KafkaSettings(
                bootstrap_servers=servers.split(","),
                group_id=unique("group"),
                session_timeout=6.0,
                topics={"alerts": out},
            )
        )
        await broker.start()

        async def write(value: bytes | None, partition: int) -> None:
            key, headers = keyed(value)
            await producer.send_and_wait(topic, value, key, partition, headers=headers)

        async def delete(first: int) -> None:
            place = KafkaPartition(topic, 0)
            await topics.admin.delete_records({place: RecordsToDelete(before_offset=first)})

        async def bomb() -> None:
            async with AIOKafkaProducer(
                bootstrap_servers=servers, compression_type="gzip", max_request_size=1 << 28, max_batch_size=1 << 28
            ) as packing:
                made = packing.create_batch()
                for _ in range(3):
                    made.append(key=None, value=bytes(43_000_000), timestamp=None)
                await (await packing.send_batch(made, topic, partition=0))

        yield Stage(broker, topic, out, write, delete, bomb)
        await broker.close()
        await producer.stop()


@pytest.fixture
async def real(kafka: Cluster) -> AsyncIterator[Stage]:
    """Kafka itself, for what no fake can show."""
    async with kafka_stage(kafka.bootstrap_servers) as made:
        yield made


@pytest.fixture(params=["fake", pytest.param("kafka", marks=pytest.mark.kafka)])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    if request.param == "fake":
        async with fake_stage() as made:
            yield made
    else:
        async with kafka_stage(request.getfixturevalue("kafka").bootstrap_servers) as made:
            yield made


async def poll_until(
    membership: Membership, follower: Follower, done: Callable[[list[Batch]], bool], seconds: float = 60.0
) -> list[Batch]:
    """Poll what is assigned until `done` is content with what came."""
    batches: list[Batch] = []
    async with asyncio.timeout(seconds):
        while not done(batches):
            batches += await membership.poll(follower.ours, 0.1)
    return batches


def values(batches: list[Batch], partition: int = 0) -> list[bytes | None]:
    """Return the values of one partition, in order."""
    return [value for batch in batches if batch.source.partition == partition for value in batch.values]


def alert(key: bytes, value: bytes) -> OutRecord:
    """Return a record for `out`."""
    return OutRecord("alerts", key, value)


def incompressible(size: int) -> bytes:
    """Return bytes that no codec makes smaller."""
    return random.Random(size).randbytes(size)


async def test_a_transaction_publishes_records_and_offset_together(stage: Stage) -> None:
    """What was committed is there to read, and the group's offset is the one that was committed with it."""
    transactions = stage.broker.transactions(stage.source)
    await transactions.start()
    await transactions.commit([alert(b"a", b"1"), alert(b"b", b"2")], 7)
    await transactions.commit([alert(b"a", b"3")], 8)
    await transactions.close()

    assert b"3" == await last(stage, b"a")
    assert b"2" == await last(stage, b"b")
    assert await last(stage, b"never written") is None
    async with stage.member(Follower()) as membership:
        assert 8 == await membership.committed(stage.source)
        assert await membership.committed(TopicPartition(stage.topic, 1)) is None


async def test_a_record_without_key_and_value_is_published(stage: Stage) -> None:
    """The dead letter of a record that has neither must not stop its partition."""
    producer = stage.broker.transactions(stage.source)
    await producer.start()
    await producer.commit([OutRecord("alerts", None, None), alert(b"k", b"v")], 1)
    await producer.close()

    assert b"v" == await last(stage, b"k")
    assert await stage.broker.high_water(stage.out, 0) >= 2


async def test_the_newest_producer_fences_the_others(stage: Stage) -> None:
    """Once another has started for the same partition, an earlier producer commits nothing any more."""
    first, second = stage.broker.transactions(stage.source), stage.broker.transactions(stage.source)
    await first.start()
    await first.commit([alert(b"a", b"first")], 1)
    await second.start()
    with pytest.raises(PartitionError):
        await first.commit([alert(b"a", b"zombie"), alert(b"z", b"zombie")], 2)
    await second.commit([alert(b"b", b"second")], 3)
    await first.close()
    await second.close()

    assert b"first" == await last(stage, b"a")
    assert await last(stage, b"z") is None
    assert b"second" == await last(stage, b"b")


async def test_producers_of_other_partitions_do_not_fence(stage: Stage) -> None:
    """Each input partition has a producer of its own."""
    first = stage.broker.transactions(stage.source)
    second = stage.broker.transactions(TopicPartition(stage.topic, 1))
    await first.start()
    await second.start()
    await first.commit([alert(b"a", b"1")], 1)
    await second.commit([alert(b"b", b"2")], 1)
    await first.close()
    await second.close()

    assert b"1" == await last(stage, b"a")
    assert b"2" == await last(stage, b"b")


async def test_a_refused_record_takes_its_transaction_with_it(real: Stage) -> None:
    """When the broker refuses one record nothing of the transaction is published, and a new producer goes on."""
    transactions = real.broker.transactions(real.source)
    await transactions.start()
    with pytest.raises(PartitionError):
        await transactions.commit([alert(b"a", b"small"), alert(b"b", incompressible(2 << 20))], 5)
    await transactions.close()
    again = real.broker.transactions(real.source)
    await again.start()
    await again.commit([alert(b"c", b"later")], 1)
    await again.close()

    assert await last(real, b"a") is None
    assert b"later" == await last(real, b"c")


async def test_following_gives_all_that_is_committed(stage: Stage) -> None:
    """A follower sees every committed record from the beginning, then what comes, and how far it has read."""
    transactions = stage.broker.transactions(stage.source)
    await transactions.start()
    await transactions.commit([alert(b"a", b"1"), alert(b"b", b"2")], 1)
    updates: list[Update] = []
    more = False
    async with asyncio.timeout(60):
        async for came, read in stage.broker.follow(stage.out):
            updates += came
            if not more and read[0] == await stage.broker.high_water(stage.out, 0):
                assert [Update(b"a", b"1"), Update(b"b", b"2")] == updates
                await transactions.commit([alert(b"a", b"3")], 2)
                more = True
            if len(updates) == 3:
                break
    await transactions.close()

    assert Update(b"a", b"3") == updates[2]


async def test_following_may_begin_later(stage: Stage) -> None:
    """What stands before the offset is not given, and each partition without an offset begins at its first one."""
    await stage.feed(b"0", b"1", b"2")
    await stage.feed(b"other", partition=1)
    assert {0: 0, 1: 0} == await stage.broker.first_offsets(stage.topic)
    await stage.feed(None)
    async with asyncio.timeout(60):
        async for _, read in stage.broker.follow(stage.topic, {0: 3}):
            assert read[0] >= 3
            if read == {0: 4, 1: 1}:
                break


async def test_a_topic_has_an_identity(stage: Stage) -> None:
    """It is the same each time, and another topic has another one."""
    assert (known := await stage.broker.topic_id(stage.topic))
    assert known == await stage.broker.topic_id(stage.topic)
    assert known != await stage.broker.topic_id(stage.out)


async def test_reading_starts_where_the_listener_says(stage: Stage) -> None:
    """Records come in order from the offset that was asked for, whatever the group has committed."""
    await stage.feed(b"0", b"1", b"2", b"3")
    follower = Follower(lambda _: 2)
    await stage.feed(b"x", b"y", b"z", partition=1)
    async with stage.member(follower) as membership:
        batches = await poll_until(membership, follower, lambda got: len(values(got)) + len(values(got, 1)) >= 3)
        assert {stage.source: (0, 4), TopicPartition(stage.topic, 1): (0, 3)} == await membership.bounds(follower.ours)
        assert 4 == membership.position(stage.source)

    assert [b"2", b"3"] == values(batches)
    assert [b"z"] == values(batches, 1)
    assert [2, 3] == [offset for batch in batches if batch.source == stage.source for offset in batch.offsets]


async def test_a_held_partition_waits_for_resume(stage: Stage) -> None:
    """A partition whose start is not known yet gives nothing until it is resumed, then goes on there."""
    await stage.feed(b"0", b"1", b"2")
    await stage.feed(b"other", partition=1)
    follower = Follower(lambda partition: None if partition.partition == 0 else 0)
    async with stage.member(follower) as membership:
        first = await poll_until(membership, follower, lambda got: values(got, 1) == [b"other"])
        assert membership.position(stage.source) is None
        assert membership.resume(stage.source, 1)
        then = await poll_until(membership, follower, lambda got: len(values(got)) >= 2)
        assert not membership.resume(TopicPartition("someone else's", 0), 0)

    assert [] == values(first)
    assert [b"1", b"2"] == values(then)


async def test_records_come_as_they_are(stage: Stage) -> None:
    """Absent keys and values are None, headers are kept, time stamps are milliseconds."""
    await stage.feed(None, b"")
    follower = Follower()
    async with stage.member(follower) as membership:
        batches = await poll_until(membership, follower, lambda got: len(values(got)) >= 2)

    assert [None, b""] == values(batches)
    assert [b"tombstone", None] == [key for batch in batches for key in batch.keys]
    assert (("from", b"here"),) == tuple(batches[0].headers[0])
    assert all(timestamp > 1_600_000_000_000 for batch in batches for timestamp in batch.timestamps)


async def test_a_batch_that_unpacks_to_too_much_is_passed(stage: Stage) -> None:
    """It comes as one row without a value that says which offsets it stands for, and the records behind it come too."""
    await stage.feed(b"before")
    await stage.bomb()
    await stage.feed(b"after")
    follower = Follower()
    async with stage.member(follower) as membership:
        batches = await poll_until(membership, follower, lambda got: b"after" in values(got))
        end = membership.position(stage.source)

    [refusal] = [refusal for batch in batches for refusal in batch.refusals]
    assert [b"before", None, b"after"] == values(batches)
    assert (1, 3, "batch_too_large", 5) == (refusal.first, refusal.last, refusal.reason, end)
    assert refusal.detail.startswith("offsets 1 to 3: ")


async def test_a_position_that_is_gone_is_an_error(stage: Stage) -> None:
    """What retention took before it was read is never jumped over in silence: the error names the partition."""
    await stage.feed(b"0", b"1", b"2")
    await stage.delete(2)
    follower = Follower()
    async with stage.member(follower) as membership:
        assert (2, 3) == (await membership.bounds([stage.source]))[stage.source]
        with pytest.raises(OutOfRangeError) as caught:
            await poll_until(membership, follower, lambda got: bool(values(got)))

    assert [tuple(stage.source)] == [tuple(partition) for partition in caught.value.partitions]


async def test_members_share_the_partitions(real: Stage) -> None:
    """Two members have one partition each, and when one leaves the other has both."""
    first, second = Follower(), Follower()
    async with real.member(first) as staying:
        leaving = real.broker.membership([real.topic])
        await leaving.start(second)
        async with asyncio.timeout(60):
            while not (len(first.ours) == len(second.ours) == 1):
                await asyncio.gather(staying.poll(first.ours, 0.1), leaving.poll(second.ours, 0.1))
        assert first.ours.isdisjoint(second.ours)
        await leaving.close()
        await poll_until(staying, first, lambda _: len(first.ours) == 2)


async def test_topics_are_known(stage: Stage) -> None:
    """The number of a topic's partitions is told; a topic that is not there is named."""
    assert 2 == await stage.broker.partitions(stage.topic)
    with pytest.raises(UnavailableError, match="nowhere"):
        await stage.broker.partitions("nowhere")
