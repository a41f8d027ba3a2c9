"""Learning exactly once: replicas, partitions, aborts and read-back in any order end in the fault-free baseline."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from daemon.core.detection import SavedScope, changelog_codec
from daemon.core.detection.detector import Detector, DetectorSettings
from daemon.core.types import TopicPartition, Update
from daemon.errors import DataError, ModelMismatchError
from tests.support.traffic import DIMENSIONS, HOUR, SOURCE, pattern, vector

SOURCES = [TopicPartition("logs", number) for number in range(3)]
PATTERNS = [
    pattern("open", "close"),
    pattern("open", "read", "close"),
    pattern("open", "fail"),
    pattern("retry"),
    pattern("open", "close", scope="web"),
]
SETTINGS = DetectorSettings(warm_up=4, window_us=28 * HOUR, mass=0.1, max_patterns=100)


def make() -> Detector:
    return Detector(SETTINGS, "model", DIMENSIONS)


def learn(detector: Detector, source: TopicPartition, session: tuple[int, int]) -> None:
    """Judge and learn one session; numbers past the patterns are feedback instead."""
    which, hour = session
    made = PATTERNS[which % len(PATTERNS)]
    if which >= len(PATTERNS):
        verdict = ("normal", "anomalous", None)[hour % 3]
        detector.label(made.scope, made.id, verdict, source=source, at=hour * HOUR)
        return
    known = detector.vector(made)
    detector.judge(made, vector(made) if known is None else known, end=hour * HOUR, source=source)


def state(detector: Detector, *, rings: bool) -> dict[bytes, object]:
    """What counts of what a detector holds, as comparable values.

    What the window has left behind goes in its own time, and so does a vector whose weights may yet come: neither is
    compared, nor is when something was last published.
    """
    found: dict[bytes, object] = {}
    vectors: dict[tuple[str, str], tuple[bytes, object]] = {}
    counting = set()
    for update in detector.dump():
        kind, scope, name, *_ = changelog_codec.parse_key(update.key)
        assert update.value is not None
        if kind == "vector":
            _, lines, row = changelog_codec.load_vector(update.value, "model", DIMENSIONS)
            vectors[scope, name] = (update.key, (lines, row.tobytes()))
            continue
        if kind == "label":
            label = changelog_codec.load_label(update.value)
            found[update.key] = (label.verdict, label.at)
        elif kind == "weight":
            weight = changelog_codec.load_weight(update.value)
            start = detector._changelog.scopes.look(scope).baseline.window.start
            buckets = {bucket: count for bucket, count in weight.buckets.items() if bucket >= start}
            if not buckets:
                continue
            found[update.key] = (weight.last, buckets)
        elif rings:
            found[update.key] = update.value
        counting.add((scope, name))
    return found | dict(vectors[about] for about in vectors.keys() & counting)


@dataclass
class Partition:
    """An input partition: its sessions, how many are committed, how many the owner has learned since."""

    source: TopicPartition
    owner: int
    sessions: list[tuple[int, int]] = field(default_factory=list)
    committed: int = 0
    learned: int = 0


class Replicas(RuleBasedStateMachine):
    """Two replicas over three partitions and one baseline topic."""

    def __init__(self) -> None:
        super().__init__()
        self.replicas = [make(), make()]
        self.read = [0, 0]
        self.snapshots: list[tuple[int, list[SavedScope]] | None] = [None, None]
        self.topic: list[Update] = []
        self.partitions = [Partition(source, number % 2) for number, source in enumerate(SOURCES)]

    @rule(number=st.integers(0, 2), which=st.integers(0, 6), hour=st.integers(100, 150))
    def learn(self, number: int, which: int, hour: int) -> None:
        partition = self.partitions[number]
        if which >= len(PATTERNS):
            # Feedback about a scope comes through one partition, as its topic is keyed by scope.
            partition = self.partitions[0]
        if partition.learned == len(partition.sessions):
            partition.sessions.append((which, hour))
        learn(self.replicas[partition.owner], partition.source, partition.sessions[partition.learned])
        partition.learned += 1

    @rule(number=st.integers(0, 2))
    def commit(self, number: int) -> None:
        partition = self.partitions[number]
        self.topic += self.replicas[partition.owner].updates(partition.source)
        partition.committed = partition.learned

    @rule(number=st.integers(0, 2))
    def abort(self, number: int) -> None:
        """The transaction fails after its records were taken: the partition starts again where it had committed."""
        partition = self.partitions[number]
        self.replicas[partition.owner].updates(partition.source)
        self._move(partition, partition.owner)

    @rule(number=st.integers(0, 2))
    def move(self, number: int) -> None:
        partition = self.partitions[number]
        self._move(partition, 1 - partition.owner)

    @rule(number=st.integers(0, 2))
    def crash(self, number: int) -> None:
        """A replica dies: the other takes over, and a fresh one comes back that reads the topic from its start."""
        replica = self.partitions[number].owner
        for partition in self.partitions:
            if partition.owner == replica:
                self._move(partition, 1 - replica)
        self.replicas[replica], self.read[replica] = make(), 0

    @rule(replica=st.integers(0, 1))
    def save(self, replica: int) -> None:
        """A replica writes a snapshot, whatever it is ahead of the topic by."""
        detector = self.replicas[replica]
        self.snapshots[replica] = (self.read[replica], detector.save(list(detector.scope_sizes())))

    @rule(number=st.integers(0, 2))
    def crash_and_load(self, number: int) -> None:
        """As `crash`, but the fresh replica has the dead one's snapshot, and reads the topic from there on."""
        replica = self.partitions[number].owner
        self.crash(number)
        if (snapshot := self.snapshots[replica]) is None:
            return
        loading = self.replicas[replica].loading()
        try:
            for saved in snapshot[1]:
                loading.add(saved)
        except DataError as error:
            assert "has forgotten more than the topic says" in str(error)  # noqa: PT017  # what else fails is a fault
            return
        loading.finish()
        self.read[replica] = snapshot[0]

    @rule(replica=st.integers(0, 1), count=st.integers(1, 9))
    @precondition(lambda self: self.topic)
    def read_back(self, replica: int, count: int) -> None:
        start = self.read[replica]
        self.replicas[replica].apply(self.topic[start : start + count])
        self.read[replica] = min(len(self.topic), start + count)

    def _move(self, partition: Partition, owner: int) -> None:
        self.replicas[partition.owner].release(partition.source)
        partition.owner, partition.learned = owner, partition.committed
        self._catch_up(owner)
        self.replicas[owner].acquire(partition.source)

    def _catch_up(self, replica: int) -> None:
        self.replicas[replica].apply(self.topic[self.read[replica] :])
        self.read[replica] = len(self.topic)

    def teardown(self) -> None:
        for partition in self.partitions:
            for session in partition.sessions[partition.learned :]:
                learn(self.replicas[partition.owner], partition.source, session)
            partition.learned = len(partition.sessions)
            self.topic += self.replicas[partition.owner].updates(partition.source)
        self._catch_up(0)
        self._catch_up(1)
        fresh = make()
        fresh.apply(self.topic)
        fresh.apply(self.topic)
        faultless = make()
        for partition in self.partitions:
            for session in partition.sessions:
                learn(faultless, partition.source, session)
        one, other = (state(replica, rings=True) for replica in self.replicas)
        assert one == other
        assert one == state(fresh, rings=True)
        assert state(faultless, rings=False) == state(fresh, rings=False)


