"""Who gets which partitions when replicas come and go."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from hypothesis import given
from hypothesis import strategies as st

from daemon.adapters.kafka.kept_assignor import Claim, KeptAssignor, claim, share_out

MEMBERS = st.sets(st.sampled_from("abcdefgh"), min_size=1)
COUNTS = st.lists(st.integers(0, 20), min_size=1, max_size=3)


class Cluster:
    """A cluster with one topic of 16 partitions."""

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """Return the numbers of a topic's partitions."""
        return set(range(16)) if topic == "logs" else None


@st.composite
def groups(draw: st.DrawFn) -> tuple[dict[str, range], dict[str, Claim]]:
    """Draw topics, and members with what they had, some of it said by two members or of topics that are gone."""
    numbers = {f"topic-{n}": range(count) for n, count in enumerate(draw(COUNTS))}
    partition = st.builds(TopicPartition, st.sampled_from([*numbers, "gone"]), st.integers(0, 25))
    claims = {
        member: Claim(frozenset(numbers), draw(st.frozensets(partition)), draw(st.integers(0, 3)))
        for member in draw(MEMBERS)
    }
    return numbers, claims


@given(groups())
def test_shares_are_equal_and_whole(group: tuple[dict[str, range], dict[str, Claim]]) -> None:
    """Every partition has one owner; of each topic, and of all, members have equally many or one more."""
    numbers, claims = group
    shares = share_out(numbers, claims)

    everything = sorted(each for share in shares.values() for each in share)
    assert everything == sorted(TopicPartition(topic, n) for topic, ns in numbers.items() for n in ns)
    for wanted in (*({topic} for topic in numbers), set(numbers)):
        sizes = [sum(each.topic in wanted for each in share) for share in shares.values()]
        assert max(sizes) - min(sizes) <= 1


@given(st.integers(0, 30), st.dictionaries(st.sampled_from("abcdef"), st.sets(st.integers(0, 29)), min_size=1))
def test_no_more_moves_than_equal_shares_need(count: int, said: dict[str, set[int]]) -> None:
    """Members keep the most that any equal shares of one topic would let them keep."""
    had: dict[str, set[int]] = {}
    for member, ns in sorted(said.items()):
        had[member] = {n for n in ns if n < count}.difference(*had.values())
    claims = {m: Claim(frozenset({"t"}), frozenset(TopicPartition("t", n) for n in ns), 1) for m, ns in had.items()}

    shares = share_out({"t": range(count)}, claims)

    each, rest = divmod(count, len(had))
    most = sum(min(len(ns), each) for ns in had.values()) + min(rest, sum(len(ns) > each for ns in had.values()))
    assert sum(len({p.partition for p in shares[m]} & ns) for m, ns in had.items()) == most


@given(groups(), st.randoms())
def test_the_order_of_arguments_says_nothing(group: tuple[dict[str, range], dict[str, Claim]], random: Any) -> None:
    """Whoever leads the group comes to the same result."""
    numbers, claims = group
    shuffled = [random.sample(sorted(part.items()), len(part)) for part in (numbers, claims)]
    assert share_out(numbers, claims) == share_out(*map(dict, shuffled))


def test_the_later_round_counts() -> None:
    """A member that missed an assignment does not get back what another has had since."""
    had = frozenset({TopicPartition("t", 0)})
    topics = frozenset({"t"})
    claims = {"a": Claim(topics, had, 1), "b": Claim(topics, had, 2)}
    assert {"a": [], "b": [TopicPartition("t", 0)]} == share_out({"t": [0]}, claims)


def test_only_readers_of_a_topic_get_it() -> None:
    """While replicas with another configuration are in the group, nobody gets a topic that they do not read."""
    claims = {"a": Claim(frozenset({"old"})), "b": Claim(frozenset({"old", "new"}))}
    shares = share_out({"old": range(2), "new": range(3)}, claims)
    assert {"new"} == {each.topic for each in shares["b"] if each.topic == "new"}
    assert 3 == sum(each.topic == "new" for each in shares["b"])
    assert {"old"} == {each.topic for each in shares["a"]}


class Group:
    """Members that meet over bytes, as they do on a broker."""

    def __init__(self) -> None:
        self.members: dict[str, KeptAssignor] = {}

    def rebalance(self) -> dict[str, set[int]]:
        """Return what each member gets."""
        sent = {m: each.metadata(["logs", "absent"]).encode() for m, each in self.members.items()}
        said = {m: ConsumerProtocolMemberMetadata.decode(value) for m, value in sent.items()}
        for member, given_ in KeptAssignor().assign(Cluster(), said).items():
            self.members[member].on_assignment(ConsumerProtocolMemberAssignment.decode(given_.encode()))
        return {m: {p.partition for p in claim(each.metadata(["logs"])).had} for m, each in self.members.items()}


def test_who_stays_keeps_its_partitions() -> None:
    """Of four replicas one leaves and comes back; the others give back no more than they got from it."""
    group = Group()
    group.members = {name: KeptAssignor() for name in "abcd"}
    first = group.rebalance()
    assert first == group.rebalance()

    del group.members["b"]
    without = group.rebalance()
    assert all(first[name] < without[name] for name in "acd")

    group.members["another"] = KeptAssignor()
    again = group.rebalance()
    assert [4, 4, 4, 4] == [len(share) for share in again.values()]
    assert all(again[name] < without[name] for name in "acd")


@pytest.mark.parametrize("data", [b"x", bytes(6), b"\0\0\xff\xff\xff\xff\0\0\0\0", b"\xff" * 50, bytes(10)])
def test_what_cannot_be_read_counts_as_nothing(data: bytes) -> None:
    """A member with user data of another kind has no claim, and the group goes on."""
    assert Claim(frozenset({"logs"})) == claim(ConsumerProtocolMemberMetadata(0, ["logs"], data))
