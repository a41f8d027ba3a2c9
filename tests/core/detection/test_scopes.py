"""Idle scopes are packed, cold ones lie on the disk, too many are let go: verdicts of those that stay are the same."""

from __future__ import annotations

import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from tempfile import gettempdir

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.adapters.cold_file import ColdFile
from daemon.core.baseline import Weight
from daemon.core.detection import ColdStorage, changelog_codec, packed_scope, scopes
from daemon.core.detection.detector import Detector, DetectorSettings
from daemon.core.detection.scope import Scope
from daemon.core.types import Judgement, LabelVerdict, Pattern, TopicPartition, Update, Vector
from daemon.errors import ColdScopeError
from tests.support.traffic import DIMENSIONS, HOUR, SOURCE, pattern, vector

OTHER = TopicPartition("logs", 1)
NAMES = [f"service-{number}" for number in range(6)]
SOURCES = [SOURCE, OTHER]
LINES = ["open", "read", "close", "ERROR lost"]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["judge", "judge", "judge", "label", "commit", "undo", "look"]),
        st.sampled_from(NAMES),
        st.sampled_from(LINES),
        st.sampled_from(SOURCES),
    ),
    max_size=60,
)


def make(max_scopes: int = 10_000, storage: ColdStorage | None = None) -> Detector:
    return Detector(DetectorSettings(warm_up=3, max_scopes=max_scopes), "model", DIMENSIONS, storage)


def cool(detector: Detector, turns: int = 1) -> int:
    """End a turn; return how many scopes that were unused for so many went to the disk."""
    return sum(detector.cool(name, turns) for name in detector.unused_scopes(turns))


def judge(detector: Detector, made: Pattern, hour: int = 0, source: TopicPartition = SOURCE) -> Judgement:
    return detector.judge(made, vector(made), end=hour * HOUR, source=source)


def settle(detector: Detector) -> None:
    """Read back what was changed, as after a commit."""
    for source in SOURCES:
        detector.apply(detector.updates(source))


def play(
    steps: Sequence[tuple[str, str, str, TopicPartition]], awake: int, storage: ColdStorage | None = None
) -> list[object]:
    """Everything that a detector says while so many of its scopes are objects.

    With `storage`, those that a step did not use are on the disk.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scopes, "AWAKE", awake)
        patch.setattr(scopes, "SMALL", 0)
        detector, told = make(storage=storage), list[object]()
        for hour, (step, scope, line, source) in enumerate(steps):
            made = pattern("open", line, scope=scope)
            if step == "judge":
                told.append(judge(detector, made, hour, source))
            elif step == "label":
                detector.label(scope, made.id, "normal", source=source, at=hour)
            elif step == "commit":
                settle(detector)
            elif step == "undo":
                detector.release(source)
                detector.acquire(source)
            else:
                facts = [(one.scope, one.sessions, one.patterns, one.phase) for one in detector.scopes()]
                told += [detector.scope_of(made.id), detector.patterns(scope), detector.labels(scope), facts]
            if storage is not None:
                cool(detector)
        return [*told, *detector.dump()]


@settings(deadline=None, max_examples=50)
@given(STEPS)
def test_nothing_depends_on_which_scopes_are_packed(steps: list[tuple[str, str, str, TopicPartition]]) -> None:
    """Verdicts, statistics and the records of all state are the same with one scope awake as with all of them."""
    assert play(steps, awake=100) == play(steps, awake=1)


@settings(deadline=None, max_examples=50)
@given(STEPS)
def test_nothing_depends_on_which_scopes_are_on_the_disk(steps: list[tuple[str, str, str, TopicPartition]]) -> None:
    """Verdicts, statistics and the records of all state are the same with all but the used scope on the disk."""
    storage = ColdFile(Path(gettempdir()), 1 << 30)
    assert play(steps, awake=100) == play(steps, awake=100, storage=storage)


def test_an_idle_scope_is_small() -> None:
    """A packed scope of one session takes at most 4 KiB."""
    detector = Detector(DetectorSettings(), "model", 384)
    generator = np.random.default_rng(0)
    for number in range(scopes.AWAKE + 50):
        made = pattern("open", f"worker {number} done", "close", scope=f"service-{number}")
        embedding = generator.standard_normal(384).astype(np.float32)
        embedding /= np.linalg.norm(embedding)
        detector.judge(made, embedding, end=number, source=SOURCE)
    sizes = [len(packed.content) for packed in detector._changelog.scopes._packed.values()]
    assert len(sizes) == 50
    assert max(sizes[1:]) <= 4096


def test_made_up_names_drive_themselves_out() -> None:
    """Above the limit the scopes with the fewest sessions are let go; one with a history stays."""
    detector = make(max_scopes=20)
    for hour in range(3):
        judge(detector, pattern("open", scope="shop"), hour)
    for number in range(200):
        judge(detector, pattern("open", scope=f"made-up-{number}"), number)
        settle(detector)
    names = {one.scope for one in detector.scopes()}
    assert "shop" in names
    assert "made-up-199" in names
    assert len(names) <= 20
    assert detector.scopes_let_go == 201 - len(names)


def test_a_restart_keeps_no_more_scopes_than_it_may() -> None:
    """A topic with more scopes than `max_scopes`, as after a flood or with a smaller bound, is restored up to it."""
    before = make()
    for number in range(200):
        judge(before, pattern("open", scope=f"made-up-{number}"))
    for hour in range(3):
        judge(before, pattern("open", scope="shop"), hour)
    updates = before.updates(SOURCE)
    after = make(max_scopes=20)
    for start in range(0, len(updates), 50):
        after.apply(updates[start : start + 50])
    names = {one.scope for one in after.scopes()}
    assert "shop" in names
    assert len(names) <= 20


def test_a_scope_with_a_label_is_not_let_go() -> None:
    """A person's word keeps a scope, however few sessions it has."""
    detector = make(max_scopes=20)
    made = pattern("open", scope="shop")
    judge(detector, made)
    detector.label("shop", made.id, "normal", source=SOURCE, at=0)
    for number in range(50):
        for hour in range(2):
            judge(detector, pattern("open", scope=f"made-up-{number}"), hour)
        settle(detector)
    assert detector.labels("shop")[made.id].verdict is LabelVerdict.NORMAL


