"""This process as a member of the consumer group: its assigned partitions, and their records.

aiokafka joins the group, sends heartbeats, and calls back when partitions are revoked or assigned. This module passes
that on to the listener and returns the fetched records. Six rules, each from aiokafka's source:

* `auto_offset_reset` must be "none": any other value silently skips what retention deleted.
* One assignor: with two, a member asks to join once for each of them, and every request begins a rebalance.
* `getmany` must end by its own time-out: a cancelled call disables `max_poll_interval_ms`.
* Positions are set in the assignment callback, before the first fetch, so no committed offset is looked up.
* A static member that leads its group and returns within its session does not learn that it leads, and then nobody
  assigns added partitions. So a static member joins twice; the second join informs it.
* Two processes with one instance id take the membership from each other again and again, and aiokafka silently rejoins.
  The sign of it is a member id that changes more often than sessions can expire.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from time import monotonic

import structlog
from aiokafka import ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import (
    CorruptRecordException,
    GroupAuthorizationFailedError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
)

from daemon.adapters.kafka.client import (
    FETCH_BYTES,
    METADATA_SECONDS,
    from_kafka,
    guarded,
    member_options,
    stop_client,
    to_kafka,
)
from daemon.adapters.kafka.columnar_consumer import ColumnarConsumer, joined
from daemon.adapters.kafka.kept_assignor import KeptAssignor
from daemon.adapters.kafka.settings import Connection, KafkaSettings
from daemon.core.types import Batch, TopicPartition
from daemon.errors import OutOfRangeError, PartitionError, UnavailableError
from daemon.ports import Listener

log = structlog.get_logger(__name__)

POLL_RECORDS = 20_000  # decoding blocks the event loop, for about a microsecond each
IDLE_POLL = 30.0
JOIN_SECONDS = 60
MEMBERSHIPS_LOST = 3
"""Losses of membership within one session time-out; missed heartbeats alone cause at most one."""


class KafkaMembership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka's base is untyped
    """This process in the group: implements `ports.Membership`."""

    def __init__(self, settings: KafkaSettings, topics: Sequence[str], connection: Connection | None = None) -> None:
        self._settings = settings
        self._topics = list(topics)
        self._listener: Listener | None = None
        self._throttled: set[KafkaPartition] = set()
        self._polled = 0.0
        self._batch_records = POLL_RECORDS
        self._member: str | None = None
        self._assigned = False
        self._lost = deque[float](maxlen=MEMBERSHIPS_LOST)
        self._consumer = ColumnarConsumer(
            settings.max_batch,
            **(connection or settings.connection()),
            **member_options(settings),
            partition_assignment_strategy=[KeptAssignor()],
            max_poll_interval_ms=300_000,
            max_partition_fetch_bytes=FETCH_BYTES,
            metadata_max_age_ms=1000 * METADATA_SECONDS,
        )

    @property
    def client(self) -> ColumnarConsumer:
        """The client that it reads with."""
        return self._consumer

    async def start(self, listener: Listener) -> None:
        self._listener = listener
        self._consumer.subscribe(self._topics, listener=self)
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                await self._consumer.start()
        except (KafkaError, OSError) as error:
            await stop_client(self._consumer)
            why = str(error) or f"no answer within {JOIN_SECONDS} s"
            raise UnavailableError(f"joining group {self._settings.group_id}: {why}") from None
        if self._settings.instance_id is not None:
            self._consumer._coordinator.request_rejoin()  # noqa: SLF001  # subscribing again would stop its fetcher

    async def on_partitions_revoked(self, revoked: set[KafkaPartition]) -> None:
        assert self._listener is not None
        self._assigned = False
        if revoked:
            await self._listener.revoked()

    def on_partitions_assigned(self, assigned: set[KafkaPartition]) -> None:
        assert self._listener is not None
        member = self._consumer._coordinator.member_id  # noqa: SLF001  # nothing public shows a lost membership
        if self._settings.instance_id is not None and self._member not in (None, member):
            self._lost.append(monotonic())
        self._member = member
        self._assigned = True
        for partition, offset in self._listener.assigned({from_kafka(p) for p in assigned}).items():
            # Any position keeps aiokafka from looking one up; a held partition is paused until `resume`.
            self._consumer.seek(to_kafka(partition), offset or 0)
            if offset is None:
                self._consumer.pause(to_kafka(partition))

    async def poll(self, partitions: Collection[TopicPartition], seconds: float) -> list[Batch]:
        self._look_for_twin()
        assigned = self._consumer.assignment()
        wanted = [p for p in map(to_kafka, partitions) if p in assigned]
        if not wanted and assigned and monotonic() - self._polled < IDLE_POLL:
            # aiokafka reads "no partitions" as "all partitions". Prefetched records may stay where they are.
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
            raise OutOfRangeError([from_kafka(p) for p in error.args[0]]) from None
        except CorruptRecordException as error:
            raise PartitionError(f"reading: {error}") from None
        except (TopicAuthorizationFailedError, GroupAuthorizationFailedError) as error:
            raise PartitionError(
                f"reading: no right to read {error.args[0]}; see the ACLs in docs/operate.md"
            ) from None
        except KafkaError as error:
            # An error code that aiokafka does not know ends the membership; the one it lacks is FENCED_INSTANCE_ID.
            if self._settings.instance_id is None or type(error) is not KafkaError:
                raise
            names = f"group {self._settings.group_id}, kafka.instance_id {self._settings.instance_id}"
            raise UnavailableError(f"{names}: {error}; does another process use this id?") from None
        # max_records counts batches here. The next ones are assumed to be as large as the largest of the last ones.
        self._batch_records = max(
            (len(part) for parts in fetched.values() for part in parts), default=self._batch_records
        )
        return [_logged(joined(from_kafka(partition), parts)) for partition, parts in fetched.items()]

    def _look_for_twin(self) -> None:
        instance, lost = self._settings.instance_id, self._lost
        if len(lost) == MEMBERSHIPS_LOST and lost[-1] - lost[0] < self._settings.session_timeout:
            raise UnavailableError(f"another process has the kafka.instance_id {instance} too: each needs its own")

    def resume(self, partition: TopicPartition, offset: int) -> bool:
        native = to_kafka(partition)
        if native not in self._consumer.assignment():
            return False
        self._consumer.seek(native, offset)
        self._consumer.resume(native)
        return True

    def position(self, partition: TopicPartition) -> int | None:
        subscription = self._consumer._subscription.subscription  # noqa: SLF001  # the public position() may wait
        if subscription is None or subscription.assignment is None:
            return None
        state = subscription.assignment.state_value(to_kafka(partition))
        return state.position if state is not None and state.has_valid_position and not state.paused else None

    async def bounds(
        self, partitions: Collection[TopicPartition], seconds: float | None = None
    ) -> Mapping[TopicPartition, tuple[int, int]]:
        native = [to_kafka(p) for p in partitions]
        limit = self._settings.transaction_timeout if seconds is None else seconds
        async with guarded(self._asking(native), limit):
            first, end = await asyncio.gather(
                self._consumer.beginning_offsets(native), self._consumer.end_offsets(native)
            )
        return {p: (first[to_kafka(p)], end[to_kafka(p)]) for p in partitions}

    def _asking(self, partitions: Sequence[KafkaPartition]) -> str:
        cluster = self._consumer._client.cluster  # noqa: SLF001  # nothing public shows a missing leader
        headless = [p for p in partitions if cluster.leader_for_partition(p) in (None, -1)]
        names = ", ".join(f"{p.topic}/{p.partition}" for p in headless[:3])
        return f"asking for offsets: {names} has no leader" if headless else "asking for offsets"

    def problem(self) -> str | None:
        group = self._settings.group_id
        coordinator = self._consumer._coordinator  # noqa: SLF001  # nothing public shows it
        if coordinator is None or coordinator.coordinator_id is None:
            return f"the coordinator of group {group} cannot be reached"
        # A topic that we may not see any more, or that is deleted, silently leaves the assignment.
        cluster = self._consumer._client.cluster  # noqa: SLF001  # as above
        if hidden := [topic for topic in self._topics if not cluster.partitions_for_topic(topic)]:
            return f"no right to read {', '.join(hidden)}, or it does not exist; see the ACLs in docs/operate.md"
        return None if self._assigned else f"a rebalance of group {group} has not ended"

    async def committed(self, partition: TopicPartition) -> int | None:
        async with guarded("asking for the group's offset", self._settings.transaction_timeout):
            offset: int | None = await self._consumer.committed(to_kafka(partition))
        return offset

    async def close(self) -> None:
        await stop_client(self._consumer)


def _logged(batch: Batch) -> Batch:
    """Return a batch whose refusals are in the log."""
    for refusal in batch.refusals:
        log.warning("batch_refused", partition=str(batch.source), reason=refusal.reason, error=refusal.detail)
    return batch
