"""What an incident says of the release that it began with."""

from __future__ import annotations

from daemon.core.incidents.incident import Incident
from daemon.core.incidents.memory import ScopeMemory
from daemon.core.incidents.settings import IncidentSettings
from daemon.core.incidents.versions import Release, released
from daemon.core.observations import Gravity


def release_of(incident: Incident, memory: ScopeMemory | None, settings: IncidentSettings) -> Release | None:
    """Return the release that an incident began with, as far as it is known now.

    `memory` is that of the scope of its headline, None where that is forgotten.
    """
    head = incident.symptoms[incident.headline]
    version = released(memory.versions, incident.onset, settings) if memory is not None else None
    if version is None:
        return incident.release
    harmless = sum(s.scope == head.scope and s.gravity is Gravity.HARMLESS for s in incident.symptoms)
    return Release(head.scope, version.name, version.began, max(version.causes, harmless))
