"""Which of the clues that waited together are decided now.

A harmless clue counts only with others: many new causes at one moment are a release, and so are as many since a version
of the scope began. A warning among them is part of the release. A warning by itself waits for a second sighting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from daemon.core.incidents.clues import Clue, ClueFinder
from daemon.core.incidents.grouping import home_of_clue
from daemon.core.incidents.incident import Incident
from daemon.core.incidents.memory import ScopeMemory
from daemon.core.incidents.settings import IncidentSettings
from daemon.core.incidents.versions import released
from daemon.core.observations import Gravity


def due_together(clues: Sequence[Clue], now: float, near: float) -> tuple[list[Clue], list[Clue]]:
    """Return the clues that have waited `near` seconds, with all that are so near to one of them, and the others."""
    due = [clue.time for clue in clues if now >= clue.time + near]
    together = [clue for clue in clues if any(abs(clue.time - time) <= near for time in due)]
    return together, [clue for clue in clues if clue not in together]


def weigh(
    clues: Sequence[Clue],
    scopes: Mapping[str, ScopeMemory],
    incidents: Collection[Incident],
    settings: IncidentSettings,
) -> tuple[list[Clue], list[Clue]]:
    """Return the clues to decide now, the gravest first, and those that wait for a second sighting."""
    finder = ClueFinder(settings)
    harmless = Counter(clue.scope for clue in clues if clue.gravity is Gravity.HARMLESS)
    ready, waiting = list[Clue](), list[Clue]()
    for clue in clues:
        memory = scopes.get(clue.scope)
        is_release = max(harmless[clue.scope], _came_with_a_version(clue, memory, settings)) >= settings.release
        if clue.gravity is Gravity.WARNING and is_release and memory is not None:
            ready.append(finder.as_release(memory, clue))
        elif clue.gravity is Gravity.WARNING and _lacks_witness(clue, memory, incidents, settings):
            waiting.append(clue)
        elif clue.gravity or is_release:
            ready.append(clue)
    return sorted(ready, key=lambda c: (-c.gravity, c.time, c.cause)), waiting


def _came_with_a_version(clue: Clue, memory: ScopeMemory | None, settings: IncidentSettings) -> int:
    """Return how many new harmless causes have come since a version began that is new at the time of a clue."""
    version = released(memory.versions, clue.time, settings) if memory is not None else None
    return version.causes if version is not None else 0


def _lacks_witness(
    clue: Clue, memory: ScopeMemory | None, incidents: Collection[Incident], settings: IncidentSettings
) -> bool:
    known = memory.causes.get(clue.cause) if memory is not None else None
    if known is None or known.sightings >= settings.witnesses:
        return False
    return home_of_clue(clue, incidents, settings) is None
