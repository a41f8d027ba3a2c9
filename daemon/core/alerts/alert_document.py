"""Documents: the case of a session that carries a clue, and the news of an incident that shows it.

A document is kept below a size that every broker accepts. The least telling lines are left out first, and `omitted`
counts them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, cast

from daemon.core.alerts.contrast import Contrast, Difference
from daemon.core.alerts.explanation import ExplainedLine, Explanation, explain
from daemon.core.incidents import SILENCE, Incident, News, Release, Symptom
from daemon.core.messages import (
    ALERT_SCHEMA,
    AlertDocument,
    CauseDocument,
    ContrastDocument,
    ContrastLine,
    IncidentDocument,
    Label,
    LineDocument,
    NeighbourDocument,
    Severity,
    encode,
    rfc3339,
    verdict_document,
)
from daemon.core.observations import Case, Gravity, cause_of
from daemon.core.origins import Origins, split_place
from daemon.core.positions import place
from daemon.core.text import duration, gist, many, shorten
from daemon.core.types import Neighbour, Verdict

MAX_BYTES = 600_000
SUMMARY = 200
MAX_CAUSES = 64
"""Most causes of a session that are compared with those of incidents."""
_DIGITS = 4
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


def case_of(verdict: Verdict, about: Provenance) -> Case:
    """Return the case of a session that carries a clue, for the incidents stage; its JSON has at most `MAX_BYTES`."""
    explanation = explain(verdict)
    limits = _Limits()
    document = _case_document(verdict, explanation, about, limits)
    while len(encode(document)) > MAX_BYTES and limits != limits.halved():
        limits = limits.halved()
        document = _case_document(verdict, explanation, about, limits)
    causes = [cause_of(line.line.masked).id for line in explanation.lines if line.contribution > 0]
    causes += [cause.id for line in verdict.session.lines if (cause := cause_of(line.masked)).score > 0]
    causes += [cause_of(line.masked).id for line in explanation.contrast.telling]
    return Case(
        verdict.id, verdict.session.scope, verdict.session.end, list(dict.fromkeys(causes))[:MAX_CAUSES], document
    )


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


def _case_document(verdict: Verdict, explanation: Explanation, about: Provenance, limits: _Limits) -> dict[str, Any]:
    """Return what an alert shows of a closed session: all fields but those of the incident."""
    judgement = verdict.judgement
    shown = dict(verdict_document(verdict))
    for name in ("id", "anomalous", "clues", "learned", "phase"):
        del shown[name]
    return {
        **shown,
        "verdict": verdict.id,
        "seen": judgement.seen,
        "label": cast("Label | None", judgement.label),
        "parts": {name: round(value, _DIGITS) for name, value in judgement.parts.items()},
        "session": [_line_document(line, limits, verdict.origins) for line in explanation.lines[: limits.lines]],
        "omitted": max(len(explanation.lines) - limits.lines, 0),
        "nearest": [_neighbour_document(near, limits) for near in judgement.nearest],
        "contrast": _contrast_document(explanation.contrast, limits),
        "model": about.model,
        "config": about.config,
        "baseline": about.baseline,
    }


def _share(value: float) -> float:
    return round(min(max(value, 0.0), 1.0), 6)


def _line_document(explained: ExplainedLine, limits: _Limits, origins: Origins | None) -> LineDocument:
    named = place if origins is None else origins.place
    return {
        "text": shorten(explained.line.example, limits.text),
        "count": explained.line.count,
        "expected": explained.expected,
        "first": named(explained.line.first),
        "last": named(explained.line.last),
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
