"""All metrics: `catalogue`, `ports` and `reloads` declare them, `described` makes and lists them (docs/metrics.md)."""

from daemon.metrics.catalogue import Metrics
from daemon.metrics.described import PREFIX, Series
from daemon.metrics.ports import PortMetrics, of_process
from daemon.metrics.reloads import ReloadMetrics

__all__ = ["PREFIX", "Metrics", "PortMetrics", "ReloadMetrics", "Series", "of_process"]
