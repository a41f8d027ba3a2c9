"""Alerts as records of the alerts topic, in the order judged.

Every anomalous session is one alert whose id is its verdict's. The end of an incident is one more message, with an id
of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from daemon.core.alerts.alert_document import Provenance, alert_document, resolved_document
from daemon.core.alerts.explanation import Explanation, explain
from daemon.core.alerts.incidents import Incident, IncidentEvent, Incidents, IncidentSettings
from daemon.core.messages import ALERT_SCHEMA, AlertDocument, cloud_event, encode
from daemon.core.types import OutRecord, TopicPartition, Verdict

ALERT_TYPE = "strayline.alert.v1"
TICK_EVERY = 1_000_000
"""Microseconds of event time between two checks for incidents that are over."""


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Which anomalous sessions are published, and which are charged to the budget.

    `publish`: an alert for every anomalous session (``sessions``), or only those that open, update or re-open an
    incident (``incidents``). A resolved incident is published either way. `budget_counts`: every alert is charged
    (``alerts``), or only one that opens or re-opens an incident (``incidents``).
    """

    publish: Literal["sessions", "incidents"] = "sessions"
    budget_counts: Literal["alerts", "incidents"] = "alerts"
    incidents: IncidentSettings = field(default_factory=IncidentSettings)


@dataclass(frozen=True, slots=True)
class Published:
    """One message for the alerts topic. `alert` is its document if it is a session's alert, None if it says that an
    incident is over."""

    record: OutRecord
    alert: AlertDocument | None = None


class Alerting:
    """Turns the verdicts of one partition into alerts. Its incidents are part of the partition's checkpoint.

    The detector charges every alert to the budget. `refund` is called with scope and partition for an alert that,
    by `AlertSettings.budget_counts`, is not to be charged.
    """

    def __init__(
        self, source: TopicPartition, settings: AlertSettings, refund: Callable[[str, TopicPartition], None]
    ) -> None:
        self._source = source
        self._settings = settings
        self._refund = refund
        self._incidents = Incidents(settings.incidents)

    @property
    def open(self) -> list[Incident]:
        """The open incidents, oldest first."""
        return self._incidents.open

    def dump(self) -> bytes:
        """Return the incidents for the checkpoint."""
        return self._incidents.dump()

    def load(self, state: bytes) -> None:
        """Continue with a checkpoint's incidents; empty bytes mean none. Raises DataError when they are unreadable."""
        self._incidents.load(state)

    def publish(self, verdict: Verdict, about: Provenance) -> list[Published]:
        """Return what to publish after a verdict: resolved incidents, then the alert if there is one.

        Call in the order judged. Only the verdicts' event times advance the clock of the incidents, so the same
        verdicts give the same records, however they are batched.
        """
        end = verdict.session.end
        published = self.tick(end, about) if end >= self._incidents.now + TICK_EVERY else []
        if not verdict.judgement.anomalous:
            self._incidents.normal(verdict)
            return published
        explanation = explain(verdict)
        *resolved, own = self._incidents.observe(verdict, explanation)
        published += [Published(resolved_record(event, self._source, about)) for event in resolved]
        continues = own.kind in ("updated", "ongoing")
        if continues and self._settings.budget_counts == "incidents" and verdict.judgement.learned:
            self._refund(verdict.session.scope, self._source)
        if self._settings.publish == "sessions" or own.kind != "ongoing":
            published.append(published_alert(verdict, explanation, own, about))
        return published

    def tick(self, watermark: int, about: Provenance) -> list[Published]:
        """Return messages for the incidents that are over at this event time."""
        return [Published(resolved_record(event, self._source, about)) for event in self._incidents.tick(watermark)]


def published_alert(verdict: Verdict, explanation: Explanation, event: IncidentEvent, about: Provenance) -> Published:
    """Return the alert of an anomalous verdict and its record for the alerts topic."""
    document = alert_document(verdict, explanation, event, about)
    headers = cloud_event(
        id=verdict.id,
        type=ALERT_TYPE,
        source=verdict.source,
        subject=verdict.session.key,
        time=verdict.session.end,
        schema=ALERT_SCHEMA,
        extensions=_extensions("firing", explanation.severity, event),
    )
    return Published(OutRecord("alerts", verdict.session.scope.encode(), encode(document), headers), document)


def resolved_record(event: IncidentEvent, source: TopicPartition, about: Provenance) -> OutRecord:
    """Return the message that an incident is over as the record for the alerts topic."""
    document = resolved_document(event, about)
    headers = cloud_event(
        id=document["id"],
        type=ALERT_TYPE,
        source=source,
        subject=event.incident.id,
        time=event.incident.last_seen,
        schema=ALERT_SCHEMA,
        extensions=_extensions("resolved", event.incident.severity, event),
    )
    return OutRecord("alerts", event.incident.scope.encode(), encode(document), headers)


def _extensions(status: str, severity: str, event: IncidentEvent) -> dict[str, str]:
    return {"status": status, "severity": severity, "incident": event.incident.id, "event": event.kind}
