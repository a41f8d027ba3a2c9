"""The metrics of reloads: whether the last one was accepted, and how many were not."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from daemon.metrics.described import DescribedMetrics


class ReloadMetrics(DescribedMetrics):
    """What a process says of its configuration; it begins with one that was accepted."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry, max_scopes=0)
        self._group = "Configuration (of every process)"
        self.last_successful = self._gauge(
            "config_last_reload_successful", "1 when the last load of the configuration was accepted, else 0."
        )
        self.reloads = self._counter(
            "config_reloads", "Reloads requested by SIGHUP or POST /-/reload.", "status", values=("ok", "refused")
        )
        self.last_successful.set(1)

    def note(self, *, accepted: bool) -> None:
        """Count one that was accepted or refused."""
        self.last_successful.set(accepted)
        self.reloads.labels("ok" if accepted else "refused").inc()
