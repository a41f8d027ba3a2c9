"""Alerts of one scope about one cause are one incident: opened, updated now and then, resolved after quiet, re-opened.

Two alerts have one cause when they are about the same pattern, or when what is odd about them is the same: their
strongest pieces of evidence overlap by half (weighted, by the words of each line). Sessions that merely look alike are
not enough: forty usual lines beside one odd one make any two sessions alike. Where nothing stands out, the whole line
set stands in.

Time is event time: the greatest end of a session or watermark seen so far. The state belongs to a partition and travels
in its checkpoint (`dump`, `load`), in the same transaction as the alerts, so incidents are exactly once too. It is
bounded: at most `max_open` incidents are kept, and the one quiet the longest makes room.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import orjson
import zstandard

from daemon.core.alerts.explanation import Explanation
from daemon.core.messages import IncidentEventKind, ResolveReason, Severity
from daemon.core.types import Verdict
from daemon.errors import DataError

SECOND = 1_000_000
RELATED = 0.5
MAX_CAUSES = 8
MAX_PATTERNS = 8
_VERSION = 1
_PLACEHOLDERS = re.compile(r"<[A-Z_]+>")
_WORDS = re.compile(r"(?<![^\W_])[^\W\d_]+(?![^\W_])")
_LONG_AGO = -(1 << 62)
_GRAVITY = ("info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class IncidentSettings:
    """Times in microseconds of event time: how long quiet resolves, how long after that an alert re-opens, how often an
    open incident says it goes on."""

    quiet: int = 15 * 60 * SECOND
    reopen: int = 60 * 60 * SECOND
    update_every: int = 5 * 60 * SECOND
    max_open: int = 100


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident as it stands. `causes` maps a line's hash to its part in the case; `alerts` counts all so far."""

    id: str
    scope: str
    opened_by: str
    since: int
    last_seen: int
    told: int
    alerts: int
    severity: Severity
    summary: str
    patterns: tuple[str, ...]
    causes: Mapping[str, float]
    resolved_at: int | None = None
    times_resolved: int = 0
    learned: bool = False


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """What happened to an incident; `reason` says why it was resolved, and is None otherwise."""

    kind: IncidentEventKind
    incident: Incident
    reason: ResolveReason | None = None


