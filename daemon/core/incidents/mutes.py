"""Mutes: what is not told until a time because a person asked so, and what is told of it afterwards.

A mute changes nothing in the memory: rates, causes and incidents continue as if there were none. It only keeps
incidents from being told. When it ends, at its time or because somebody ends it, what happened meanwhile is told: an
incident that continues as opened, one that is over as resolved.

Its time is stream time, so a replay obeys it in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest

from daemon.core.incidents.incident import Incident
from daemon.core.incidents.memory import ScopeMemory
from daemon.core.observations import MuteOrder

MOST = 50
"""Most incidents that are over and wait for the end of a mute; beyond it, the oldest is only counted."""


@dataclass(slots=True)
class ActiveMute:
    """One mute in force. `name` is empty for the whole service; `until` in seconds; `missed` counts its incidents."""

    scope: str
    name: str
    causes: list[str]
    until: float
    by: str
    missed: int = 0

    def covers(self, memory: ScopeMemory, cause: str) -> bool:
        """Return whether it mutes a cause of its service."""
        return not self.name or any(memory.parents.get(one, one) == cause for one in self.causes)

    @property
    def sentence(self) -> str:
        """The sentence in a message that was not told in time."""
        who = f"muted by {self.by}" if self.by else "muted"
        if not self.missed:  # it began under another mute, which ended first
            return who
        return f"{who}; {'the only incident' if self.missed == 1 else f'one of {self.missed:,} incidents'} meanwhile"


@dataclass(slots=True)
class Mutes:
    """All mutes in force, by service and name."""

    active: dict[tuple[str, str], ActiveMute] = field(default_factory=dict)

    def heed(self, order: MuteOrder, now: float) -> ActiveMute | None:
        """Begin or change a mute; return the one that the order ends."""
        known = self.active.pop((order.scope, order.name), None)
        if order.until is None or order.until / 1e6 <= now:
            return known
        missed = known.missed if known is not None else 0
        mute = ActiveMute(order.scope, order.name, list(order.causes), order.until / 1e6, order.by, missed)
        self.active[order.scope, order.name] = mute
        return None

    def ended(self, now: float) -> list[ActiveMute]:
        """Remove and return the mutes whose time has come, in order."""
        over = sorted((m for m in self.active.values() if m.until <= now), key=lambda m: (m.until, m.scope, m.name))
        for mute in over:
            del self.active[mute.scope, mute.name]
        return over

    def surplus(self, most: int) -> list[ActiveMute]:
        """Remove and return the mutes that are more than `most`, in order: those that would end first."""
        over = nsmallest(len(self.active) - most, self.active.values(), key=lambda m: (m.until, m.scope, m.name))
        for mute in over:
            del self.active[mute.scope, mute.name]
        return over

    def on(self, memory: ScopeMemory | None, scope: str, cause: str) -> list[ActiveMute]:
        """Return the mutes that cover a cause of a service."""
        if not self.active or memory is None:
            return []
        return [mute for mute in self.active.values() if mute.scope == scope and mute.covers(memory, cause)]

    def uncovered(
        self, over: ActiveMute, scopes: Mapping[str, ScopeMemory], incidents: Iterable[Incident]
    ) -> list[Incident]:
        """Return the muted incidents that only `over` covered, a mute that has ended, in the order of their onset."""
        alone = []
        for incident in incidents:
            head = incident.symptoms[incident.headline]
            covered = self.on(scopes.get(head.scope), head.scope, head.cause)
            if incident.muted and head.scope == over.scope and not covered:
                alone.append(incident)
        return sorted(alone, key=lambda incident: (incident.onset, incident.id))


def hide(incident: Incident, mutes: Sequence[ActiveMute], incidents: dict[str, Incident]) -> set[tuple[str, ...]]:
    """Note that nothing of an incident is told until `mutes` end, and drop muted ones that are too many.

    Return the names of the pieces of the state that change.
    """
    incident.held = incident.muted = True
    for mute in mutes:
        mute.missed += 1
    gone = surplus(incidents.values())
    for name in gone:
        del incidents[name]
    return {("i", incident.id), *(("i", name) for name in gone), *(("m", mute.scope, mute.name) for mute in mutes)}


def surplus(incidents: Iterable[Incident]) -> list[str]:
    """Return the ids of muted incidents that are over and too many to keep: the oldest."""
    over = sorted((i for i in incidents if i.muted and i.resolved_at is not None), key=lambda i: (i.last, i.id))
    return [incident.id for incident in over[: max(len(over) - MOST, 0)]]