def test_what_the_topic_does_not_hold_yet_is_not_let_go() -> None:
    """Scopes with changes on their way stay until these are read back, so no commit is of a scope that is gone."""
    detector = make(max_scopes=20)
    for number in range(50):
        judge(detector, pattern("open", scope=f"made-up-{number}"))
    assert len(detector.scopes()) == 50
    assert all(update.value is not None for update in detector.updates(SOURCE))


def test_a_scope_that_was_let_go_comes_back_as_a_new_one() -> None:
    """Its next session begins it again, in its warm-up."""
    detector = make(max_scopes=2)
    for number in range(6):
        judge(detector, pattern("open", scope=f"made-up-{number}"), number)
        settle(detector)
    gone = {f"made-up-{number}" for number in range(6)} - {one.scope for one in detector.scopes()}
    assert gone
    assert [0] * len(gone) == [judge(detector, pattern("open", scope=name), 9).seen for name in sorted(gone)]


@pytest.fixture
def storage(tmp_path: Path) -> ColdFile:
    return ColdFile(tmp_path, 1 << 20)


@pytest.fixture
def cold(storage: ColdFile, monkeypatch: pytest.MonkeyPatch) -> Detector:
    """A detector with three scopes on the disk."""
    monkeypatch.setattr(scopes, "SMALL", 0)
    detector = make(storage=storage)
    for name in NAMES[:3]:
        judge(detector, pattern("open", scope=name))
    settle(detector)
    assert [0, 3] == [cool(detector, turns=2), cool(detector, turns=2)]
    return detector


def test_a_scope_that_is_used_comes_back_and_frees_the_disk(cold: Detector, storage: ColdFile) -> None:
    """Its figures say so; looking at it does not bring it back."""
    assert (3, storage.used, 0) == cold.cold()
    before = storage.used
    assert cold.patterns(NAMES[0])
    assert (3, before, 0) == cold.cold()
    assert judge(cold, pattern("open", scope=NAMES[0])).seen == 1
    assert (2, storage.used, 1) == cold.cold()
    assert storage.used < before


def test_a_scope_that_was_used_meanwhile_stays_in_memory(cold: Detector) -> None:
    """Between the list of unused scopes and the move of one, a session of it may come."""
    judge(cold, pattern("open", scope=NAMES[0]))
    cold.unused_scopes(1)
    assert [NAMES[0]] == cold.unused_scopes(1)
    judge(cold, pattern("open", scope=NAMES[0]))
    assert not cold.cool(NAMES[0], 1)
    assert cold.cold().scopes == 2


def test_a_scope_that_is_given_up_frees_the_disk(cold: Detector, storage: ColdFile) -> None:
    """It is not brought back for that; one with a label is, since labels stay."""
    cold.label(NAMES[0], pattern("open", scope=NAMES[0]).id, "normal", source=SOURCE, at=0)
    settle(cold)
    cool(cold)
    cool(cold)
    before = cold.cold()
    cold.forget(cold.scopes_in([]), [])
    assert (3, before.woken + 1) == (before.scopes, cold.cold().woken)
    assert [NAMES[0]] == [scope.scope for scope in cold.scopes()]
    assert storage.used == 0


