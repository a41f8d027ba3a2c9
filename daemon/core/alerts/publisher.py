"""Alerts: an anomalous session with the case against it, and word of incidents that are over.

Every anomalous session becomes exactly one alert whose id is its verdict's; an incident's end becomes one more message
with an id of its own. A message is kept below a size that every broker takes: the least telling lines go first, and the
alert says how many were left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal, cast

from daemon.core.alerts.contrast import Contrast, Difference
from daemon.core.alerts.explanation import ExplainedLine, Explanation, explain
from daemon.core.alerts.incidents import Incident, IncidentEvent, Incidents, IncidentSettings
from daemon.core.messages import (
    ALERT_SCHEMA,
    AlertDocument,
    ContrastDocument,
    ContrastLine,
    IncidentDocument,
    Label,
    LineDocument,
    NeighbourDocument,
    ResolvedDocument,
    ResolveReason,
    cloud_event,
    encode,
    rfc3339,
    verdict_document,
)
from daemon.core.positions import place
from daemon.core.text import many, shorten
from daemon.core.types import Neighbour, OutRecord, TopicPartition, Verdict

ALERT_TYPE = "strayline.alert.v1"
MAX_BYTES = 600_000
LOOK_EVERY = 1_000_000
_DIGITS = 4
_ENDS: Mapping[ResolveReason, str] = {
    "quiet": "then quiet",
    "learned": "normal by now",
    "displaced": "displaced by newer incidents",
}


@dataclass(frozen=True, slots=True)
class Provenance:
    """What an alert was judged with: the budget as configured, the model, the configuration's hash, how far the
    baseline's topic had been read."""

    budget: str
    model: str
    config: str
    baseline: str = ""


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """`publish`: an alert for every anomalous session (``sessions``), or only those that open, update or re-open an
    incident (``incidents``). Word of a resolved incident is published either way. `budget_counts`: what is charged to
    the budget, every alert (``alerts``) or only one that opens or re-opens an incident (``incidents``)."""

    publish: Literal["sessions", "incidents"] = "sessions"
    budget_counts: Literal["alerts", "incidents"] = "alerts"
    incidents: IncidentSettings = field(default_factory=IncidentSettings)


