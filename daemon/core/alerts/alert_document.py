"""The news of an incident as a document, which shows its most telling case."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, cast

from daemon.core.alerts.case_document import Provenance
from daemon.core.incidents import SILENCE, Incident, News, Release, Symptom
from daemon.core.messages import (
    ALERT_SCHEMA,
    AlertDocument,
    CauseDocument,
    ContrastDocument,
    IncidentDocument,
    LineDocument,
    Severity,
    rfc3339,
)
from daemon.core.observations import Gravity
from daemon.core.origins import split_place
from daemon.core.text import duration, gist, many, shorten

SUMMARY = 200
_SEVERITY: Mapping[Gravity, Severity] = {
    Gravity.HARMLESS: "info",
    Gravity.WARNING: "warning",
    Gravity.FAILURE: "critical",
}
_NO_CONTRAST: ContrastDocument = {
    "pattern": None,
    "only_here": [],
    "missing_here": [],
    "more": [],
    "fewer": [],
    "usual": 0,
}


def alert_document(news: News, about: Provenance) -> AlertDocument:
    """Return the message about the news."""
    incident, head = news.incident, news.incident.symptoms[news.incident.headline]
    ending = f"{incident.id}/{news.number}"
    return cast(
        "AlertDocument",
        {
            "schema": ALERT_SCHEMA,
            "id": f"{head.cause}-{blake2b(ending.encode(), digest_size=8).hexdigest()}",
            "status": "resolved" if news.event == "resolved" else "firing",
            "severity": _SEVERITY[incident.gravity],
            "summary": _summary(news),
            "why": head.why,
            "period_s": head.often,
            "budget": about.budget,
            "held_back": news.held_back,
            "fingerprint": head.cause,
            "incident": _incident_document(news),
            **(incident.case if incident.case is not None else _open_session(incident, head, about)),
            "scope": head.scope,
        },
    )


def _summary(news: News) -> str:
    incident, head = news.incident, news.incident.symptoms[news.incident.headline]
    services = incident.services
    where = f" (and in {', '.join(s for s in services if s != head.scope)})" if len(services) > 1 else ""
    about_no_line = head.cause == SILENCE
    summary = head.why.split(";")[0] if about_no_line else f'"{gist(head.text)}"{where} {head.why.split(";")[0]}'
    if about_no_line:
        summary = f"{head.scope} is silent: {summary}"
    if incident.release is not None and incident.gravity is Gravity.HARMLESS:
        summary = _released(incident.release, head)
    if news.event == "resolved":
        lasted = duration(max(incident.last - incident.onset, 0.0))
        summary = f"over after {lasted}, {many(incident.sessions, 'session')}: {summary}"
    if len(summary) > SUMMARY and not about_no_line:
        room = max(SUMMARY - (len(summary) - len(gist(head.text))), 40)
        summary = summary.replace(gist(head.text), shorten(gist(head.text), room), 1)
    return shorten(summary, SUMMARY)


def _released(release: Release, head: Symptom) -> str:
    what = f"{release.scope} {release.version} was released"
    return f'{what}: {many(release.causes, "new kind")} of lines, such as "{gist(head.text)}"'


def _incident_document(news: News) -> IncidentDocument:
    incident = news.incident
    document: IncidentDocument = {
        "id": incident.id,
        "event": news.event,
        "since": _time(incident.onset),
        "last_seen": _time(incident.last),
        "services": incident.services,
        "causes": [_cause_document(symptom) for symptom in incident.symptoms],
        "sessions": incident.sessions,
        "messages": news.number,
    }
    if incident.release is not None:
        release = incident.release
        document["release"] = {
            "scope": release.scope,
            "version": release.version,
            "since": _time(release.since),
            "causes": release.causes,
        }
    return document | {"muted": news.muted} if news.muted else document


def _cause_document(symptom: Symptom) -> CauseDocument:
    return {
        "scope": symptom.scope,
        "cause": symptom.cause,
        "kind": symptom.kind,
        "severity": _SEVERITY[symptom.gravity],
        "time": _time(symptom.time),
        "text": symptom.text,
        "why": symptom.why,
        "period_s": symptom.often,
        "sessions": symptom.sessions,
    }


def _open_session(incident: Incident, head: Symptom, about: Provenance) -> dict[str, Any]:
    """Return what is known of the headline's session while it is open: the line that was seen."""
    source, position = split_place(incident.place)
    topic, _, partition = (source or incident.source).rpartition("/")
    line: LineDocument = {
        "text": head.text,
        "count": 1,
        "expected": None,
        "first": incident.place,
        "last": incident.place,
        "why": "new" if head.kind == "new" else "severe" if head.gravity else "usual",
        "contribution": 1.0,
        "share": None,
        "novelty": None,
        "nearest_normal": None,
    }
    return {
        "key": incident.key,
        "start": _time(head.time),
        "end": _time(head.time),
        "verdict": None,
        "pattern": None,
        "lines": int(bool(incident.place)),
        "tokens": 0,
        "closed_by": None,
        "score": None,
        "similarity": None,
        "p_value": None,
        "source": {
            "topic": topic,
            "partition": int(partition or 0),
            "positions": [position] if position else [],
        },
        "seen": None,
        "label": None,
        "parts": {},
        "session": [line] if incident.place else [],
        "omitted": 0,
        "nearest": [],
        "contrast": _NO_CONTRAST,
        "model": about.model,
        "config": about.config,
        "baseline": about.baseline,
    }


def _time(seconds: float) -> str:
    return rfc3339(round(seconds * 1e6))
