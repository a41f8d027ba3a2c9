"""An incident: causes that began together, the sessions that show them, and what was told of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from daemon.core.incidents.clues import Clue, Kind
from daemon.core.incidents.versions import Release
from daemon.core.observations import Case, Gravity, words_at_ends

MAX_SYMPTOMS = 32
MAX_WORDINGS = 16


@dataclass(slots=True)
class Symptom:
    """One cause of an incident in one scope, as it was told or joined. Times in seconds."""

    scope: str
    cause: str
    kind: Kind
    gravity: Gravity
    time: float
    often: float | None
    why: str
    text: str
    sessions: int = 0


@dataclass(slots=True)
class Incident:
    """`onset` is when its first symptom was seen, `last` its latest one; `told_at` the time of its last message.

    `headline` is the number of the symptom that represents it. `case` is its most telling session, whole. `messages`
    counts the messages about it. `release` is the one that it began with. `held` is True when it was not told: the
    ceiling held it back, or, with `muted`, a mute.
    """

    id: str
    onset: float
    last: float
    told_at: float
    gravity: Gravity
    symptoms: list[Symptom] = field(default_factory=list)
    headline: int = 0
    key: str = ""
    place: str = ""
    source: str = ""
    sessions: int = 0
    wordings: list[tuple[str, ...]] = field(default_factory=list)
    case: Mapping[str, Any] | None = None
    case_gravity: int = -1
    messages: int = 0
    held: bool = False
    muted: bool = False
    resolved_at: float | None = None
    release: Release | None = None

    @property
    def services(self) -> list[str]:
        """The scopes it was seen in, in order."""
        return list(dict.fromkeys(symptom.scope for symptom in self.symptoms))

    def has(self, scope: str, cause: str) -> bool:
        """Return whether a cause of a scope is one of its symptoms."""
        return any(symptom.cause == cause and symptom.scope == scope for symptom in self.symptoms)

    def place_of(self, scope: str, cause: str) -> int:
        """Return the number of a symptom, that of the headline when it is not one."""
        names = [(symptom.scope, symptom.cause) for symptom in self.symptoms]
        return names.index((scope, cause)) if (scope, cause) in names else self.headline

    def as_it_stands(self) -> Incident:
        """Return a copy for a message, which later symptoms and sessions do not change."""
        symptoms = [replace(symptom) for symptom in self.symptoms]
        return replace(self, symptoms=symptoms, wordings=[*self.wordings])

    def add(self, clue: Clue) -> bool:
        """Add a symptom; return whether it is the new headline: graver, or as grave and earlier."""
        self.last = max(self.last, clue.time)
        if self.has(clue.scope, clue.cause) or len(self.symptoms) >= MAX_SYMPTOMS:
            return False
        self.symptoms.append(
            Symptom(clue.scope, clue.cause, clue.kind, clue.gravity, clue.time, clue.often, clue.why, clue.text)
        )
        if clue.line and len(self.wordings) < MAX_WORDINGS:
            self.wordings.append(words_at_ends(clue.line))
        head = self.symptoms[self.headline]
        better = (clue.gravity, -clue.time) > (head.gravity, -head.time)
        if better:
            self.headline = len(self.symptoms) - 1
            self.key, self.place, self.source = clue.key, clue.place, clue.source
        return better

    def renew(self, clue: Clue) -> None:
        """Give a known symptom the reason why it is back; it is the headline if it is at least as grave as that."""
        if not self.has(clue.scope, clue.cause):
            return
        place = self.place_of(clue.scope, clue.cause)
        symptom = self.symptoms[place]
        symptom.kind, symptom.why, symptom.often = clue.kind, clue.why, clue.often
        if clue.gravity >= self.symptoms[self.headline].gravity:
            self.headline = place
            self.key, self.place, self.source = clue.key, clue.place, clue.source

    def join(self, case: Case, causes: Collection[str]) -> None:
        """Add a closed session; the most telling one is kept whole."""
        self.sessions += 1
        self.last = max(self.last, case.end / 1e6)
        for symptom in self.symptoms:
            symptom.sessions += symptom.scope == case.scope and symptom.cause in causes
        head = self.symptoms[self.headline]
        telling = 2 * (head.scope == case.scope and head.cause in causes) + 1
        if telling > self.case_gravity:
            self.case, self.case_gravity = case.document, telling


def open_incident(clue: Clue, now: float) -> Incident:
    """Return a new incident about a clue; its id depends on the clue alone."""
    name = f"{clue.kind}\0{clue.scope}\0{clue.cause}\0{clue.source}\0{clue.place}\0{clue.time}"
    incident = Incident(
        id=blake2b(name.encode(), digest_size=6).hexdigest(),
        onset=clue.time,
        last=clue.time,
        told_at=now,
        gravity=clue.gravity,
        key=clue.key,
        place=clue.place,
        source=clue.source,
    )
    incident.add(clue)
    return incident
