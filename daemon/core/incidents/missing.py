"""Missing lines: a usual line that most sessions like these have is missing from most of them, while others go on.

It is valued by its own misses before and by how often lines of the scope go missing. What another line came in place of
is not missing: the program says it in other words, or these are sessions of another kind. Where most of the usual lines
of such sessions are missing at once, they are shorter sessions or of another kind too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from daemon.core.incidents.clues import Clue, bar_of, is_live
from daemon.core.incidents.companions import BLOCK, Companion, CountedSession
from daemon.core.incidents.incident import Symptom
from daemon.core.incidents.memory import ScopeMemory
from daemon.core.incidents.rates import MINUTE
from daemon.core.incidents.settings import IncidentSettings
from daemon.core.observations import Gravity, LinesTogether
from daemon.core.text import duration, gist, shorten
from daemon.core.types import LabelVerdict

LIKE = 80
"""Most characters of the line that says which sessions are alike."""


def missing_lines(memory: ScopeMemory, session: LinesTogether, settings: IncidentSettings) -> Iterator[Clue]:
    """Count a session; yield the clues that lines are missing from it and from most sessions like it, each once."""
    start, end = session.start / 1e6, session.end / 1e6
    causes = frozenset([memory.parents.get(cause, cause) for cause in session.causes])
    half = int(end // (settings.window / 2))
    together = memory.together
    for cause in sorted([cause for cause in causes if cause not in together.anchors]):
        if cause in memory.presences and len(together.anchors) < settings.max_usual:
            together.follow(cause)
    for name, lacking in together.count(CountedSession(start, end, causes), half):
        for cause in lacking:
            if not _is_news(memory, name, cause, end, settings):
                continue
            clue = _clue(memory, session.scope, name, cause, end, settings)
            if clue.passes:
                noted = any(companion.missing for companion in together.of(cause))
                together.note_missing(name, cause)
                if not noted:
                    memory.lacks.add(end, 0)
                    yield clue


def _is_news(memory: ScopeMemory, name: str, cause: str, end: float, settings: IncidentSettings) -> bool:
    """Return whether a companion is missing from so many sessions as never before, and nothing explains it."""
    anchor = memory.together.anchors[name]
    companion = anchor.companions[cause]
    here = companion.here
    if companion.missing or here < settings.misses or 2 * here < len(anchor.block) or not is_live(memory, settings):
        return False
    known = memory.causes.get(cause)
    if known is None or name not in memory.causes or known.label == LabelVerdict.NORMAL:
        return False
    known_for = end - companion.since
    if known_for < settings.regular * MINUTE or companion.sessions < settings.like_sessions:
        return False
    if companion.share < settings.usual_share or here < settings.ratio * companion.usual_misses:
        return False
    gone = sum(2 * other.here >= len(anchor.block) for other in anchor.companions.values())
    return gone <= max(1, len(anchor.companions) // 2) and not anchor.in_its_place(companion)


def _period(memory: ScopeMemory, companion: Companion, end: float, settings: IncidentSettings) -> float:
    """Return the seconds between blocks with so many misses, by its own blocks, or by all of the scope's lately.

    Of n blocks the worst has about the mean times ln n where misses have no memory, so the chance of one with m misses
    is n ** -(m / worst).
    """
    span = memory.span(settings.window)
    blocks = max(companion.sessions / BLOCK, 1.0)
    worse = companion.here / max(companion.usual_misses, 1)
    own: float = min(span, end - companion.since) / blocks * (blocks + 1.0) ** min(worse, 20.0)
    followed = {cause for anchor in memory.together.anchors.values() for cause in anchor.companions}
    lately = memory.lacks.blocks(memory.latest, settings.block, 0)
    return min(own / max(len(followed), 1), span / lately if lately else math.inf)


def _clue(memory: ScopeMemory, scope: str, name: str, cause: str, end: float, settings: IncidentSettings) -> Clue:
    anchor, span = memory.together.anchors[name], memory.span(settings.window)
    companion = anchor.companions[cause]
    like, known = shorten(gist(memory.causes[name].example), LIKE), memory.causes[cause]
    begin = companion.first_miss if companion.first_miss is not None else companion.last_miss
    why = (
        f'missing in {companion.here} of the last {len(anchor.block)} sessions that have "{like}", where '
        f"{companion.share:.0%} of {companion.sessions:,} had it; at most {companion.usual_misses:.0f} of {BLOCK} "
        f"lacked it before in {duration(span)}"
    )
    return Clue(
        kind="missing",
        scope=scope,
        cause=cause,
        gravity=Gravity.WARNING,
        time=begin,
        period=_period(memory, companion, end, settings),
        bar=max(bar_of(memory, settings, Gravity.WARNING, settings.parts[1]), span),
        often=None,
        why=why,
        text=known.example,
        within=MINUTE,
    )


def is_missing(symptom: Symptom, memory: ScopeMemory, now: float) -> bool:
    """Return whether sessions went on to lack a line within the last minute."""
    return any(c.missing and now - c.last_miss <= MINUTE for c in memory.together.of(symptom.cause))
