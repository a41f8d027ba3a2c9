"""What the stage drops when its state is too large: the least important first, and among equals the least recent.

Each function returns what is over a bound. A tenth of causes or scopes is dropped at once, so that the cost is spread.
All rules look only at what is written in the state, so a restored stage drops the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import nsmallest
from itertools import islice

from daemon.core.incidents.clues import Clue
from daemon.core.incidents.incident import Incident
from daemon.core.incidents.memory import CauseMemory, ScopeMemory
from daemon.core.incidents.settings import IncidentSettings

_Name = tuple[str, str]
"""A scope and a cause."""
SHARE = 10
"""One in this many causes or scopes is dropped at once."""


def causes_over(causes: Mapping[str, CauseMemory], most: int) -> list[str]:
    """Return the causes of a scope to drop: one-offs before vocabulary, harmless ones first, labelled ones last.

    A dropped cause that is seen again is new again; the rate of new causes does not change.
    """
    if len(causes) <= most:
        return []

    def worth(cause: str) -> tuple[bool, int, bool, float, str]:
        known = causes[cause]
        return known.label is not None, known.gravity, known.one_off is None, known.saved, cause

    return nsmallest(len(causes) - most + most // SHARE, causes, key=worth)


def trim(memory: ScopeMemory, settings: IncidentSettings) -> tuple[list[str], int]:
    """Drop causes and rewordings that are too many; return the causes, and the number of rewordings."""
    gone = memory.drop(causes_over(memory.causes, settings.max_causes))
    surplus = len(memory.parents) - settings.max_rewordings
    over = list(islice(memory.parents, surplus)) if surplus > 0 else []
    for child in over:
        del memory.parents[child]  # it is found again by its words
    return gone, len(over)


def scopes_over(scopes: Mapping[str, ScopeMemory], most: int) -> list[str]:
    """Return the scopes to drop: those without an observation for the longest time."""
    if len(scopes) <= most:
        return []
    return nsmallest(len(scopes) - most + most // SHARE, scopes, key=lambda scope: (scopes[scope].latest, scope))


def incidents_over(incidents: Mapping[str, Incident], most: int) -> list[Incident]:
    """Return the incidents to drop: not told or over before told and open, the least grave and oldest first."""

    def worth(incident: Incident) -> tuple[bool, int, float, str]:
        told_and_open = not incident.held and incident.resolved_at is None
        return told_and_open, incident.gravity, incident.last, incident.id

    return nsmallest(len(incidents) - most, incidents.values(), key=worth) if len(incidents) > most else []


def clues_within(clues: Sequence[Clue], most: int) -> list[Clue]:
    """Return the clues that may still wait: at most `most`, the gravest and earliest, in their order."""
    if len(clues) <= most:
        return list(clues)
    places = sorted(range(len(clues)), key=lambda at: (-clues[at].gravity, clues[at].time, clues[at].cause))
    return [clues[at] for at in sorted(places[:most])]


def still_waiting(
    waiting: Mapping[_Name, Clue], clues: Sequence[Clue], since: float, most: int
) -> tuple[dict[_Name, Clue], int]:
    """Return the clues that wait for a second sighting, with new ones, and how many of the oldest were too many.

    Those from before `since` stop waiting: the second sighting would come too late.
    """
    kept = {name: clue for name, clue in waiting.items() if clue.time >= since}
    kept |= {(clue.scope, clue.cause): clue for clue in clues}
    over = max(len(kept) - most, 0)
    return dict(islice(kept.items(), over, None)), over
