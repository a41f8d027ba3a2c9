"""From an anomalous verdict to the alert that argues its case."""

from daemon.core.alerts.publisher import Alerting, AlertSettings, Provenance
from daemon.core.alerts.summary import reading

__all__ = ["AlertSettings", "Alerting", "Provenance", "reading"]
