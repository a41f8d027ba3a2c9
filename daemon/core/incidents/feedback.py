"""Labels that people give are stored with the causes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from daemon.core.incidents.incident import Incident
from daemon.core.incidents.memory import ScopeMemory
from daemon.core.observations import Said


def heed(said: Said, scopes: Mapping[str, ScopeMemory], incidents: Iterable[Incident]) -> set[tuple[str, ...]]:
    """Store a person's label with causes; return the names of the pieces of the state that it changes.

    A label of an incident's headline applies to all its symptoms.
    """
    about = {(said.scope, cause) for cause in said.causes}
    if not said.scope:
        about = {(scope, cause) for scope in scopes for cause in said.causes}
    for incident in incidents:
        head = incident.symptoms[incident.headline]
        if (head.scope, head.cause) in about:
            about |= {(symptom.scope, symptom.cause) for symptom in incident.symptoms}
    changed: set[tuple[str, ...]] = set()
    for scope, cause in about:
        memory = scopes.get(scope)
        if memory is None:
            continue
        name = memory.parents.get(cause, cause)
        known = memory.causes.get(name)
        if known is not None:
            known.label = None if said.verdict == "forget" else said.verdict
            changed.add(("c", scope, name))
    return changed
