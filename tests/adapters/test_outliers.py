"""Second opinions on a base: what groups it has, and what lies outside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daemon.adapters.outliers import FEWEST, SklearnOutliers

Rows = NDArray[np.float32]


def around(centre: int, count: int, spread: float = 0.05) -> Rows:
    """Return unit vectors near one axis."""
    rows = np.random.default_rng(centre).normal(scale=spread, size=(count, 16))
    rows[:, centre] += 1.0
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def test_a_mixed_base_shows_its_groups() -> None:
    """Documents around two centres are two groups, and one that is like nothing else is in none."""
    groups = SklearnOutliers().groups(np.concatenate([around(0, 12), around(5, 8), around(9, 1)]))

    first, second, alone = set(groups[:12].tolist()), set(groups[12:20].tolist()), int(groups[20])
    assert [1, 1, -1] == [len(first), len(second), alone]
    assert {0, 1} == first | second


def test_a_small_base_has_no_groups() -> None:
    """Where two groups cannot be, every document is in none."""
    assert [-1] * 5 == SklearnOutliers().groups(around(0, 5)).tolist()


def test_what_lies_outside_a_base_is_odd_to_both_learners() -> None:
    """Another direction is odd, the middle of the base is not; too small a base gives no opinion."""
    base = around(0, 60)
    middle = np.asarray(base.mean(axis=0) / np.linalg.norm(base.mean(axis=0)), np.float32)
    inside = SklearnOutliers().second_opinions(base, middle)
    outside = SklearnOutliers().second_opinions(base, np.full(16, 0.25, np.float32))

    assert ["isolation forest", "one-class SVM"] == [name for name, _, _ in outside]
    assert ([False, False], [True, True]) == ([odd for *_, odd in inside], [odd for *_, odd in outside])
    assert all(far > near for (_, near, _), (_, far, _) in zip(inside, outside, strict=True))
    assert [] == SklearnOutliers().second_opinions(base[: FEWEST - 1], middle)
