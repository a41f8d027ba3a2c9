"""The budget by itself: what it promises for any traffic, and how it spends."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.calibration.budget import BARS, Budget, bar, earn, full, refund, stretch


def decide(p_values: list[float], share: float) -> list[bool]:
    """Return the decisions on sessions of these p-values, in order."""
    alerts: list[bool] = []
    credit: float | None = None
    for p_value in p_values:
        credit = earn(credit, share)
        alerts.append(p_value <= bar(share, credit))
        credit -= alerts[-1]
    return alerts


@settings(deadline=None)
@given(
    share=st.sampled_from([0.003, 0.01, 0.02, 0.1, 0.4]),
    rhythm=st.lists(st.tuples(st.integers(1, 700), st.sampled_from([0.0, 1e-4, 0.004, 0.01, 0.02, 0.5])), max_size=12),
)
def test_no_stretch_holds_more_than_one_and_a_half_budgets(share: float, rhythm: list[tuple[int, float]]) -> None:
    """Whatever the p-values do, no stretch of sessions holds more than 1.5 times the affordable alerts."""
    alerts = decide([p_value for times, p_value in rhythm for _ in range(times)], share)
    length = round(stretch(share))
    counted = np.concatenate([[0], np.cumsum(alerts)])
    worst = max(counted[min(start + length, len(alerts))] - counted[start] for start in range(len(alerts) + 1))
    assert worst <= 1.5 * share * length + 1e-6


def test_uniform_p_values_realise_the_budget() -> None:
    """Where p-values are uniform and independent, the budget is used up, and no more than that."""
    rng = np.random.default_rng(5)
    for share in (0.002, 0.01, 0.05):
        rate = np.mean(decide(rng.random(100_000).tolist(), share))
        assert 0.93 * share <= rate <= share


def test_the_strange_get_through_a_burst_of_the_merely_rare() -> None:
    """In a burst of sessions at the bar, later ones that are far stranger still alert."""
    burst = [0.008] * 100
    alerts = decide([*burst, 0.0001, 0.0001], 0.01)
    assert alerts[-2:] == [True, True]
    assert sum(alerts[:100]) < full(0.01)


def test_a_group_a_little_larger_than_the_budget_is_not_mute() -> None:
    """Sessions that all have twice the share for a p-value alert now and then, never twice in a row."""
    alerts = decide([0.02] * 3000, 0.01)
    assert 10 <= sum(alerts) <= 32
    assert not any(one and other for one, other in pairwise(alerts))


def test_what_is_taken_back_was_not_paid() -> None:
    """A charge that is taken back leaves the credit as it was, and never more than full."""
    assert refund(full(0.01) - 2.0, 0.01) == full(0.01) - 1.0
    assert refund(full(0.01), 0.01) == full(0.01)


@pytest.mark.parametrize("share", [0.0005, 0.01, 0.3])
def test_the_bar_grows_with_credit(share: float) -> None:
    """No p-value passes below one alert's credit; then the bar grows from half the share to three times it."""
    limit = full(share)
    bars = [bar(share, credit) for credit in np.linspace(1.0, limit, 200)]
    assert bars == sorted(bars)
    assert bar(share, 0.999) < 0
    assert bars[0] == pytest.approx(share * BARS[0][1])
    assert bar(share, 1.0 + 0.9 * (limit - 1.0)) == pytest.approx(share)
    assert bars[-1] == pytest.approx(share * BARS[-1][1])


def test_a_budget_a_day_follows_the_traffic() -> None:
    """A number a day is a share that shrinks as traffic grows, and never more than all."""
    budget = Budget(share=None, per_day=20)
    assert budget.share_at(2_000) == pytest.approx(0.01)
    assert budget.share_at(4_000) == pytest.approx(0.005)
    assert budget.share_at(3) == 1.0


def test_a_budget_is_one_or_the_other() -> None:
    """A budget of both kinds, or of none, is refused."""
    with pytest.raises(ValueError, match="a share of sessions or a number a day"):
        Budget(share=0.1, per_day=3)
    with pytest.raises(ValueError, match="a share of sessions or a number a day"):
        Budget(share=None)
