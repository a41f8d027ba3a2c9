"""The metrics: what they are called, how many series they can make, and that their page is up to date."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from daemon.console import ConsoleMetrics
from daemon.metrics import Metrics, PortMetrics
from daemon.notify import NotifyMetrics

AnyMetrics = Metrics | NotifyMetrics | ConsoleMetrics | PortMetrics
ALL: tuple[Callable[[CollectorRegistry], AnyMetrics], ...] = (Metrics, NotifyMetrics, ConsoleMetrics, PortMetrics)


def test_every_metric_is_described_once_under_the_prefix() -> None:
    """Names are unique, carry the prefix, and counters end in _total."""
    described = [series for make in ALL for series in make(CollectorRegistry()).series]
    names = [series.name for series in described]
    assert sorted(set(names)) == sorted(names)
    assert [] == [name for name in names if not name.startswith("strayline_")]
    assert [] == [s.name for s in described if (s.kind == "counter") != s.name.endswith("_total")]
    assert [] == [s.name for s in described if not s.help.endswith(".")]


@pytest.mark.parametrize("make", ALL)
def test_every_described_metric_is_exposed(make: Callable[[CollectorRegistry], AnyMetrics]) -> None:
    """What the page promises is in the exposition, and nothing of ours is there without a description."""
    metrics = make(CollectorRegistry())
    ports = PortMetrics(CollectorRegistry()).series  # each process has them too
    described = {s.name.removesuffix("_total").removesuffix("_info") for s in (*metrics.series, *ports)}
    exposed = {family.name for family in metrics.registry.collect() if family.name.startswith("strayline_")}
    assert described == exposed


def test_scopes_past_the_bound_share_one_series() -> None:
    """Ten thousand scopes make no more series than the bound and one."""
    metrics = Metrics(CollectorRegistry(), max_scopes=5)
    for number in range(10_000):
        metrics.sessions_judged.labels(metrics.scope(f"scope-{number}"), "normal").inc()
    (family,) = metrics.sessions_judged.collect()
    values = {s.labels["scope"]: s.value for s in family.samples if s.name.endswith("_total")}
    expected = {f"scope-{number}": 1.0 for number in range(5)} | {"other": 9_995.0}
    assert expected == values


def test_a_long_scope_is_cut() -> None:
    """A scope of a megabyte becomes a label of 128 characters."""
    assert 128 == len(Metrics(CollectorRegistry()).scope("x" * 1_000_000))


def test_a_gauge_by_scope_forgets_scopes_that_are_gone() -> None:
    """Setting a gauge by scope replaces all its values, and merges those past the bound."""
    metrics = Metrics(CollectorRegistry(), max_scopes=2)
    metrics.set_by_scope(metrics.baseline_patterns, {"a": 1, "b": 2, "c": 3, "d": 4})
    (family,) = metrics.baseline_patterns.collect()
    assert {"a": 1.0, "b": 2.0, "other": 7.0} == {s.labels["scope"]: s.value for s in family.samples}
    metrics.set_by_scope(metrics.baseline_patterns, {"b": 5, "c": 3, "d": 4}, worst=True)
    (family,) = metrics.baseline_patterns.collect()
    assert {"b": 5.0, "other": 4.0} == {s.labels["scope"]: s.value for s in family.samples}
