"""All metrics: `catalogue` and `ports` declare them, `described` makes them and lists them for docs/metrics.md."""

from daemon.metrics.catalogue import Metrics
from daemon.metrics.described import PREFIX, Series
from daemon.metrics.ports import PortMetrics, of_process

__all__ = ["PREFIX", "Metrics", "PortMetrics", "Series", "of_process"]
