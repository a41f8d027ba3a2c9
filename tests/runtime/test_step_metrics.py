"""What a step did, in metrics."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from daemon.core.stream import Checkpoint, SettledAlert, Settlement
from daemon.core.types import TopicPartition
from daemon.metrics import Metrics
from daemon.runtime.step_metrics import count_settlement, observe_all

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


def test_an_incident_is_as_late_as_its_committed_message() -> None:
    """From its latest line to the commit, in buckets that have the goal of two seconds; never less than nothing."""
    metrics, ends = Metrics(CollectorRegistry()), (98_300_000, 98_100_000, 97_000_000, 101_000_000)
    alerts = [SettledAlert("shop", "critical", "opened", f"a-{number}", end) for number, end in enumerate(ends)]

    count_settlement(metrics, TopicPartition("logs", 0), Settlement((), Checkpoint(0), alerts), now=100.0, timer=0.0)

    (family,) = metrics.end_to_end_latency.collect()
    found = {s.labels.get("le", s.name.rsplit("_", 1)[1]): s.value for s in family.samples}
    assert {"1.0": 1, "2.0": 3, "5.0": 4, "count": 4} == {name: found[name] for name in ("1.0", "2.0", "5.0", "count")}
    assert math.isclose(1.7 + 1.9 + 3.0, found["sum"])


def samples(histogram: Histogram) -> list[float]:
    found = [sample for family in histogram.collect() for sample in family.samples]
    return [sample.value for sample in found if not sample.name.endswith("_created")]
