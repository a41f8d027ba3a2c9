"""The score's arithmetic against naive versions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.calibration.ranks import (
    absence_nats,
    conditional_nats,
    distance_to_measure,
    local_ranks,
    presence_nats,
    tail_probability,
)

POINTS = st.lists(st.tuples(st.floats(0, 2), st.integers(1, 9)), min_size=1, max_size=20)


@given(POINTS, st.integers(1, 60))
def test_distance_to_measure_is_the_mean_over_the_nearest_sessions(points: list[tuple[float, int]], mass: int) -> None:
    """With whole weights, it is the mean distance of the nearest `mass` sessions, patterns repeated by weight."""
    sessions = sorted(distance for distance, weight in points for _ in range(weight))[:mass]
    expected = sum(sessions) / len(sessions)
    points = sorted(points)
    actual = distance_to_measure(np.array([d for d, _ in points]), np.array([float(w) for _, w in points]), float(mass))
    assert expected == pytest.approx(actual)


@given(POINTS)
def test_no_mass_is_the_nearest_neighbour(points: list[tuple[float, int]]) -> None:
    """A mass of 0 gives the least distance."""
    distances = np.array(sorted(d for d, _ in points))
    assert min(distances) == distance_to_measure(distances, np.ones(len(points)), 0.0)


@given(st.integers(0, 50), st.integers(0, 50))
def test_presence_and_absence_mirror_each_other(having: int, lacking: int) -> None:
    """That a line is there is as unlikely as it would be for its complement to be missing."""
    total = float(having + lacking)
    assert float(presence_nats(having, total)) == pytest.approx(float(absence_nats(lacking, total)))


def test_a_line_never_seen_in_similar_sessions_is_as_rare_as_its_shrunken_share() -> None:
    """Rarity among similar sessions is drawn towards rarity among all, by the strength of the prior."""
    expected = -math.log((0 + 3 * 0.1) / (6 + 3))
    actual = conditional_nats(np.array([0.0]), np.array([0.1]), 6.0, 3.0)[0]
    assert expected == pytest.approx(actual, rel=1e-6)


@given(
    st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=0, max_size=30),
    st.lists(st.integers(0, 4), min_size=3, max_size=3),
    st.data(),
)
def test_local_ranks_equal_a_count_by_hand(recent: list[list[int]], values: list[int], data: st.DataObject) -> None:
    """A rank among similar sessions weighs the stranger and half of the equal, drawn to the rank among all."""
    weights = data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=len(recent), max_size=len(recent)))
    counts = data.draw(st.lists(st.integers(0, 3), min_size=len(recent), max_size=len(recent)))
    found = np.array(recent, np.float32).reshape(-1, 3).T
    counted, weighed = np.array(counts, float), np.array(weights)
    similar, overall = local_ranks(np.array(values, np.float32), found, counted, weighed, shrink=20.0)
    sessions = [(row, w) for row, count, w in zip(recent, counts, weights, strict=True) for _ in range(count)]
    for k, value in enumerate(values):
        middles = [1.0 if row[k] > value else 0.5 if row[k] == value else 0.0 for row, _ in sessions]
        among_all = (sum(middles) + 0.5) / (len(sessions) + 1)
        weighted = sum(w * middle for (_, w), middle in zip(sessions, middles, strict=True))
        assert among_all == pytest.approx(overall[k])
        similar_counts = sum(w for _, w in sessions)
        assert (weighted + 0.5 + 20 * among_all) / (similar_counts + 21) == pytest.approx(similar[k], rel=1e-5)


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(0, 9))
def test_the_tail_is_a_smoothed_share_of_scores_at_least_as_high(recent: list[int], score: int) -> None:
    """Within what was seen, the p-value is (1 + how many are at least as high) over (1 + how many there are)."""
    at_least = sum(other >= score for other in recent)
    actual = tail_probability(float(score), np.array(recent, np.float32), np.ones(len(recent)))
    if at_least or len(recent) < 100:
        assert (1 + at_least) / (1 + len(recent)) == actual


def test_the_tail_goes_on_above_the_highest_score() -> None:
    """Among scores above all that were seen, the higher has the smaller p-value."""
    recent = np.random.default_rng(0).exponential(size=1000).astype(np.float32)
    highest = float(recent.max())
    values = [tail_probability(highest + excess, recent, np.ones(1000)) for excess in (0.5, 1.0, 3.0)]
    assert sorted(values, reverse=True) == values
    assert values[0] < 1 / 1001


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 60)), min_size=1, max_size=30),
    st.floats(0, 40, allow_nan=False, width=32),
)
def test_a_score_found_often_is_many_scores(found: list[tuple[int, int]], score: float) -> None:
    """A score with a count gives what so many equal scores give."""
    scores, counts = np.array(found, np.float32).T
    one_by_one = np.repeat(scores, counts.astype(int))
    expected = tail_probability(score, one_by_one, np.ones(len(one_by_one)))
    assert expected == pytest.approx(tail_probability(score, scores, counts.astype(np.float64)))