@dataclass(slots=True)
class Incidents:
    """The incidents of one partition, by id, open ones and those resolved so lately that they may re-open."""

    settings: IncidentSettings = field(default_factory=IncidentSettings)
    _known: dict[str, Incident] = field(default_factory=dict)
    _by_pattern: dict[str, str] = field(default_factory=dict)
    _now: int = _LONG_AGO

    @property
    def open(self) -> list[Incident]:
        """The open ones, oldest first."""
        return [it for it in self._known.values() if it.resolved_at is None]

    @property
    def now(self) -> int:
        """The greatest event time taken in."""
        return self._now

    def observe(self, verdict: Verdict, explanation: Explanation) -> list[IncidentEvent]:
        """Take in an anomalous verdict. The last event is its own; those before it are incidents now over."""
        events = self.tick(verdict.session.end)
        causes = causes_of(verdict, explanation)
        found = self._find(verdict.session.scope, verdict.pattern.id, causes)
        if found is None:
            events += self._make_room()
            opened = self._open(verdict, explanation, causes)
            self._put(opened)
            return [*events, IncidentEvent("opened", opened)]
        kind = self._kind(found)
        grown = self._grow(found, verdict, explanation, told=kind != "ongoing")
        self._put(grown)
        return [*events, IncidentEvent(kind, grown)]

    def normal(self, verdict: Verdict) -> None:
        """Take in a verdict that is not anomalous: an open incident about its pattern is being learned."""
        found = self._by_pattern.get(verdict.pattern.id)
        if found is not None:
            self._put(replace(self._known[found], learned=True))

    def tick(self, watermark: int) -> list[IncidentEvent]:
        """Resolve what has been quiet and forget what was resolved long ago."""
        self._now = max(self._now, watermark)
        events: list[IncidentEvent] = []
        for it in list(self._known.values()):
            if it.resolved_at is None and self._now - it.last_seen >= self.settings.quiet:
                events.append(self._resolve(it, "learned" if it.learned else "quiet"))
            elif it.resolved_at is not None and self._now - it.resolved_at >= self.settings.reopen:
                self._drop(it)
        return events

    def dump(self) -> bytes:
        """Return the state for the checkpoint."""
        document = {"version": _VERSION, "now": self._now, "incidents": list(self._known.values())}
        return zstandard.ZstdCompressor(level=3).compress(orjson.dumps(document))

    def load(self, state: bytes) -> None:
        """Put the state back. Raises DataError when it is of another version or damaged; empty means none."""
        self._known, self._by_pattern, self._now = {}, {}, _LONG_AGO
        if not state:
            return
        try:
            document = orjson.loads(zstandard.ZstdDecompressor().decompress(state))
            if document["version"] != _VERSION:
                raise DataError(f"incidents in the checkpoint have version {document['version']}, not {_VERSION}")
            known = [Incident(**{**it, "patterns": tuple(it["patterns"])}) for it in document["incidents"]]
            now = int(document["now"])
        except (zstandard.ZstdError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"the incidents in the checkpoint cannot be read: {error}") from error
        for it in known:
            self._put(it)
        self._now = now

    def _find(self, scope: str, pattern: str, causes: Mapping[str, float]) -> Incident | None:
        found = self._by_pattern.get(pattern)
        if found is not None:
            return self._known[found]
        candidates = (it for it in self._known.values() if it.scope == scope)
        scored = ((overlap(causes, it.causes), it.last_seen, it.id) for it in candidates)
        best = max(scored, default=None)
        return self._known[best[2]] if best and best[0] >= RELATED else None

    def _kind(self, it: Incident) -> IncidentEventKind:
        if it.resolved_at is not None:
            return "reopened"
        return "updated" if self._now - it.told >= self.settings.update_every else "ongoing"

    def _open(self, verdict: Verdict, explanation: Explanation, causes: Mapping[str, float]) -> Incident:
        end = verdict.session.end
        return Incident(
            id=_digest("incident", verdict.id, 6),
            scope=verdict.session.scope,
            opened_by=verdict.pattern.id,
            since=end,
            last_seen=end,
            told=self._now,
            alerts=1,
            severity=explanation.severity,
            summary=explanation.summary,
            patterns=(verdict.pattern.id,),
            causes=causes,
        )

    def _grow(self, it: Incident, verdict: Verdict, explanation: Explanation, *, told: bool) -> Incident:
        patterns = (*(p for p in it.patterns if p != verdict.pattern.id), verdict.pattern.id)[-MAX_PATTERNS:]
        graver = _GRAVITY.index(explanation.severity) > _GRAVITY.index(it.severity)
        return replace(
            it,
            since=min(it.since, verdict.session.end),
            last_seen=max(it.last_seen, verdict.session.end),
            told=self._now if told else it.told,
            alerts=it.alerts + 1,
            severity=explanation.severity if graver else it.severity,
            summary=explanation.summary if graver else it.summary,
            patterns=patterns,
            resolved_at=None,
            learned=False,
        )

    def _resolve(self, it: Incident, reason: ResolveReason) -> IncidentEvent:
        resolved = replace(it, resolved_at=self._now, times_resolved=it.times_resolved + 1)
        self._put(resolved)
        return IncidentEvent("resolved", resolved, reason)

    def _make_room(self) -> list[IncidentEvent]:
        if len(self._known) < self.settings.max_open:
            return []
        stale = min(self._known.values(), key=lambda it: (it.resolved_at is None, it.last_seen, it.id))
        events = [self._resolve(stale, "displaced")] if stale.resolved_at is None else []
        self._drop(stale)
        return events

    def _put(self, it: Incident) -> None:
        for pattern in self._known[it.id].patterns if it.id in self._known else ():
            self._by_pattern.pop(pattern, None)
        self._known[it.id] = it
        self._by_pattern |= dict.fromkeys(it.patterns, it.id)

    def _drop(self, it: Incident) -> None:
        for pattern in self._known.pop(it.id).patterns:
            self._by_pattern.pop(pattern, None)


def causes_of(verdict: Verdict, explanation: Explanation) -> dict[str, float]:
    """Return what the alert is about: its most telling lines, present or missing, as hashes; weights sum to 1."""
    telling = [(it.contribution, "+", it.line.masked) for it in explanation.lines if it.contribution > 0]
    telling += [(it.contribution, "-", it.masked) for it in explanation.contrast.telling]
    telling = sorted(telling, reverse=True)[:MAX_CAUSES]
    if not telling:
        telling = [(1.0, "+", line) for line, _ in verdict.pattern.lines[:MAX_CAUSES]]
    total = sum(weight for weight, _, _ in telling)
    causes: dict[str, float] = {}
    for weight, sign, line in telling:
        cause = _digest("line", sign + _gist(line), 8)
        causes[cause] = round(causes.get(cause, 0.0) + weight / total, 6)
    return causes


def _gist(line: str) -> str:
    """Return the words of a line, sorted: what a mask left of a name or a number makes no other cause."""
    words = sorted({word for word in _WORDS.findall(_PLACEHOLDERS.sub("", line).lower()) if len(word) > 2})
    return " ".join(words) or line


def overlap(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return the weight two sets of causes share, 0 to 1."""
    return sum(min(weight, other.get(line, 0.0)) for line, weight in one.items())


def _digest(kind: str, text: str, size: int) -> str:
    return blake2b(f"{kind}\0{text}".encode(), digest_size=size).hexdigest()
