"""Nearest vectors against comparing all of them, before and after the index takes over."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.core.arrays import in_bytes
from daemon.core.baseline.vector_index import VectorIndex

DIMENSIONS = 64


def unit(count: int, seed: int = 0) -> NDArray[np.float32]:
    """Vectors in thirty bundles, as embeddings of logs are."""
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((30, DIMENSIONS))
    rows = centres[generator.integers(30, size=count)] + 0.5 * generator.standard_normal((count, DIMENSIONS))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows.astype(np.float16), np.float32)


def filled(rows: NDArray[np.float32], exact: int) -> VectorIndex:
    index = VectorIndex(DIMENSIONS, exact=exact)
    index.add(np.arange(len(rows)), rows)
    return index


def test_few_vectors_are_all_compared() -> None:
    """While there are few, every slot comes back with its distance."""
    rows = unit(50)
    index = filled(rows, exact=100)
    slots, distances = index.nearest(rows[3], 5)
    assert index.exact
    assert list(range(50)) == slots.tolist()
    assert distances == pytest.approx(np.maximum(1.0 - rows @ rows[3], 0.0), abs=1e-5)


def test_many_vectors_are_found_as_if_all_were_compared() -> None:
    """With the index nearly all nearest are the true ones, and the distances of the very nearest are exact."""
    rows, asked = unit(3000), unit(50, seed=1)
    index = filled(rows, exact=100)
    found, true = 0, 1.0 - asked @ rows.T
    for row, distances in zip(asked, true, strict=True):
        slots, near = index.nearest(row, 20)
        found += len(set(slots.tolist()) & set(np.argsort(distances)[:20].tolist()))
        assert near == pytest.approx(distances[slots], abs=5e-3)
        assert near[:10] == pytest.approx(distances[slots[:10]], abs=1e-5)
    assert not index.exact
    assert found / (20 * len(asked)) > 0.95


def test_what_was_removed_is_not_found_and_its_slot_can_be_used_again() -> None:
    """Whatever came and went, and however often the index was built again, only what is held is found."""
    rows = unit(1200)
    index = filled(rows[:800], exact=100)
    index.remove(np.arange(0, 600))
    index.add(np.arange(400), rows[800:])
    assert 600 == len(index)
    held = {**{slot: rows[800 + slot] for slot in range(400)}, **{slot: rows[slot] for slot in range(600, 800)}}
    for slot in (0, 399, 600, 799):
        slots, distances = index.nearest(held[slot], 10)
        assert set(slots.tolist()) <= set(held)
        assert slot == slots[np.argmin(distances)]
        assert np.array_equal(held[slot], index.get(slot))


def test_vectors_that_come_and_go_for_ever_are_found_as_well_as_ever() -> None:
    """While most of what was held is replaced, some of it twice, what is held is found, and no tombstone is."""
    rows = unit(4000)
    index = filled(rows[:1000], exact=100)
    held = np.arange(1000)  # by slot, the row it has
    generator = np.random.default_rng(5)
    found = asked = 0
    for start in range(1000, 4000, 50):
        gone = generator.choice(1000, 50, replace=False)
        index.remove(gone)
        index.add(gone, rows[start : start + 50])
        held[gone] = np.arange(start, start + 50)
        slots, _ = index.nearest(rows[start], 20)
        found += len(set(slots.tolist()) & set(np.argsort(-rows[held] @ rows[start])[:20].tolist()))
        asked += 20
    assert 1000 == len(index)
    assert found / asked > 0.95


def test_bytes_keep_the_direction() -> None:
    """The cosine of a vector and its bytes is above 0.999; nothing comes of nothing."""
    for row in unit(20):
        near = in_bytes(row).astype(np.float32)
        assert row @ near / np.linalg.norm(near) > 0.999
        assert 127 == np.abs(near).max()
    assert not in_bytes(np.zeros(4, np.float32)).any()


def test_vectors_enter_the_index_when_something_is_searched() -> None:
    """However many were added or removed since the last search, the next one finds exactly those that are held."""
    rows = unit(900)
    index = filled(rows[:600], exact=100)
    index.remove(np.arange(100, 200))
    for begin in (600, 620):  # many at once, then one by one
        index.add(np.arange(begin, begin + 20), rows[begin : begin + 20])
        index.remove(np.array([begin]))
        held = [*range(100), *range(200, 600), *range(601, begin + 20)]
        held = [slot for slot in held if slot != begin]
        found = [slot for slot in held if index.nearest(rows[slot], 1)[0].tolist() == [slot]]
        assert len(found) >= 0.99 * len(held)
        assert not {*range(100, 200), begin} & set(index.nearest(rows[150], 300)[0].tolist())


@pytest.mark.parametrize("removed", [0, 100, 500])
def test_a_pickled_index_finds_the_same(removed: int) -> None:
    """Before and after the index takes over, and while a new one is filled; vectors that come later are found too."""
    rows, asked = unit(1400), unit(20, seed=1)
    for exact in (100, 5000):
        index = filled(rows[:1000], exact=exact)
        index.nearest(asked[0], 5)
        index.remove(np.arange(removed))
        index.add(np.arange(1000, 1010), rows[1000:1010])
        again = pickle.loads(pickle.dumps(index))
        for row in asked:
            for mine, other in zip(index.nearest(row, 30), again.nearest(row, 30), strict=True):
                assert np.array_equal(mine, other)
        again.add(np.arange(1010, 1400), rows[1010:])
        found = sum(slot in again.nearest(rows[slot], 5)[0] for slot in range(1010, 1400))
        assert found >= 385
        assert 1400 - removed == len(again)
