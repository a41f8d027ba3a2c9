"""Alerts as documents: an anomalous session with the case against it, and the message that an incident is over.

A document is kept below a size that every broker accepts. The least telling lines are left out first, and `omitted`
counts them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import cast

from daemon.core.alerts.contrast import Contrast, Difference
from daemon.core.alerts.explanation import ExplainedLine, Explanation
from daemon.core.alerts.incidents import IncidentEvent
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
    encode,
    rfc3339,
    verdict_document,
)
from daemon.core.positions import place
from daemon.core.text import many, shorten
from daemon.core.types import Neighbour, Verdict

MAX_BYTES = 600_000
_DIGITS = 4
_ENDS: Mapping[ResolveReason, str] = {
    "quiet": "then quiet",
    "learned": "normal by now",
    "displaced": "displaced by newer incidents",
}


@dataclass(frozen=True, slots=True)
class Provenance:
    """What an alert was judged with.

    `budget` is as configured, `model` names the vectors, `config` is the configuration's hash, and `baseline` says how
    far the baseline's topic had been read.
    """

    budget: str
    model: str
    config: str
    baseline: str = ""


@dataclass(frozen=True, slots=True)
class _Limits:
    """How much of a case is shown: lines, differences of each kind, characters of a text."""

    lines: int = 200
    differences: int = 50
    text: int = 2000

    def halved(self) -> _Limits:
        return _Limits(max(self.lines // 2, 1), max(self.differences // 2, 1), max(self.text // 2, 80))


def alert_document(
    verdict: Verdict, explanation: Explanation, event: IncidentEvent, about: Provenance
) -> AlertDocument:
    """Return the alert of an anomalous verdict; its parts are halved until its JSON is at most `MAX_BYTES` long."""
    limits = _Limits()
    document = _document(verdict, explanation, event, about, limits)
    while len(encode(document)) > MAX_BYTES and limits != limits.halved():
        limits = limits.halved()
        document = _document(verdict, explanation, event, about, limits)
    return document


def resolved_document(event: IncidentEvent, about: Provenance) -> ResolvedDocument:
    """Return the message that an incident is over."""
    incident = event.incident
    end = _ENDS[event.reason or "quiet"]
    end_id = blake2b(f"{incident.id}/{incident.times_resolved}".encode(), digest_size=8).hexdigest()
    summary = f"{many(incident.alerts, 'alert')}, {end}: {incident.summary}"
    return {
        "schema": ALERT_SCHEMA,
        "id": f"{incident.id}-{end_id}",
        "status": "resolved",
        "scope": incident.scope,
        "severity": incident.severity,
        "summary": shorten(summary, 200),
        "fingerprint": incident.opened_by,
        "reason": event.reason or "quiet",
        "start": rfc3339(incident.since),
        "end": rfc3339(incident.last_seen),
        "incident": _incident_document(event),
        "config": about.config,
    }


def _document(
    verdict: Verdict, explanation: Explanation, event: IncidentEvent, about: Provenance, limits: _Limits
) -> AlertDocument:
    judgement = verdict.judgement
    return {
        **verdict_document(verdict),
        "schema": ALERT_SCHEMA,
        "status": "firing",
        "severity": explanation.severity,
        "summary": explanation.summary,
        "fingerprint": verdict.pattern.id,
        "budget": about.budget,
        "seen": judgement.seen,
        "label": cast("Label | None", judgement.label),
        "parts": {name: round(value, _DIGITS) for name, value in judgement.parts.items()},
        "session": [_line_document(line, limits) for line in explanation.lines[: limits.lines]],
        "omitted": max(len(explanation.lines) - limits.lines, 0),
        "nearest": [_neighbour_document(near, limits) for near in judgement.nearest],
        "contrast": _contrast_document(explanation.contrast, limits),
        "incident": _incident_document(event),
        "model": about.model,
        "config": about.config,
        "baseline": about.baseline,
    }


def _share(value: float) -> float:
    return round(min(max(value, 0.0), 1.0), 6)


def _line_document(explained: ExplainedLine, limits: _Limits) -> LineDocument:
    return {
        "text": shorten(explained.line.example, limits.text),
        "count": explained.line.count,
        "expected": explained.expected,
        "first": place(explained.line.first),
        "last": place(explained.line.last),
        "why": explained.why,
        "contribution": _share(explained.contribution),
        "share": None if explained.share is None else _share(explained.share),
        "novelty": None if explained.novelty is None else _share(explained.novelty),
        "nearest_normal": None if explained.nearest_normal is None else shorten(explained.nearest_normal, limits.text),
    }


def _neighbour_document(near: Neighbour, limits: _Limits) -> NeighbourDocument:
    return {
        "pattern": near.pattern,
        "similarity": round(near.similarity, 6),
        "weight": _share(near.weight),
        "first_seen": rfc3339(near.first_seen),
        "last_seen": rfc3339(near.last_seen),
        "label": cast("Label | None", near.label),
        "text": _pattern_text(near.lines, limits),
    }


def _pattern_text(lines: Sequence[tuple[str, int]], limits: _Limits) -> str:
    shown = [f"{count} x {shorten(line, limits.text)}" for line, count in lines[: limits.lines]]
    return shorten("\n".join([*shown, "…"] if len(lines) > len(shown) else shown), 4 * limits.text)


def _contrast_document(differing: Contrast, limits: _Limits) -> ContrastDocument:
    return {
        "pattern": differing.reference.pattern if differing.reference else None,
        "only_here": _differences(differing.only_here, limits),
        "missing_here": _differences(differing.missing_here, limits),
        "more": _differences(differing.more, limits),
        "fewer": _differences(differing.fewer, limits),
        "usual": differing.usual,
    }


def _differences(differences: Sequence[Difference], limits: _Limits) -> list[ContrastLine]:
    return [
        {
            "text": shorten(difference.text, limits.text),
            "count": difference.count,
            "expected": difference.expected,
            "share": None if difference.share is None else _share(difference.share),
            "contribution": _share(difference.contribution),
        }
        for difference in differences[: limits.differences]
    ]


def _incident_document(event: IncidentEvent) -> IncidentDocument:
    incident = event.incident
    return {
        "id": incident.id,
        "event": event.kind,
        "since": rfc3339(incident.since),
        "last_seen": rfc3339(incident.last_seen),
        "alerts": incident.alerts,
    }
