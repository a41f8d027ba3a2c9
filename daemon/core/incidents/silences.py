"""Silences: a scope that has stopped, or a usual line or a returning key that stays away while its scope goes on.

A scope is silent after twice its longest pause. A line or a key is silent when an absence as long as this one is rarer
than the bar, by its own absences before and by how often lines, or keys, of the scope fall silent. What another one
replaced is not missing: the program now says it in other words, or another container does the work.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from daemon.core.incidents.clues import SILENCE, Clue, bar_of, is_live
from daemon.core.incidents.incident import Symptom
from daemon.core.incidents.memory import CauseMemory, ScopeMemory
from daemon.core.incidents.missing import is_missing
from daemon.core.incidents.presence import Presence
from daemon.core.incidents.rates import MINUTE, Rate
from daemon.core.incidents.settings import DAY, IncidentSettings
from daemon.core.incidents.versions import released
from daemon.core.observations import Gravity
from daemon.core.text import duration
from daemon.core.types import LabelVerdict


def scope_silence(
    scope: str, memory: ScopeMemory, clock: float, resumed: float, settings: IncidentSettings
) -> Clue | None:
    """Return the clue that a scope has stopped by `clock`, None as long as it may only pause.

    `resumed` is when its partitions resumed after a pause of all their lines: a silence counts only from then on.
    """
    span, gap = memory.span(settings.window), clock - max(memory.latest, resumed)
    needed = max(settings.silence, settings.silence_ratio * memory.usual_gap)
    if gap < needed or not is_live(memory, settings) or gap * memory.pace() < settings.silence_sessions:
        return None
    usual = f"its longest pause in {duration(span)} was {duration(memory.usual_gap)}"
    return Clue(
        kind="silent",
        scope=scope,
        cause=SILENCE,
        gravity=Gravity.WARNING,
        time=memory.latest,
        period=span,
        bar=bar_of(memory, settings, Gravity.WARNING, settings.parts[1]),
        often=None,
        why=f"nothing for {duration(gap)}, where {gap * memory.pace():,.0f} sessions would have come; {usual}",
        text=f"{scope} is silent",
    )


@dataclass(frozen=True, slots=True)
class NotedAbsence:
    """A line or key that was noted as away. `pieces` are the kinds of the pieces of the state that changed.

    `clue` is None where something replaced it.
    """

    cause: str
    pieces: str
    clue: Clue | None


def absences(scope: str, memory: ScopeMemory, clock: float, settings: IncidentSettings) -> Iterator[NotedAbsence]:
    """Yield the usual lines and keys of a scope that stay away, as of `clock`; each absence is yielded once.

    `clock` is how far all partitions that carry the scope have been read.
    """
    if is_live(memory, settings):
        yield from _line_silences(scope, memory, clock, settings)
        yield from _key_silences(scope, memory, clock, settings)


def _line_silences(scope: str, memory: ScopeMemory, clock: float, settings: IncidentSettings) -> Iterator[NotedAbsence]:
    for absence in _absences(memory, memory.presences, memory.absences, clock, settings):
        known, clue = memory.causes.get(absence.cause), None
        if known is not None and not _replaced(memory, absence.cause, absence.presence, settings):
            why = f"not seen for {duration(absence.gap)}, where it came about every {duration(absence.presence.mean)}"
            clue = _clue(scope, memory, absence, settings, why, known.example)
        yield NotedAbsence(absence.cause, "p", clue)


def _key_silences(scope: str, memory: ScopeMemory, clock: float, settings: IncidentSettings) -> Iterator[NotedAbsence]:
    """Yield the keys. A key that is silent becomes a cause, which a person can label."""
    for absence in _absences(memory, memory.keys, memory.departures, clock, settings):
        presence = absence.presence
        text = f"key {presence.key}"
        known = memory.causes.setdefault(
            absence.cause, CauseMemory(presence.last, presence.last, 0.0, None, saved=clock, example=text)
        )
        known.last, clue = max(known.last, presence.last), None
        if not _succeeded(memory, absence.cause, presence, settings):
            why = f"no session for {duration(absence.gap)}, where one began about every {duration(presence.mean)}"
            clue = _clue(scope, memory, absence, settings, why, text)
        yield NotedAbsence(absence.cause, "kc", clue)


@dataclass(frozen=True, slots=True)
class _Absence:
    """A line or key that is away for `gap` seconds; `period` is how often it is away so long, in seconds."""

    cause: str
    presence: Presence
    gap: float
    period: float


def _absences(
    memory: ScopeMemory, followed: Mapping[str, Presence], rate: Rate, clock: float, settings: IncidentSettings
) -> Iterator[_Absence]:
    """Yield what has been away for so long that it is news, and count it in the `rate` of absences."""
    least = max(bar_of(memory, settings, Gravity.WARNING, settings.parts[1]), memory.span(settings.window))
    for cause, presence in followed.items():
        if presence.silent or presence.times < settings.regular or clock - presence.last < settings.absence:
            continue
        gap = min(memory.active - presence.at, clock - presence.last)
        if gap < max(settings.absence, settings.absence_ratio * presence.usual):
            continue
        known = memory.causes.get(cause)
        if known is not None and known.label == LabelVerdict.NORMAL:
            continue
        period = _period(memory, followed, rate, presence.period(gap), settings)
        if period >= least:
            presence.silent = True
            rate.add(clock, 0)
            yield _Absence(cause, presence, gap, period)


def _clue(scope: str, memory: ScopeMemory, absence: _Absence, settings: IncidentSettings, why: str, text: str) -> Clue:
    presence, span = absence.presence, memory.span(settings.window)
    return Clue(
        kind="silent",
        scope=scope,
        cause=absence.cause,
        gravity=Gravity.WARNING,
        time=presence.last,
        period=absence.period,
        bar=bar_of(memory, settings, Gravity.WARNING, settings.parts[1]),
        often=None,
        why=f"{why}; its longest absence in {duration(span)} was {duration(presence.usual)}",
        text=text,
        key=presence.key,
        within=MINUTE + presence.usual,
    )


def is_away(symptom: Symptom, scopes: Mapping[str, ScopeMemory], now: float) -> bool:
    """Return whether what was silent or missing still is."""
    memory = scopes.get(symptom.scope)
    if memory is None or symptom.kind not in ("silent", "missing"):
        return False
    if symptom.kind == "missing":
        return is_missing(symptom, memory, now)
    if symptom.cause == SILENCE:
        return memory.silent_since is not None
    presence = memory.presences.get(symptom.cause) or memory.keys.get(symptom.cause)
    return presence is not None and presence.silent


def given_up(followed: dict[str, Presence], active: float, settings: IncidentSettings) -> list[str]:
    """Stop following what stayed away for a day, as of active time `active`; return the causes."""
    most = min(DAY, settings.window / 2)
    gone = [cause for cause, presence in followed.items() if active - presence.at > most]
    for cause in gone:
        del followed[cause]
    return gone


def _period(
    memory: ScopeMemory, followed: Mapping[str, Presence], rate: Rate, own: float, settings: IncidentSettings
) -> float:
    """Return the seconds between such absences: by its `own`, or by all of the scope's lately."""
    blocks = rate.blocks(memory.latest, settings.block, 0)
    lately = memory.span(settings.window) / blocks if blocks else math.inf
    regular = sum(other.times >= settings.regular for other in followed.values())
    return min(own / max(regular, 1), lately)


def _replaced(memory: ScopeMemory, cause: str, presence: Presence, settings: IncidentSettings) -> bool:
    """Return whether a harmless line, or other words for one, that was seen again since began where this one ended.

    While a version of the scope is rolled out the old one still writes the line: then where the version began counts.
    """
    version = released(memory.versions, presence.last, settings)
    begin = min(presence.last, version.began if version is not None else presence.last) - MINUTE
    end = presence.last + MINUTE + presence.usual
    return any(begin <= time <= end for time in memory.reworded) or any(
        begin <= known.first <= end and known.sightings > 1 and not known.gravity
        for name, known in memory.causes.items()
        if name != cause
    )


def _succeeded(memory: ScopeMemory, cause: str, presence: Presence, settings: IncidentSettings) -> bool:
    """Return whether another key began where this one ended, as where a container takes the place of another."""
    begin, end = presence.at - settings.absence, presence.at + settings.absence + presence.usual
    return any(begin <= other.began <= end and other.times > 1 for name, other in memory.keys.items() if name != cause)
