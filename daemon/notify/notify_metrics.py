"""The metrics of `strayline notify`. Labels are names of routes, which the configuration bounds, and known words."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from daemon.metrics import PREFIX, Series, of_process
from daemon.notify.announcements import Stage

GROUP = "Notifications (`strayline notify`)"
_DELAY = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0)


class NotifyMetrics:
    """All metrics of the process, on a registry of its own. `series` describes them for docs/metrics.md."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.series: list[Series] = []
        self.ports = of_process(registry)
        text = self._text("notify_sent_total", "counter", ("route", "stage"), "Messages that a receiver has taken.")
        self.sent = Counter(PREFIX + "notify_sent", text, ["route", "stage"], registry=registry)
        text = self._text(
            "notify_failed_total",
            "counter",
            ("route", "reason"),
            "Attempts that failed. reason: refused (it will not take this message), unauthorized, busy (429 or 5xx), "
            "unreachable, secret (a file cannot be used).",
        )
        self.failed = Counter(PREFIX + "notify_failed", text, ["route", "reason"], registry=registry)
        text = self._text("notify_dead_letters_total", "counter", ("route",), "Messages that no attempt could deliver.")
        self.dead_letters = Counter(PREFIX + "notify_dead_letters", text, ["route"], registry=registry)
        text = self._text(
            "notify_foreign_total",
            "counter",
            ("route",),
            "Records of the alerts topic that are not alerts; passed over.",
        )
        self.foreign = Counter(PREFIX + "notify_foreign", text, ["route"], registry=registry)
        text = self._text(
            "notify_delay_seconds", "histogram", ("route",), "Time from the alert on the topic to its delivery."
        )
        self.delay = Histogram(PREFIX + "notify_delay_seconds", text, ["route"], buckets=_DELAY, registry=registry)
        text = self._text(
            "notify_failing_seconds",
            "gauge",
            ("route",),
            "How long the receiver has taken nothing; 0 while all is well.",
        )
        self.failing = Gauge(PREFIX + "notify_failing_seconds", text, ["route"], registry=registry)
        text = self._text("notify_unread_records", "gauge", ("route",), "Records of the alerts topic still to be read.")
        self.unread = Gauge(PREFIX + "notify_unread_records", text, ["route"], registry=registry)
        text = self._text(
            "notify_incidents", "gauge", ("route",), "Incidents that a route remembers (notify.max_incidents)."
        )
        self.incidents = Gauge(PREFIX + "notify_incidents", text, ["route"], registry=registry)
        text = self._text(
            "notify_incidents_let_go_total", "counter", ("route",), "Incidents let go because there were too many."
        )
        self.incidents_let_go = Counter(PREFIX + "notify_incidents_let_go", text, ["route"], registry=registry)
        self._let_go: dict[str, int] = {}

    def begin(self, route: str) -> None:
        """Let a route's counters begin at 0: one that appears with its first event shows no increase."""
        for stage in Stage:
            self.sent.labels(route, stage)
        for counter in (self.dead_letters, self.foreign, self.incidents_let_go):
            counter.labels(route)
        self._let_go[route] = 0
        self.failing.labels(route).set(0)

    def remembers(self, route: str, incidents: int, let_go: int) -> None:
        """Set how many incidents a route remembers, and how many it has let go since it began."""
        self.incidents.labels(route).set(incidents)
        self.incidents_let_go.labels(route).inc(let_go - self._let_go[route])
        self._let_go[route] = let_go

    def end(self, route: str) -> None:
        """Remove the gauges of a route that is gone."""
        for gauge in (self.failing, self.unread, self.incidents):
            gauge.remove_by_labels({"route": route})

    def _text(self, name: str, kind: str, labels: tuple[str, ...], text: str) -> str:
        self.series.append(Series(GROUP, PREFIX + name, kind, labels, text))
        return text
