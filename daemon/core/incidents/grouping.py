"""Which incident a clue or a session belongs to.

A clue belongs to the incident that has its cause, or that began at the same moment in any scope, or that has its
wording in its scope; of several, to the one whose onset is nearest. Onsets do not move, so a chain of faults does not
grow into one incident. Harmless news belongs to the open harmless incident of its scope: a release brings much of it.
A session belongs to the latest incident that has one of its causes, open ones first, until those causes are chronic.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from daemon.core.incidents.clues import Clue
from daemon.core.incidents.incident import Incident
from daemon.core.incidents.settings import IncidentSettings
from daemon.core.incidents.wording import alike
from daemon.core.observations import Gravity, words_at_ends


def home_of_clue(clue: Clue, incidents: Iterable[Incident], settings: IncidentSettings) -> Incident | None:
    """Return the incident that a clue belongs to, None when it belongs to none."""
    recent = [i for i in incidents if clue.time - i.last < settings.quiet + settings.reopen]

    def away(incident: Incident) -> tuple[float, str]:
        late = incident.onset - clue.time
        return max(-late, late - clue.within, 0.0), incident.id

    if clue.gravity is Gravity.HARMLESS:
        recent = [i for i in recent if clue.time - i.last < settings.quiet and (i.gravity or clue.scope in i.services)]
        releases = [i for i in recent if i.gravity is Gravity.HARMLESS]
        if releases:
            return max(releases, key=lambda i: (i.onset, i.id))
    same = [i for i in recent if i.has(clue.scope, clue.cause)]
    close = [i for i in recent if away(i)[0] <= settings.near]
    homes = same or close
    if not homes:
        words = words_at_ends(clue.line)
        homes = [i for i in recent if clue.scope in i.services and any(alike(words, other) for other in i.wordings)]
    return min(homes, key=away, default=None)


def home_of_session(
    scope: str, causes: Collection[str], end: float, incidents: Iterable[Incident], settings: IncidentSettings
) -> Incident | None:
    """Return the incident that a session joins, None when it joins none."""
    homes = [
        i
        for i in incidents
        if end - i.onset < max(settings.settle[i.gravity], settings.quiet)
        and any(i.has(scope, cause) for cause in causes)
    ]
    return max(homes, key=lambda i: (i.resolved_at is None, i.onset, i.id), default=None)
