"""Rings and sketches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.calibration import CHUNK, ENOUGH, LOUD, QUIET, RING, Ring, gather
from daemon.core.sketches import differing, distance, kinship, sketch
from tests.core.traffic import DIMENSIONS


def fill(ring: Ring, count: int) -> None:
    for number in range(count):
        mark = np.full(4, number, np.uint64)
        parts = np.array([number, 1, 2], np.float32)
        ring.append(
            parts, float(number), mark, minute=number, state=LOUD if number % 7 == 0 else QUIET, credit=number / 2
        )


@settings(deadline=None)
@given(st.sampled_from([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, RING - 1, RING, RING + 1, 2 * RING + 5]))
def test_a_ring_put_together_from_its_chunks_is_the_same_ring(count: int) -> None:
    """Chunks loaded in any order give the values, the count and the credit back."""
    one, other = Ring(), Ring()
    fill(one, count)
    for chunk in reversed(range(RING // CHUNK)):
        other.load(chunk, one.dump(chunk))
    assert (one.count, one.credit) == (other.count, other.credit)
    for column in ("parts", "scores", "minutes", "states"):
        assert np.array_equal(getattr(one, column), getattr(other, column))
    assert np.array_equal(one.kinds[:, one.kind], other.kinds[:, other.kind])


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), max_size=300), st.integers(0, 3))
def test_sketches_are_kept_once_and_their_numbers_given_again(kinds: list[int], reload: int) -> None:
    """Whatever came and went, each session's bits are those of its own sketch, and numbers do not outgrow the kinds."""
    ring = Ring()
    marks = np.random.default_rng(0).integers(0, 2**63, (6, 4)).astype(np.uint64)
    for kind in kinds:
        ring.append(np.zeros(3, np.float32), 0.0, marks[kind], minute=0, state=QUIET, credit=None)
    for chunk in range(reload):
        ring.load(chunk, ring.dump(chunk))
    recent = gather(ring, [ring])
    for mark in marks:
        assert np.array_equal(differing(mark, marks[kinds].T.reshape(4, -1)), recent.bits(mark))
    assert len(set(kinds)) + 1 == ring.kinds.shape[1]


def test_a_chunk_put_back_undoes_what_came_after() -> None:
    """Loading a chunk's earlier value restores count and credit."""
    ring = Ring()
    fill(ring, 100)
    before = ring.dump(ring.next_chunk())
    chunk = ring.next_chunk()
    ring.append(np.zeros(3, np.float32), 9.0, np.zeros(4, np.uint64), minute=1, state=LOUD, credit=9.0)
    ring.load(chunk, before)
    assert (100, 49.5) == (ring.count, ring.credit)


def test_the_oldest_is_overwritten() -> None:
    """A full ring holds the last RING sessions; the latest has age 0, the oldest RING - 1."""
    ring = Ring()
    fill(ring, RING + 10)
    recent = gather(ring, [ring])
    assert set(range(10, RING + 10)) == set(recent.scores.astype(int).tolist())
    assert [RING + 9 - int(score) for score in recent.scores] == ring.ages().tolist()


def test_a_new_partition_borrows_from_its_scope() -> None:
    """While a partition's own sessions are few, all of its scope's count; afterwards its own do."""
    own, other = Ring(), Ring()
    fill(own, 10)
    fill(other, 50)
    assert len(gather(own, [own, other])) == 60
    assert len(gather(None, [own, other])) == 60
    fill(own, ENOUGH)
    assert len(gather(own, [own, other])) == ENOUGH + 10
    assert len(gather(None, [])) == 0


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
    assert kinship(np.array([0]))[0] == 1.0
