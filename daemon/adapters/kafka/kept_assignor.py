"""Which replica gets which partitions: each keeps what it had, as far as all get equally many.

Kafka's round robin deals out all partitions anew when a replica joins or leaves, and whoever gets a partition reads the
lines of its open sessions again. Here a member shows what it got last, and the leader of the group moves as few
partitions as equal shares allow. What members show is the leader's own earlier message, so it has no format of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition as KafkaPartition
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

VERSION = 0
ROUND = struct.Struct(">q")
"""The number of an assignment, in its user data. Of two members that show one partition, the later number counts."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a member reads, and what it got in which round."""

    topics: frozenset[str]
    had: frozenset[KafkaPartition] = field(default_factory=frozenset)
    round: int = 0


def share_out(numbers: Mapping[str, Collection[int]], claims: Mapping[str, Claim]) -> dict[str, list[KafkaPartition]]:
    """Return the partitions of each member; `numbers` are the partitions of each topic.

    Of every topic its readers get equally many, or one more or less; so they do of all topics together, where all read
    the same ones. Who is to get more than another is decided by who has less of the topics before, then by who had more
    of this one. The result is the same in whatever order the arguments come.
    """
    owners: dict[KafkaPartition, str] = {}
    for member, claim in sorted(claims.items(), key=lambda item: (item[1].round, item[0])):
        owners |= dict.fromkeys(claim.had, member)
    shares: dict[str, list[KafkaPartition]] = {member: [] for member in claims}
    for topic in sorted(numbers, key=lambda topic: (-len(numbers[topic]), topic)):
        readers = sorted(member for member, claim in claims.items() if topic in claim.topics)
        partitions = [KafkaPartition(topic, number) for number in sorted(numbers[topic])]
        had = {member: [each for each in partitions if owners.get(each) == member] for member in readers}
        sizes = _sizes(len(partitions), had, shares)
        kept = {member: had[member][: sizes[member]] for member in readers}
        free = sorted(set(partitions).difference(*kept.values()))
        for member in readers:
            more = sizes[member] - len(kept[member])
            shares[member] += [*kept[member], *free[:more]]
            free = free[more:]
    return shares


def _sizes(
    count: int, had: Mapping[str, list[KafkaPartition]], shares: Mapping[str, list[KafkaPartition]]
) -> dict[str, int]:
    """Return how many of a topic's `count` partitions each member gets."""
    if not had:
        return {}
    each, rest = divmod(count, len(had))
    first = sorted(had, key=lambda member: (len(shares[member]), len(had[member]) <= each, member))[:rest]
    return {member: each + (member in first) for member in had}


class KeptAssignor(AbstractPartitionAssignor):  # type: ignore[misc]  # aiokafka's base is untyped
    """One member's side of `share_out`, and the leader's. Each member needs an instance of its own."""

    name = "strayline-kept"

    def __init__(self) -> None:
        self._last = b""

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """Return what a member sends about itself."""
        return ConsumerProtocolMemberMetadata(VERSION, list(topics), self._last)

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Remember what this member got."""
        self._last = assignment.encode()

    def assign(
        self, cluster: Any, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Return what each member gets; `cluster` tells the partitions of a topic."""
        claims = {member: claim(metadata) for member, metadata in members.items()}
        topics = frozenset[str]().union(*(one.topics for one in claims.values()))
        shares = share_out({topic: cluster.partitions_for_topic(topic) or () for topic in topics}, claims)
        number = ROUND.pack(1 + max((one.round for one in claims.values()), default=0))
        return {
            member: ConsumerProtocolMemberAssignment(VERSION, _by_topic(partitions), number)
            for member, partitions in shares.items()
        }


def claim(metadata: ConsumerProtocolMemberMetadata) -> Claim:
    """Return what a member says of itself; what cannot be read counts as nothing."""
    topics = frozenset(metadata.subscription)
    if not metadata.user_data:
        return Claim(topics)
    try:
        last = ConsumerProtocolMemberAssignment.decode(metadata.user_data)
        (number,) = ROUND.unpack(last.user_data)
        return Claim(topics, frozenset(last.partitions()), number)
    except (ValueError, TypeError, struct.error):
        return Claim(topics)


def _by_topic(partitions: Iterable[KafkaPartition]) -> list[tuple[str, list[int]]]:
    numbers: dict[str, list[int]] = {}
    for topic, number in sorted(partitions):
        numbers.setdefault(topic, []).append(number)
    return list(numbers.items())
