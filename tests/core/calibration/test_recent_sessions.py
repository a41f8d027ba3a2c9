"""Rings and sketches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.baseline.simhash import differing, distance, similarity, sketch
from daemon.core.calibration.recent_sessions import CHUNK, EARLY, EMPTY, ENOUGH, LOUD, QUIET, RING, Ring, gather
from daemon.core.calibration.score_table import finding
from tests.support.traffic import DIMENSIONS

NAMES = ("dtm", "ctx", "sev")


def fill(ring: Ring, count: int) -> None:
    for number in range(count):
        mark = np.full(4, number, np.uint64)
        parts = np.array([number, 1, 2], np.float32)
        found, state = finding(parts, float(number), mark), LOUD if number % 7 == 0 else QUIET
        ring.append(found, minute=number, state=state)


@settings(deadline=None)
@given(st.sampled_from([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, RING - 1, RING, RING + 1, 2 * RING + 5]))
def test_a_ring_put_together_from_its_chunks_is_the_same_ring(count: int) -> None:
    """Chunks loaded in any order give the values and the count back."""
    one, other = Ring(NAMES), Ring(NAMES)
    fill(one, count)
    for chunk in reversed(range(RING // CHUNK)):
        other.load(chunk, one.dump(chunk))
    assert one.count == other.count
    assert [one.dump(chunk) for chunk in range(RING // CHUNK)] == [other.dump(chunk) for chunk in range(RING // CHUNK)]
    assert gather(NAMES, one, [one]).sessions == gather(NAMES, other, [other]).sessions


STEPS = st.one_of(
    st.tuples(st.just("append"), st.integers(0, 30), st.sampled_from([QUIET, LOUD, EARLY])),
    st.tuples(st.just("many"), st.integers(0, 30), st.integers(1, 200)),
    st.tuples(st.just("reload"), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("empty"), st.integers(0, 3), st.just(EMPTY)),
)


@settings(deadline=None)
@given(st.lists(STEPS, max_size=60))
def test_what_is_found_of_many_sessions_is_kept_once(steps: list[tuple[str, int, int]]) -> None:
    """Whatever came and went, findings count the sessions in the ring that calibrate; those that nobody has are few."""
    marks = np.random.default_rng(0).integers(0, 2**63, (31, 4)).astype(np.uint64)
    ring, held = Ring(NAMES), np.zeros((RING, 2), int)
    for step, which, value in steps:
        if step in ("append", "many"):
            for turn in range(1 if step == "append" else value):
                kind, state = (which + turn) % 31, value if step == "append" else QUIET
                held[ring.count % RING] = kind, state
                found = finding(np.array([kind, 1, 2], np.float32), kind / 2, marks[kind])
                ring.append(found, minute=0, state=state)
        elif step == "reload":
            ring.load(which, ring.dump(which))
        else:
            ring.load(which, None)
            held[which * CHUNK : (which + 1) * CHUNK] = 0, EMPTY
    recent = gather(NAMES, ring, [ring])
    kinds = held[np.isin(held[:, 1], (QUIET, LOUD)), 0]
    counted = recent.counts > 0
    assert len(kinds) == recent.sessions
    assert dict(zip(*(column.tolist() for column in np.unique(kinds, return_counts=True)), strict=True)) == {
        int(part): count for part, count in zip(recent.parts[0][counted], recent.counts[counted], strict=True)
    }
    for kind in set(kinds.tolist()):
        at = recent.parts[0][counted].tolist().index(kind)
        assert kind / 2 == recent.scores[counted][at]
        assert 0 == recent.bits(marks[kind])[counted][at]
    assert len(ring.findings) <= 2 * len(set(held[held[:, 1] != EMPTY, 0].tolist())) + 2 * CHUNK


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 150), st.sampled_from([QUIET, LOUD, EARLY])), max_size=90))
def test_sessions_noted_together_are_those_noted_one_by_one(steps: list[tuple[int, int, int]]) -> None:
    """The same chunks, and the same findings under the same numbers, so that sums over them are the same too."""
    marks = np.random.default_rng(0).integers(0, 2**63, (17, 4)).astype(np.uint64)
    single, together = Ring(NAMES), Ring(NAMES)
    for which, count, state in steps:
        kinds = [(which + turn * turn) % 17 for turn in range(count)]
        found = [finding(np.array([kind, 1, 2], np.float32), kind / 2, marks[kind]) for kind in kinds]
        for minute, noted in enumerate(found):
            single.append(noted, minute=minute, state=state)
            if state == EARLY:
                together.append(noted, minute=minute, state=state)
        if state != EARLY:
            together.extend(found, np.arange(count), np.full(count, state))
    assert [single.dump(chunk) for chunk in single.chunks()] == [together.dump(chunk) for chunk in together.chunks()]
    one, other = gather(NAMES, single, [single]), gather(NAMES, together, [together])
    assert one.parts.tobytes() == other.parts.tobytes()
    assert one.counts.tobytes() == other.counts.tobytes()


def test_a_chunk_put_back_undoes_what_came_after() -> None:
    """Loading a chunk's earlier value restores the count."""
    ring = Ring(NAMES)
    fill(ring, 100)
    before = ring.dump(ring.next_chunk())
    chunk = ring.next_chunk()
    found = finding(np.zeros(3, np.float32), 9.0, np.zeros(4, np.uint64))
    ring.append(found, minute=1, state=LOUD)
    ring.load(chunk, before)
    assert 100 == ring.count


def test_the_oldest_is_overwritten() -> None:
    """A full ring holds the last RING sessions, and gives them back oldest first."""
    ring = Ring(NAMES)
    fill(ring, RING + 10)
    recent = gather(NAMES, ring, [ring])
    assert [*range(10, RING + 10)] == sorted(recent.scores[recent.counts > 0].astype(int).tolist())
    assert [*range(10, RING + 10)] == ring.rows()["score"].astype(int).tolist()


def test_a_new_partition_borrows_from_its_scope() -> None:
    """While a partition's own sessions are few, all of its scope's count; afterwards its own do."""
    own, other = Ring(NAMES), Ring(NAMES)
    fill(own, 10)
    fill(other, 50)
    assert gather(NAMES, own, [own, other]).sessions == 60
    assert gather(NAMES, None, [own, other]).sessions == 60
    fill(own, ENOUGH)
    assert gather(NAMES, own, [own, other]).sessions == ENOUGH + 10
    assert gather(NAMES, None, []).sessions == 0


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_a_sketch_tells_the_distance(seed: int) -> None:
    """The cosine distance that two sketches stand for is near the true one."""
    generator = np.random.default_rng(seed)
    one, other = generator.standard_normal((2, DIMENSIONS)).astype(np.float32)
    other = other + generator.uniform(0, 3) * one
    true = 1 - float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
    bits = differing(sketch(one), sketch(other)[:, None])
    assert true == pytest.approx(float(distance(bits)[0]), abs=0.45)
    assert differing(sketch(one), sketch(one)[:, None]).tolist() == [0]
    assert similarity(np.array([0]))[0] == 1.0
