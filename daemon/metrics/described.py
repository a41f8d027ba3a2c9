"""Metrics that describe themselves: made on one registry, and listed for docs/metrics.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

PREFIX = "strayline_"
OTHER = "other"
_SCOPE_LENGTH = 128


@dataclass(frozen=True, slots=True)
class Series:
    """One metric for the documentation: `name` is as scraped (a histogram's without its suffixes)."""

    group: str
    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


class ScopeNames:
    """Bounds the values of the `scope` label: the first `limit` names are used, all others are `other`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: set[str] = set()

    def label(self, scope: str) -> str:
        """Return the label value of `scope`: itself, cut at 128 characters, or `other`."""
        name = scope[:_SCOPE_LENGTH]
        if name not in self._known:
            if len(self._known) >= self._limit:
                return OTHER
            self._known.add(name)
        return name


class DescribedMetrics:
    """Makes metrics on `registry`; `series` lists them in order, under the group that was current.

    `max_scopes` bounds the values of the `scope` label.
    """

    def __init__(self, registry: CollectorRegistry, max_scopes: int) -> None:
        self.registry = registry
        self.series: list[Series] = []
        self.scopes = ScopeNames(max_scopes)
        self._group = ""

    def scope(self, scope: str) -> str:
        """Return the bounded label value of a scope; use it wherever `scope` is a label."""
        return self.scopes.label(scope)

    def set_by_scope(self, gauge: Gauge, values: Mapping[str, float], *, worst: bool = False) -> None:
        """Replace all values of a gauge labelled by scope alone; scopes that are gone lose their series.

        Values of scopes beyond the bound are added up under `other`; with `worst`, their largest is used.
        """
        merged: dict[str, float] = {}
        for scope, value in values.items():
            name = self.scope(scope)
            merged[name] = max(merged.get(name, value), value) if worst else merged.get(name, 0.0) + value
        gauge.clear()
        for name, value in merged.items():
            gauge.labels(name).set(value)

    def _note(self, name: str, kind: str, labels: tuple[str, ...], text: str, values: Sequence[str] = ()) -> None:
        meaning = f"{text} {labels[-1]}: {', '.join(values)}." if values else text
        self.series.append(Series(self._group, PREFIX + name, kind, labels, meaning))

    def _counter(self, name: str, text: str, *labels: str, values: Sequence[str] = ()) -> Counter:
        # Known label values start at 0: a counter that appears with its first event shows no increase.
        self._note(name + "_total", "counter", labels, text, values)
        counter = Counter(PREFIX + name, text, labels, registry=self.registry)
        for value in values:
            counter.labels(value)
        return counter

    def _gauge(self, name: str, text: str, *labels: str, values: Sequence[str] = ()) -> Gauge:
        self._note(name, "gauge", labels, text, values)
        gauge = Gauge(PREFIX + name, text, labels, registry=self.registry)
        for value in values:
            gauge.labels(value)
        return gauge

    def _histogram(self, name: str, text: str, buckets: Sequence[float]) -> Histogram:
        self._note(name, "histogram", (), text)
        return Histogram(PREFIX + name, text, buckets=buckets, registry=self.registry)

    def _info(self, name: str, text: str, fields: tuple[str, ...]) -> Info:
        self._note(name + "_info", "info", fields, text)
        return Info(PREFIX + name, text, registry=self.registry)
