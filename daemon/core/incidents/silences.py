"""Silences: a scope that has stopped, or a usual line that stays away while its scope goes on.

A scope is silent after twice its longest pause. A line is silent when an absence as long as this one is rarer than the
bar, by its own absences before and by how often lines of the scope fall silent. A line that another one
replaced is not missing: the program now says it in other words.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from daemon.core.incidents.clues import SILENCE, Clue, bar_of, is_live
from daemon.core.incidents.incident import Symptom
from daemon.core.incidents.memory import ScopeMemory
from daemon.core.incidents.presence import Presence
from daemon.core.incidents.rates import MINUTE
from daemon.core.incidents.settings import DAY, IncidentSettings
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


def line_silences(scope: str, memory: ScopeMemory, clock: float, settings: IncidentSettings) -> Iterator[Clue]:
    """Yield the clues that usual lines of a scope stay away, as of `clock`; each absence is yielded once.

    `clock` is how far all partitions that carry the scope have been read.
    """
    if not is_live(memory, settings):
        return
    span, bar = memory.span(settings.window), bar_of(memory, settings, Gravity.WARNING, settings.parts[1])
    for cause, presence in memory.presences.items():
        known = memory.causes.get(cause)
        gap = min(memory.active - presence.at, clock - presence.last)
        if presence.silent or known is None or known.label == LabelVerdict.NORMAL or presence.times < settings.regular:
            continue
        if gap < max(settings.absence, settings.absence_ratio * presence.usual):
            continue
        period = _period(memory, presence, gap, settings)
        if period < max(bar, span):
            continue
        presence.silent = True
        memory.absences.add(clock, 0)
        if _replaced(memory, cause, presence):
            continue
        usual = f"its longest absence in {duration(span)} was {duration(presence.usual)}"
        yield Clue(
            kind="silent",
            scope=scope,
            cause=cause,
            gravity=Gravity.WARNING,
            time=presence.last,
            period=period,
            bar=bar,
            often=None,
            why=f"not seen for {duration(gap)}, where it came about every {duration(presence.mean)}; {usual}",
            text=known.example,
            within=MINUTE + presence.usual,
        )


def is_silent(symptom: Symptom, scopes: Mapping[str, ScopeMemory]) -> bool:
    """Return whether what was silent still is."""
    memory = scopes.get(symptom.scope)
    if memory is None or symptom.cause == SILENCE:
        return memory is not None and memory.silent_since is not None
    return symptom.cause in memory.presences and memory.presences[symptom.cause].silent


def given_up(memory: ScopeMemory, settings: IncidentSettings) -> list[str]:
    """Stop following the lines that stayed away for a day; return their causes."""
    most = min(DAY, settings.window / 2)
    gone = [cause for cause, presence in memory.presences.items() if memory.active - presence.at > most]
    for cause in gone:
        del memory.presences[cause]
    return gone


def _period(memory: ScopeMemory, presence: Presence, gap: float, settings: IncidentSettings) -> float:
    """Return the seconds between absences as long as `gap`: by those of this line, or by all of the scope's lately."""
    blocks = memory.absences.blocks(memory.latest, settings.block, 0)
    lately = memory.span(settings.window) / blocks if blocks else math.inf
    regular = sum(other.times >= settings.regular for other in memory.presences.values())
    return min(presence.period(gap) / max(regular, 1), lately)


def _replaced(memory: ScopeMemory, cause: str, presence: Presence) -> bool:
    """Return whether a harmless line, or other words for one, that was seen again since began where this one ended."""
    begin, end = presence.last - MINUTE, presence.last + MINUTE + presence.usual
    return any(begin <= time <= end for time in memory.reworded) or any(
        begin <= known.first <= end and known.sightings > 1 and not known.gravity
        for name, known in memory.causes.items()
        if name != cause
    )
