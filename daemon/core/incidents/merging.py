"""What one stage has learned of a scope, moved in time and added to what another one knows of it.

Sums are added, peaks and first and last times compared. What is open, what was told, how regularly lines and
keys come and which partitions carry the scope belongs to the stage that learned it, and stays there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from daemon.core.incidents.memory import FIRST_SESSIONS, CauseMemory, ScopeMemory
from daemon.core.incidents.peaks import SCALES, Peak
from daemon.core.incidents.rates import MINUTE, Rate, level_of
from daemon.core.incidents.together import Together
from daemon.core.incidents.versions import with_versions


def learned(memory: ScopeMemory) -> ScopeMemory:
    """Return a copy that holds what was learned, and nothing that belongs to the stage which learned it."""
    causes = {name: _copy(cause) for name, cause in memory.causes.items()}
    news, bursts, returns = Rate(), Rate(), Rate()
    for copy, rate in ((news, memory.news), (bursts, memory.bursts), (returns, memory.returns)):
        copy.join(rate)
    return replace(
        memory,
        first_begins=[*memory.first_begins],
        traffic=[replace(peak) for peak in memory.traffic],
        versions=[replace(version) for version in memory.versions],
        causes=causes,
        parents=dict(memory.parents),
        news=news,
        bursts=bursts,
        returns=returns,
        absences=Rate(),
        departures=Rate(),
        lacks=Rate(),
        together=Together(),
        presences={},
        keys={},
        reworded=[],
        told={},
        held_back=0,
        sources=[],
        silent_since=None,
        imports=[],
    )


def move(memory: ScopeMemory, shift: float, half_window: float) -> None:
    """Move all times by `shift` seconds, in whole minutes; halves of the window become those of the target's."""
    minutes = int(shift // MINUTE)
    seconds = minutes * MINUTE
    memory.begin([begin + seconds for begin in memory.first_begins])
    if memory.latest:
        memory.latest += seconds
        memory.gap_half = int(memory.latest // half_window)
    for rate in (memory.news, memory.bursts, memory.returns):
        rate.move(minutes)
    for peaks in (memory.traffic, *(cause.peaks for cause in memory.causes.values())):
        for peak, tau in zip(peaks, SCALES, strict=False):
            peak.move(seconds, tau, half_window)
    for version in memory.versions:
        version.began, version.last = version.began + seconds, version.last + seconds
    for cause in memory.causes.values():
        cause.first, cause.last = cause.first + seconds, cause.last + seconds
        cause.saved = cause.last  # the bounds of the memory order causes by it
        cause.one_off = None if cause.one_off is None else cause.one_off + seconds


def merge(memory: ScopeMemory, came: ScopeMemory, outbreak: float) -> None:
    """Add what another stage has learned; `came` must not be used afterwards.

    A cause that both know is not a one-off when its first and last times are more than `outbreak` seconds apart.
    """
    if memory.sessions and came.sessions and came.latest < memory.start:
        came.begin_later(memory.start - came.latest)
    memory.begin(sorted([*memory.first_begins, *came.first_begins])[:FIRST_SESSIONS])
    for cause in memory.causes.values():
        cause.active += came.active
    for presence in (*memory.presences.values(), *memory.keys.values()):
        presence.began, presence.at = presence.began + came.active, presence.at + came.active
    memory.sessions += came.sessions
    memory.active += came.active
    _join_gaps(memory, came)
    memory.latest = max(memory.latest, came.latest)
    _join_peaks(memory.traffic, came.traffic)
    for rate, other in ((memory.news, came.news), (memory.bursts, came.bursts), (memory.returns, came.returns)):
        rate.join(other)
    memory.versions = with_versions(memory.versions, came.versions)
    for name, cause in came.causes.items():
        _merge_cause(memory, memory.parents.get(name, name), cause, outbreak)
    for child, parent in came.parents.items():
        if child not in memory.causes and child not in memory.parents:
            memory.parents[child] = memory.parents.get(parent, parent)


def _merge_cause(memory: ScopeMemory, name: str, came: CauseMemory, outbreak: float) -> None:
    known = memory.causes.get(name)
    if known is None:
        memory.causes[name] = came
        memory.grave += came.gravity > 0
        return
    known.first, known.last = min(known.first, came.first), max(known.last, came.last)
    if came.one_off is not None:  # one cause is one novelty
        memory.news.take_back(came.one_off, level_of(came.score))
    if known.one_off is not None and (came.one_off is None or known.last - known.first > outbreak):
        memory.news.take_back(known.one_off, level_of(known.score))
        known.one_off = None
    known.active = max(known.active, came.active)
    known.sightings += came.sightings
    known.outbreaks += came.outbreaks - 1
    known.label = known.label or came.label
    known.words, known.example = known.words or came.words, known.example or came.example
    if known.peaks and came.peaks:
        _join_peaks(known.peaks, came.peaks)
    known.peaks = known.peaks or came.peaks


def _join_peaks(peaks: Iterable[Peak], others: Iterable[Peak]) -> None:
    for peak, other, tau in zip(peaks, others, SCALES, strict=True):
        peak.join(other, tau)


def _join_gaps(memory: ScopeMemory, came: ScopeMemory) -> None:
    """Merge the longest gaps, each in its half of the window."""
    older, newer = sorted((memory, came), key=lambda side: side.gap_half)
    last, before = newer.longest_gap, newer.longest_gap_before
    if older.gap_half == newer.gap_half:
        last, before = max(last, older.longest_gap), max(before, older.longest_gap_before)
    elif older.gap_half == newer.gap_half - 1:
        before = max(before, older.longest_gap)
    memory.gap_half, memory.longest_gap, memory.longest_gap_before = newer.gap_half, last, before


def _copy(cause: CauseMemory) -> CauseMemory:
    return replace(cause, saved=0.0, peaks=[replace(peak) for peak in cause.peaks])