TestReplicas = Replicas.TestCase
TestReplicas.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, phases=[Phase.explicit, Phase.generate]
)


def test_a_snapshot_gives_the_same_detector() -> None:
    """All state dumped and applied to an empty detector judges alike and dumps alike.

    What was common lately stays so for a while, which is not state: the lines called missing may differ.
    """
    one, other = make(), make()
    for number in range(60):
        learn(one, SOURCE, (number % 4, 100 + number // 6))
    other.apply(list(one.dump()))
    odd = pattern("open", "lost")
    assert state(one, rings=True) == state(other, rings=True)
    judged = [d.judge(odd, vector(odd), end=111 * HOUR, source=SOURCE, learn=False) for d in (one, other)]
    one_evidence, other_evidence = ([e for e in j.evidence if e.kind != "missing"] for j in judged)
    assert one_evidence == other_evidence
    assert replace(judged[0], evidence=()) == replace(judged[1], evidence=())


def test_records_are_few_and_small() -> None:
    """One session more is one weight and one chunk of calibration: a few kilobytes."""
    detector = make()
    for number in range(300):
        learn(detector, SOURCE, (number % 3, 100))
    detector.updates(SOURCE)
    learn(detector, SOURCE, (0, 100))
    updates = detector.updates(SOURCE)
    assert ["ring", "weight"] == sorted(changelog_codec.parse_key(update.key)[0] for update in updates)
    assert sum(len(update.value or b"") for update in updates) < 6000
    assert detector.updates(SOURCE) == []


def test_a_vector_is_published_again_before_the_topic_forgets_it() -> None:
    """A pattern in use, and a label, are published again half a window after the last time."""
    detector = make()
    for hour in range(100, 100 + 60):
        for _ in range(12):
            learn(detector, SOURCE, (0, hour))
        if hour == 100:
            detector.label("shop", PATTERNS[0].id, "anomalous", source=SOURCE, at=hour * HOUR)
        detector.apply(detector.updates(SOURCE))
    times = [
        changelog_codec.load_vector(update.value, "model", DIMENSIONS)[0] // HOUR
        for update in detector.dump()
        if update.value is not None and changelog_codec.parse_key(update.key)[0] == "vector"
    ]
    assert [time > 100 + 60 - 28 for time in times] == [True]
    assert detector.labels("shop")[PATTERNS[0].id].renewed > (100 + 60 - 28) * HOUR
    assert detector.labels("shop")[PATTERNS[0].id].at == 100 * HOUR


def test_another_model_is_refused_with_what_to_do() -> None:
    """Vectors of another model, or of another length, cannot be compared: the message names both."""
    record = changelog_codec.dump_vector("other", 1, (("open", 1),), np.ones(DIMENSIONS, np.float32))
    with pytest.raises(ModelMismatchError, match=r"made with other \(16 dimensions\) and the engine is model"):
        make().apply([Update(changelog_codec.vector_key("shop", "p"), record)])


@pytest.mark.parametrize("key", [b"\xff", b"{}", b"[]", b'["else","shop"]'])
def test_a_foreign_key_is_refused(key: bytes) -> None:
    """A record that is not ours is an error that says so, not a guess."""
    with pytest.raises(DataError, match="not Strayline's"):
        make().apply([Update(key, b"")])


@pytest.mark.parametrize(
    "key",
    [
        b'["vector","shop"]',
        b'["vector","shop",7]',
        b'["weight","shop","p"]',
        b'["weight","shop","p","logs","0"]',
        b'["ring","shop","logs",0,-1]',
        b'["ring","shop","logs",0,9999999999]',
        b'["label",null,"p"]',
    ],
)
def test_a_key_that_is_not_whole_is_refused(key: bytes) -> None:
    """A key of a known kind with other parts is an error, whatever its value, and takes no memory."""
    with pytest.raises(DataError, match="key that is not whole"):
        make().apply([Update(key, b"")])


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{}",
        b"[]",
        b"\x00\xff",
        b"\xff\xff\xff\xff",
        b'{"v":1,"first":"x","last":1,"buckets":[]}',
        b'{"v":1,"first":0,"last":99999999999999999999,"buckets":[]}',
        b'{"v":1,"first":0,"last":1,"buckets":[[1]]}',
        b'{"v":1,"verdict":"odd","at":1,"by":"","note":"","renewed":0}',
        b'{"v":1,"verdict":"normal","at":1,"by":7,"note":"","renewed":0}',
    ],
)
@pytest.mark.parametrize(
    "key",
    [
        changelog_codec.vector_key("shop", "p"),
        changelog_codec.weight_key("shop", "p", SOURCE),
        changelog_codec.ring_key("shop", SOURCE, 0),
        changelog_codec.label_key("shop", "p"),
    ],
)
def test_a_broken_value_is_refused(key: bytes, value: bytes) -> None:
    """A value that cannot be read is an error that names the scope."""
    with pytest.raises(DataError, match="of scope shop cannot be read"):
        make().apply([Update(key, value)])
