"""All metrics: `catalogue` declares them, `described` makes them and lists them for docs/metrics.md."""

from daemon.metrics.catalogue import Metrics
from daemon.metrics.described import PREFIX, Series

__all__ = ["PREFIX", "Metrics", "Series"]
