"""Clues: why a sighting may matter, and how often something like it happens in its scope.

* **new**: a cause that the window does not know. Its period says how often the scope has new causes at least as grave.
* **burst**: a known warning or failure whose count is above all its peaks, and so far above them that such a count
  is rare by the distribution of the peaks.
* **back**: a known failure that was away for long while its scope was active.

A clue is told only when its period reaches a bar; whether it is told or not, it counts in the rates, so that routine
mutes itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from daemon.core.incidents.memory import CauseMemory, ScopeMemory
from daemon.core.incidents.peaks import SCALES, Peak
from daemon.core.incidents.rates import Rate, level_of
from daemon.core.incidents.settings import IncidentSettings
from daemon.core.incidents.versions import released
from daemon.core.incidents.wording import reworded
from daemon.core.observations import Gravity, Sighting, words_at_ends
from daemon.core.text import duration
from daemon.core.types import LabelVerdict

SILENCE = "0" * 16
"""The cause of a silence, which has no line."""
HALF = 0.5
"""Blocks assumed where none was seen, for harmless causes, so that no period is much longer than the history."""

Kind = Literal["new", "burst", "back", "silent", "missing"]


@dataclass(frozen=True, slots=True)
class Clue:
    """One clue. `period` and `bar` in seconds; `often` is the period to tell people, None where nothing is known."""

    kind: Kind
    scope: str
    cause: str
    gravity: Gravity
    time: float
    period: float
    bar: float
    often: float | None
    why: str
    line: str = ""
    text: str = ""
    key: str = ""
    place: str = ""
    source: str = ""
    within: float = 0.0
    """Seconds after `time` within which it may have begun."""

    @property
    def passes(self) -> bool:
        """Whether it may be told."""
        return self.period >= self.bar


def is_live(memory: ScopeMemory, settings: IncidentSettings) -> bool:
    """Return whether enough is known of a scope to tell anything: many sessions, or a few over a long time."""
    known_long = memory.span(settings.window) >= settings.known_for and memory.sessions >= settings.few
    return known_long or memory.sessions >= settings.warm_up


def bar_of(memory: ScopeMemory, settings: IncidentSettings, gravity: Gravity, part: float) -> float:
    """Return the least period in seconds at which a clue that may use this part of the ceiling may be told."""
    return settings.bar(gravity, part, settings.ceiling.a_day(memory.sessions, memory.span(settings.window)))


class ClueFinder:
    """Adds sightings to a scope's memory and finds their clues."""

    def __init__(self, settings: IncidentSettings) -> None:
        self._settings = settings

    def find(self, memory: ScopeMemory, sighting: Sighting, source: str) -> list[Clue]:
        """Learn one sighting; return its clues."""
        time = sighting.time / 1e6
        name = memory.parents.get(sighting.cause, sighting.cause)
        known = memory.causes.get(name)
        clues: list[Clue] = []
        if known is None:
            words = words_at_ends(sighting.line)
            parent = reworded(memory, words, sighting)
            if parent is not None:
                memory.parents[sighting.cause] = parent
                known = memory.causes[parent]
                if not known.gravity:
                    memory.note_rewording(time)
            else:
                known, clue = self._new(memory, sighting, words, source)
                clues = [clue]
        else:
            self._settle(memory, known, time)
        clues += self._back(memory, known, sighting, source)
        clues += self._burst(memory, known, sighting, source)
        known.sightings += sighting.count
        known.last = max(known.last, time)
        known.active = memory.active
        if sighting.text and not known.example:
            known.example = sighting.text
        return clues if is_live(memory, self._settings) and known.label != LabelVerdict.NORMAL else []

    def as_release(self, memory: ScopeMemory, clue: Clue) -> Clue:
        """Return a warning as harmless news, because it came with many other new causes."""
        span = memory.span(self._settings.window)
        bar = bar_of(memory, self._settings, Gravity.HARMLESS, self._settings.parts[0])
        return replace(clue, gravity=Gravity.HARMLESS, period=min(clue.period, span / HALF), bar=bar)

    def _new(
        self, memory: ScopeMemory, sighting: Sighting, words: tuple[str, ...], source: str
    ) -> tuple[CauseMemory, Clue]:
        time = sighting.time / 1e6
        known = CauseMemory(time, time, sighting.score, time, words=words, example=sighting.text)
        memory.causes[sighting.cause] = known
        memory.grave += known.gravity > 0
        memory.news.add(time, level_of(sighting.score))
        version = released(memory.versions, time, self._settings) if not known.gravity else None
        if version is not None:
            version.causes += 1
        period, blocks = self._period(memory, memory.news, known, time)
        span = memory.span(self._settings.window)
        what = ("harmless line", "warning", "failure")[known.gravity]
        rate = (
            f"a {what} that is new comes about once in {duration(span / blocks)} here"
            if blocks
            else f"no {what} was new before it in {duration(span)}"
        )
        why = f"never seen in {memory.sessions:,} sessions over {duration(span)}; {rate}"
        part = self._settings.parts[known.gravity]
        worth = _Worth(part, period, span / blocks if blocks else None, why)
        return known, self._clue("new", memory, known, sighting, source, worth)

    def _settle(self, memory: ScopeMemory, known: CauseMemory, time: float) -> None:
        """Count a cause that comes again as vocabulary, not as a one-off."""
        if known.one_off is not None and time - known.first > self._settings.outbreak:
            memory.news.take_back(known.one_off, level_of(known.score))
            known.one_off = None

    def _back(self, memory: ScopeMemory, known: CauseMemory, sighting: Sighting, source: str) -> Iterator[Clue]:
        settings, time = self._settings, sighting.time / 1e6
        if not known.sightings or memory.active - known.active < settings.quiet + settings.reopen:
            return
        known.outbreaks += 1
        known_routine = known.gravity is not Gravity.FAILURE or known.outbreaks > settings.returns + 1
        if known_routine or not is_live(memory, settings):
            return
        period, blocks = self._period(memory, memory.returns, known, time)
        memory.returns.add(time, level_of(known.score))
        span = memory.span(settings.window)
        often = span / max(known.outbreaks, blocks)
        why = f"back after {duration(time - known.last)}; outbreak {known.outbreaks} in {duration(span)}"
        if blocks > known.outbreaks:
            why += f"; a failure is back about once in {duration(often)} here"
        worth = _Worth(settings.parts[known.gravity], period, often, why)
        yield self._clue("back", memory, known, sighting, source, worth)

    def _burst(self, memory: ScopeMemory, known: CauseMemory, sighting: Sighting, source: str) -> Iterator[Clue]:
        settings, time = self._settings, sighting.time / 1e6
        part = settings.burst_parts[known.gravity]
        if not known.gravity:
            return
        if not known.peaks:
            known.peaks = [Peak() for _ in SCALES]
        live, span = is_live(memory, self._settings), memory.span(settings.window)
        best: tuple[float, float, float, float] | None = None
        for scale, (peak, tau) in enumerate(zip(known.peaks, SCALES, strict=True)):
            count = peak.add(time, tau, settings.window / 2, sighting.count)
            if not live or count < settings.least or time - known.first < 10 * tau:
                continue
            factor = memory.factor(scale)
            if count < settings.ratio * factor * peak.highest:
                continue
            period = peak.period(span, factor) / (len(SCALES) * max(memory.grave, 1))
            if best is None or period > best[0]:
                best = (period, count, peak.highest, tau)
        if best is None or best[0] < bar_of(memory, self._settings, known.gravity, part):
            return
        rate, _ = self._period(memory, memory.bursts, known, time)
        memory.bursts.add(time, level_of(known.score))
        period, count, highest, tau = best
        often = min(period, span)
        why = f"{count:.0f} within {duration(tau)}, at most {highest:.0f} before in {duration(span)}"
        yield self._clue("burst", memory, known, sighting, source, _Worth(part, min(rate, period), often, why))

    def _period(self, memory: ScopeMemory, rate: Rate, known: CauseMemory, time: float) -> tuple[float, float]:
        """Return the period to compare with the bar, and the number of blocks it comes from, 0 or at least 1."""
        settings = self._settings
        span = memory.span(settings.window)
        length = min(settings.block, max(60.0, span / 8))
        blocks = rate.blocks(time, length, level_of(known.score))
        surely = blocks - settings.doubt[known.gravity] * math.sqrt(blocks)
        if known.gravity is Gravity.HARMLESS:
            surely = max(surely, HALF)  # the history is too short to show a longer period
        return (span / surely if surely > 0 else math.inf), max(blocks, 1.0) if blocks else 0.0

    def _clue(
        self, kind: Kind, memory: ScopeMemory, known: CauseMemory, sighting: Sighting, source: str, worth: _Worth
    ) -> Clue:
        return Clue(
            kind=kind,
            scope=sighting.scope,
            cause=memory.parents.get(sighting.cause, sighting.cause),
            gravity=known.gravity,
            time=sighting.time / 1e6,
            period=worth.period,
            bar=bar_of(memory, self._settings, known.gravity, worth.part),
            often=worth.often,
            why=worth.why,
            line=sighting.line,
            text=sighting.text or known.example,
            key=sighting.key,
            place=sighting.place,
            source=source,
        )


@dataclass(frozen=True, slots=True)
class _Worth:
    """What a clue is worth: the part of the ceiling it may use, the period for the bar and the one to tell, and why."""

    part: float
    period: float
    often: float | None
    why: str
