"""The group of a fake cluster, as a Kafka coordinator runs it: eager rebalances.

Every request to a coordinator is counted: those of the group (JoinGroup, SyncGroup, LeaveGroup) and those of the
transactions, by their step.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

import numpy as np
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from daemon.adapters.kafka.kept_assignor import KeptAssignor
from daemon.core.types import TopicPartition
from tests.support.fake_broker import FakeBroker, FakeCluster, FakeMembership

Assignor = Callable[["FakeGroup", Iterable[str]], Mapping[str, Any]]
"""Returns the assignment of each member, by its id."""


def round_robin(group: FakeGroup, members: Iterable[str]) -> Mapping[str, Any]:
    """Deal the partitions out to the members in the order of their ids, whatever they had."""
    metadata = RoundRobinPartitionAssignor.metadata(group.subscription)
    assigned: Mapping[str, Any] = RoundRobinPartitionAssignor.assign(group, dict.fromkeys(members, metadata))
    return assigned


def kept(group: FakeGroup, members: Iterable[str]) -> Mapping[str, Any]:
    """Let members keep as much of what they had as equal shares allow, as the daemon does."""
    metadata = {id_: group.assignors[id_].metadata(group.subscription) for id_ in members}
    assigned: Mapping[str, Any] = KeptAssignor().assign(group, metadata)
    for id_, given in assigned.items():
        group.assignors[id_].on_assignment(given)
    return assigned


class FakeGroup:
    """The members of a cluster's group; the ids of members are random, as Kafka's are. `calls` counts requests."""

    def __init__(self, cluster: FakeCluster, topics: Collection[str], assign: Assignor = kept) -> None:
        self.subscription = list(topics)
        self.calls: Counter[str] = Counter()
        self.assignors = defaultdict[str, KeptAssignor](KeptAssignor)
        """Each member's side, by its id."""
        self.had: dict[str, list[TopicPartition]] = {}
        """What each member got from the last rebalance, by its id."""
        self._cluster = cluster
        self._assign = assign
        self._random = np.random.default_rng(1)
        self._ids: dict[FakeMembership, str] = {}

    def topics(self) -> set[str]:
        """Return the names of the topics. The assignors take the group for the cluster's metadata."""
        return set(self.subscription)

    def partitions_for_topic(self, topic: str) -> set[int]:
        """Return the numbers of a topic's partitions."""
        return set(range(self._cluster.counts[topic]))

    @property
    def owners(self) -> dict[TopicPartition, str]:
        """The id of each partition's owner."""
        return {place: id_ for id_, places in self.had.items() for place in places}

    async def rebalance(self) -> int:
        """Share the partitions out to those who are in the group now; return how many have another owner than before.

        A member that has left or was killed is absent.
        """
        members = {member: self._id(member) for member in self._cluster.members}
        before, assigned = self.owners, self._assign(self, sorted(members.values()))
        self.calls["JoinGroup"] += len(members)
        self.calls["SyncGroup"] += len(members)
        self.had = {
            id_: [TopicPartition(topic, n) for topic, numbers in given.assignment for n in numbers]
            for id_, given in assigned.items()
        }
        await self._cluster.rebalance({member: self.had[id_] for member, id_ in members.items()})
        return sum(before.get(place) != owner for place, owner in self.owners.items())

    def _id(self, member: FakeMembership) -> str:
        if member not in self._ids:
            self._ids[member] = f"strayline-{UUID(bytes=self._random.bytes(16))}"
        return self._ids[member]


class Requests:
    """Counts requests for each input partition, which come one after the other, and those to coordinators.

    Called before each step of a fake transaction, as `FakeCluster.faults`. `committed` has, for each partition with a
    transaction that ended since `begin`, its number of requests until then.
    """

    def __init__(self, calls: Counter[str], input_topic: str) -> None:
        self.committed: dict[TopicPartition, int] = {}
        self._calls = calls
        self._input = input_topic
        self._made: Counter[TopicPartition] = Counter()

    def __call__(self, step: str, source: TopicPartition) -> None:
        if step in _REQUESTS:
            self._calls[_REQUESTS[step]] += 1
            self._made[source] += 1
        elif step == "bounds":
            self._made[source] += 1
        elif step == "ended":
            self.committed.setdefault(source, self._made[source] + 1)  # the records go to their partitions at once

    def checkpoint_read(self, partition: int) -> None:
        """Count the requests for the checkpoint and for the baseline's end of the input partition of this number."""
        self._made[TopicPartition(self._input, partition)] += 2

    def begin(self) -> None:
        """Count from zero."""
        self._made.clear()
        self.committed.clear()


_REQUESTS = {"init": "InitProducerId", "begin": "AddPartitionsToTxn", "offsets": "TxnOffsetCommit", "end": "EndTxn"}
"""The requests to a coordinator that steps of the fake broker stand for."""


class CountedBroker(FakeBroker):
    """A replica's broker, not alone in its group, whose requests for checkpoints are counted."""

    def __init__(self, cluster: FakeCluster, requests: Requests) -> None:
        super().__init__(cluster, alone=False)
        self._requests = requests

    async def latest(self, topic: str, partition: int, key: bytes) -> dict[bytes, bytes]:
        self._requests.checkpoint_read(partition)
        return await super().latest(topic, partition, key)
