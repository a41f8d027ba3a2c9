"""The metrics of the ports of a process: how many connections are open, how many may be, and which ended early."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector

from daemon.metrics.described import DescribedMetrics
from daemon.metrics.reloads import ReloadMetrics


class PortMetrics(DescribedMetrics):
    """All ports' metrics on the registry of their process. Labels are the sections of the configuration.

    `reloads` are those of the process's configuration, which its ports also ask for.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry, max_scopes=0)
        self.reloads = ReloadMetrics(registry)
        self.series += self.reloads.series
        self._group = "Ports (of every process)"
        self.connections = self._gauge(
            "port_connections", "Connections that are open. port: http, console, serve, notify.", "port"
        )
        self.max_connections = self._gauge(
            "port_max_connections", "The most connections that may be open (max_connections of the port).", "port"
        )
        self.ended_early = self._counter(
            "port_connections_ended",
            "Connections that the port ended. reason: crowded (the one that was idle for longest made room for a new "
            "one), idle (no request for a minute).",
            "port",
            "reason",
        )

    def listens(self, port: str, most: int, count: Callable[[], int]) -> None:
        """Take in a port; `count` returns how many of `most` connections are open."""
        self.connections.labels(port).set_function(count)
        self.max_connections.labels(port).set(most)
        for reason in ("crowded", "idle"):
            self.ended_early.labels(port, reason)

    def ended(self, port: str, reason: str) -> None:
        """Count a connection that a port ended."""
        self.ended_early.labels(port, reason).inc()


def of_process(registry: CollectorRegistry) -> PortMetrics:
    """Put on `registry` what every process says of itself: its time, memory, files, collector, reloads and ports."""
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return PortMetrics(registry)
