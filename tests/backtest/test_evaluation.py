"""Metrics against scikit-learn and against counting by hand."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_curve

from daemon.backtest.evaluation import Decision, Ranks, block_rates, curve, decide, realised

LABELLED = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=60).filter(
    lambda rows: any(label for label, _ in rows)
)


def columns(rows: list[tuple[bool, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([label for label, _ in rows]), np.array([float(score) for _, score in rows])


@settings(deadline=None)  # scikit-learn takes its time
@given(LABELLED)
def test_average_precision_is_sklearns(rows: list[tuple[bool, int]]) -> None:
    """Average precision equals scikit-learn's, ties included."""
    truth, scores = columns(rows)
    assert math.isclose(average_precision_score(truth, scores), curve(truth, scores).average_precision, abs_tol=1e-12)


@given(LABELLED)
def test_best_f1_is_the_best_over_all_thresholds(rows: list[tuple[bool, int]]) -> None:
    """The best F1 is what the best of all thresholds gives."""
    truth, scores = columns(rows)
    expected = max(decide(truth, scores >= threshold).f1 for threshold in set(scores))
    assert math.isclose(expected, curve(truth, scores).best_f1, abs_tol=1e-12)


@settings(deadline=None)  # scikit-learn takes its time
@given(LABELLED)
def test_the_curve_is_sklearns(rows: list[tuple[bool, int]]) -> None:
    """Precision and recall at every threshold are scikit-learn's."""
    truth, scores = columns(rows)
    precision, recall, thresholds = precision_recall_curve(truth, scores)
    points = curve(truth, scores)
    assert np.allclose(precision[:-1][::-1], points.precision)
    assert np.allclose(recall[:-1][::-1], points.recall)
    assert np.allclose(thresholds[::-1], points.threshold)


def test_without_a_positive_there_is_no_figure() -> None:
    """Where nothing is anomalous, average precision is not a number rather than a flattering one."""
    points = curve(np.array([False, False]), np.array([1.0, 2.0]))
    assert math.isnan(points.average_precision)
    assert math.isnan(points.best_f1)


def test_a_decision_counts() -> None:
    """Hits, false alarms and misses give precision, recall and F1."""
    decision = decide(np.array([True, True, False, False, True]), np.array([True, False, True, False, True]))
    assert Decision(hits=2, false_alarms=1, misses=1) == decision
    assert (2 / 3, 2 / 3, 2 / 3) == (decision.precision, decision.recall, decision.f1)


def test_flagging_nothing_scores_nothing() -> None:
    """Nothing flagged is a recall and F1 of 0, not an error."""
    decision = decide(np.array([True]), np.array([False]))
    assert (0.0, 0.0, 0.0) == (decision.precision, decision.recall, decision.f1)


def test_blocks_are_whole_and_a_last_one_of_half_counts() -> None:
    """Rates are of whole blocks; the rest is left out until it is half a block."""
    flagged = np.array([True] + [False] * 9 + [True] * 4)
    assert [0.1] == block_rates(flagged, 10)
    assert [0.1, 1.0] == block_rates(np.append(flagged, True), 10)


@given(st.lists(st.floats(0.001, 1), max_size=50), st.lists(st.floats(0.001, 1), max_size=5))
def test_realised_counts_p_values_at_or_below(p_values: list[float], budgets: list[float]) -> None:
    """The realised share at a budget is the share of p-values at or below it."""
    expected = [sum(p <= budget for p in p_values) / (len(p_values) or 1) for budget in budgets]
    assert np.allclose(expected, realised(np.array(p_values), np.array(budgets)))


@given(st.lists(st.integers(0, 5), max_size=40))
def test_ranks_are_over_the_last_values(values: list[int]) -> None:
    """A rank's p-value is (1 + those at least as great) / (1 + all) of the last values given before."""
    ranks = Ranks(size=7)
    for place, value in enumerate(values):
        before = values[max(0, place - 7) : place]
        expected = (1 + sum(other >= value for other in before)) / (1 + len(before))
        assert math.isclose(expected, ranks.p_value(float(value)))
