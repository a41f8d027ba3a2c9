"""The metrics of `strayline console`. Labels are the two feeds and the paths of routes, which the code bounds."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from daemon.adapters.web import Exposition, metrics_response
from daemon.console.bound_metrics import BoundMetrics
from daemon.console.feed import Feeds, FeedState
from daemon.console.guard import Handler
from daemon.metrics import PREFIX, Series, of_process

GROUP = "Console (`strayline console`)"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0)


class ConsoleMetrics:
    """All metrics of the process, on a registry of its own. `series` describes them for docs/metrics.md."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.series: list[Series] = []
        self.ports = of_process(registry)
        text = self._text(
            "console_feed_up",
            "gauge",
            ("feed",),
            "1 while the topics can be read, else 0. feed: messages (alerts and feedback), patterns (the baseline).",
        )
        self.feed_up = Gauge(PREFIX + "console_feed_up", text, ["feed"], registry=registry)
        text = self._text("console_unread_records", "gauge", ("feed",), "Offsets of the topics still to be read.")
        self.unread = Gauge(PREFIX + "console_unread_records", text, ["feed"], registry=registry)
        text = self._text(
            "console_unreadable_records_total", "counter", ("feed",), "Records that are not ours; passed over."
        )
        self.unreadable = Counter(PREFIX + "console_unreadable_records", text, ["feed"], registry=registry)
        text = self._text(
            "console_request_seconds", "histogram", ("route",), "Time of a request in the console, but for /events."
        )
        self.seconds = Histogram(
            PREFIX + "console_request_seconds", text, ["route"], buckets=_SECONDS, registry=registry
        )
        self.bounds = BoundMetrics(registry, self._text)
        self._counted = {"messages": 0, "patterns": 0}

    def timed(self, path: str, handler: Handler) -> Handler:
        """Return a handler that measures how long `handler` takes; `path` is its route's."""
        seconds = self.seconds.labels(path.partition("{")[0])

        async def measured(request: web.Request) -> web.StreamResponse:
            began = perf_counter()
            try:
                return await handler(request)
            finally:
                seconds.observe(perf_counter() - began)

        return measured

    def serve(self, feeds: Callable[[], Feeds]) -> Handler:
        """Return the handler of /metrics, as Prometheus text or OpenMetrics."""

        async def metrics(request: web.Request) -> web.StreamResponse:
            current = feeds()
            for feed, state in (("messages", current.messages), ("patterns", current.patterns)):
                self._note(feed, state)
            self.bounds.note()
            return metrics_response(request, Exposition(self.registry))

        return metrics

    def _note(self, feed: str, state: FeedState) -> None:
        self.feed_up.labels(feed).set(not state.problem)
        self.unread.labels(feed).set(state.unread)
        self.unreadable.labels(feed).inc(state.unreadable - self._counted[feed])
        self._counted[feed] = state.unreadable

    def _text(self, name: str, kind: str, labels: tuple[str, ...], text: str) -> str:
        self.series.append(Series(GROUP, PREFIX + name, kind, labels, text))
        return text