@dataclass(frozen=True, slots=True)
class _Limits:
    """How much of a case fits: lines listed, differences of a kind, characters of a text."""

    lines: int = 200
    differences: int = 50
    text: int = 2000

    def halved(self) -> _Limits:
        return _Limits(max(self.lines // 2, 1), max(self.differences // 2, 1), max(self.text // 2, 80))


class Alerting:
    """Turns the verdicts of one partition into alerts; its incidents go into the partition's checkpoint.

    `refund` is called with the scope of an alert that the budget was charged with and, as configured, should not be.
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
        """Go on with the incidents of a checkpoint. Raises DataError when they cannot be read; empty means none."""
        self._incidents.load(state)

    def records(self, verdict: Verdict, about: Provenance) -> list[OutRecord]:
        """Return what to publish of a verdict: the alert it may be, and word of incidents that are over by its end.

        Call in the order judged. Nothing but the verdicts moves time on, so that the same verdicts give the same
        records however they were batched.
        """
        end = verdict.session.end
        records = self.tick(end, about) if end >= self._incidents.now + LOOK_EVERY else []
        if not verdict.judgement.anomalous:
            self._incidents.normal(verdict)
            return records
        explanation = explain(verdict)
        *over, own = self._incidents.observe(verdict, explanation)
        records += [resolved_record(event, self._source, about) for event in over]
        goes_on = own.kind in ("updated", "ongoing")
        if goes_on and self._settings.budget_counts == "incidents" and verdict.judgement.learned:
            self._refund(verdict.session.scope, self._source)
        if self._settings.publish == "sessions" or own.kind != "ongoing":
            records.append(alert_record(verdict, explanation, own, about))
        return records

    def tick(self, watermark: int, about: Provenance) -> list[OutRecord]:
        """Return word of the incidents that are over at this event time."""
        return [resolved_record(event, self._source, about) for event in self._incidents.tick(watermark)]


def alert_document(
    verdict: Verdict, explanation: Explanation, event: IncidentEvent, about: Provenance
) -> AlertDocument:
    """Return the alert of an anomalous verdict, cut to a size that fits a message."""
    limits = _Limits()
    document = _document(verdict, explanation, event, about, limits)
    while len(encode(document)) > MAX_BYTES and limits != limits.halved():
        limits = limits.halved()
        document = _document(verdict, explanation, event, about, limits)
    return document


def resolved_document(event: IncidentEvent, about: Provenance) -> ResolvedDocument:
    """Return word that an incident is over."""
    it = event.incident
    end = _ENDS[event.reason or "quiet"]
    summary = f"{many(it.alerts, 'alert')}, {end}: {it.summary}"
    return {
        "schema": ALERT_SCHEMA,
        "id": f"{it.id}-{blake2b(f'{it.id}/{it.times_resolved}'.encode(), digest_size=8).hexdigest()}",
        "status": "resolved",
        "scope": it.scope,
        "severity": it.severity,
        "summary": shorten(summary, 200),
        "fingerprint": it.opened_by,
        "reason": event.reason or "quiet",
        "start": rfc3339(it.since),
        "end": rfc3339(it.last_seen),
        "incident": _incident(event),
        "config": about.config,
    }


def alert_record(verdict: Verdict, explanation: Explanation, event: IncidentEvent, about: Provenance) -> OutRecord:
    """Return the alert as the record for the alerts topic."""
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
    return OutRecord("alerts", verdict.session.scope.encode(), encode(document), headers)


def resolved_record(event: IncidentEvent, source: TopicPartition, about: Provenance) -> OutRecord:
    """Return word of a resolved incident as the record for the alerts topic."""
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


def _document(
    verdict: Verdict, explanation: Explanation, event: IncidentEvent, about: Provenance, limits: _Limits
) -> AlertDocument:
    judged = verdict.judgement
    return {
        **verdict_document(verdict),
        "schema": ALERT_SCHEMA,
        "status": "firing",
        "severity": explanation.severity,
        "summary": explanation.summary,
        "fingerprint": verdict.pattern.id,
        "budget": about.budget,
        "seen": judged.seen,
        "label": cast("Label | None", judged.label),
        "parts": {name: round(value, _DIGITS) for name, value in judged.parts.items()},
        "session": [_line(it, limits) for it in explanation.lines[: limits.lines]],
        "omitted": max(len(explanation.lines) - limits.lines, 0),
        "nearest": [_neighbour(it, limits) for it in judged.nearest],
        "contrast": _contrast(explanation.contrast, limits),
        "incident": _incident(event),
        "model": about.model,
        "config": about.config,
        "baseline": about.baseline,
    }


def _share(value: float) -> float:
    return round(min(max(value, 0.0), 1.0), 6)


def _line(it: ExplainedLine, limits: _Limits) -> LineDocument:
    return {
        "text": shorten(it.line.example, limits.text),
        "count": it.line.count,
        "expected": it.expected,
        "first": place(it.line.first),
        "last": place(it.line.last),
        "why": it.why,
        "contribution": _share(it.contribution),
        "share": None if it.share is None else _share(it.share),
        "novelty": None if it.novelty is None else _share(it.novelty),
        "nearest_normal": None if it.nearest_normal is None else shorten(it.nearest_normal, limits.text),
    }


def _neighbour(it: Neighbour, limits: _Limits) -> NeighbourDocument:
    return {
        "pattern": it.pattern,
        "similarity": round(it.similarity, 6),
        "weight": _share(it.weight),
        "first_seen": rfc3339(it.first_seen),
        "last_seen": rfc3339(it.last_seen),
        "label": cast("Label | None", it.label),
        "text": _pattern_text(it.lines, limits),
    }


def _pattern_text(lines: Sequence[tuple[str, int]], limits: _Limits) -> str:
    shown = [f"{count} x {shorten(line, limits.text)}" for line, count in lines[: limits.lines]]
    return shorten("\n".join([*shown, "…"] if len(lines) > len(shown) else shown), 4 * limits.text)


def _contrast(it: Contrast, limits: _Limits) -> ContrastDocument:
    return {
        "pattern": it.reference.pattern if it.reference else None,
        "only_here": _differences(it.only_here, limits),
        "missing_here": _differences(it.missing_here, limits),
        "more": _differences(it.more, limits),
        "fewer": _differences(it.fewer, limits),
        "usual": it.usual,
    }


def _differences(differences: Sequence[Difference], limits: _Limits) -> list[ContrastLine]:
    return [
        {
            "text": shorten(it.text, limits.text),
            "count": it.count,
            "expected": it.expected,
            "share": None if it.share is None else _share(it.share),
            "contribution": _share(it.contribution),
        }
        for it in differences[: limits.differences]
    ]


def _incident(event: IncidentEvent) -> IncidentDocument:
    it = event.incident
    return {
        "id": it.id,
        "event": event.kind,
        "since": rfc3339(it.since),
        "last_seen": rfc3339(it.last_seen),
        "alerts": it.alerts,
    }