def test_a_scope_for_which_the_disk_has_no_room_stays_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moving it raises OSError, and it is as it was."""
    monkeypatch.setattr(scopes, "SMALL", 0)
    detector = make(storage=ColdFile(tmp_path, 1))
    judge(detector, pattern("open"))
    detector.unused_scopes(1)
    with pytest.raises(OSError, match="more than 1 bytes"):
        detector.cool("shop", 1)
    assert (0, 0, 0) == detector.cold()
    assert judge(detector, pattern("open")).seen == 1


def test_a_damaged_scope_is_refused_and_never_taken_for_a_new_one(cold: Detector, storage: ColdFile) -> None:
    """However often it is asked for: the process must end and restore it from the topic."""
    assert storage._number is not None
    os.pwrite(storage._number, bytes(storage.used), 0)
    for _ in range(2):
        with pytest.raises(ColdScopeError, match="cannot be read back"):
            judge(cold, pattern("open", scope=NAMES[0]))


def test_a_small_scope_stays_packed_in_memory(tmp_path: Path) -> None:
    """What is reported of it takes about as much as its content."""
    detector = make(storage=ColdFile(tmp_path, 1 << 20))
    judge(detector, pattern("open"))
    assert cool(detector) == 0
    assert [] == detector.unused_scopes(1)
    assert (0, 0, 0) == detector.cold()
    assert judge(detector, pattern("open")).seen == 1


def test_a_scope_of_many_patterns_comes_back_to_the_bit(tmp_path: Path) -> None:
    """Also arrays that are pickled as buffers of their own."""
    whole, gone = (
        Detector(DetectorSettings(), "model", 384, storage) for storage in (None, ColdFile(tmp_path, 1 << 30))
    )
    generator = np.random.default_rng(0)
    for detector in (whole, gone):
        records = [
            update
            for number in range(1300)
            for update in _records(number, np.random.default_rng(number).standard_normal(384).astype(np.float32))
        ]
        detector.apply(records)
    assert cool(gone) == 1
    embedding = generator.standard_normal(384).astype(np.float32)
    embedding /= np.linalg.norm(embedding)
    made = pattern("open", "a new line")
    expected, judged = (detector.judge(made, embedding, end=HOUR, source=SOURCE) for detector in (whole, gone))
    assert expected == judged
    assert list(whole.dump()) == list(gone.dump())


def test_packing_lets_other_threads_run_in_between() -> None:
    """A pickle is written and read in pieces of at most a megabyte, by methods that are Python; it is the same."""
    vectors, lines = np.arange(3 << 18, dtype=np.float64), [f"line {number}" for number in range(100_000)]
    written = packed_scope._Pieces()
    pickle.dump((vectors, lines), written, pickle.HIGHEST_PROTOCOL)
    sizes = [len(piece) for piece in written.pieces]
    assert max(sizes) == packed_scope._AT_ONCE
    assert sum(sizes) > 7_000_000
    read = pickle.Unpickler(packed_scope._Read(b"".join(written.pieces))).load()
    assert lines == read[1]
    assert np.array_equal(vectors, read[0])


def test_a_scope_of_many_patterns_is_not_packed_around_its_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where more scopes are in use than stay awake, only those of few patterns are packed."""
    packed: list[int] = []
    pack = packed_scope.Packer.pack

    def noting(self: packed_scope.Packer, scope: Scope, undone: int) -> packed_scope.Packed:
        packed.append(len(scope.baseline))
        return pack(self, scope, undone)

    monkeypatch.setattr(packed_scope.Packer, "pack", noting)
    monkeypatch.setattr(scopes, "AWAKE", 1)
    detector = make()
    for hour in range(scopes.FEW + 2):
        judge(detector, pattern("open", f"part {hour} is written", scope=NAMES[0]), hour)
    for hour in range(5):
        for name in NAMES[:3]:
            judge(detector, pattern("open", scope=name), hour)
    assert {1} == set(packed)


def _records(number: int, embedding: Vector) -> list[Update]:
    """The records of a pattern with one session."""
    made = pattern("open", f"worker {number} done")
    unit = embedding / np.linalg.norm(embedding)
    return [
        Update(changelog_codec.vector_key("shop", made.id), changelog_codec.dump_vector("model", 1, made.lines, unit)),
        Update(changelog_codec.weight_key("shop", made.id, SOURCE), changelog_codec.dump_weight(Weight({0: 1}, 1, 1))),
    ]
