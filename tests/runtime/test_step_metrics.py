"""What a step did, in metrics."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from daemon.runtime.step_metrics import observe_all

VALUES = st.lists(st.integers(-3, 40).map(float) | st.floats(0, 50), max_size=20)


@given(VALUES)
def test_many_values_are_observed_as_one_by_one(values: list[float]) -> None:
    """A histogram holds the same whether it is given values at once or one after the other, bounds included."""
    at_once, one_by_one = (
        Histogram("sizes", "Sizes.", buckets=(1.0, 5.0, 10.0, 20.0), registry=CollectorRegistry()) for _ in range(2)
    )

    observe_all(at_once, values)
    for value in values:
        one_by_one.observe(value)

    for one, other in zip(samples(at_once), samples(one_by_one), strict=True):
        assert math.isclose(one, other, abs_tol=1e-9)


def samples(histogram: Histogram) -> list[float]:
    found = [sample for family in histogram.collect() for sample in family.samples]
    return [sample.value for sample in found if not sample.name.endswith("_created")]
