"""The memories of all scopes: kept within their bounds, and noted as changed so that they are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from daemon.core.incidents.bounds import scopes_over, trim
from daemon.core.incidents.clues import Clue
from daemon.core.incidents.memory import ScopeMemory
from daemon.core.incidents.missing import missing_lines
from daemon.core.incidents.presence import attend, attend_key
from daemon.core.incidents.settings import HOUR, IncidentSettings
from daemon.core.incidents.silences import given_up
from daemon.core.incidents.versions import note_version
from daemon.core.observations import KeySeen, LinesTogether, VersionSeen


@dataclass(slots=True)
class ScopeMemories:
    """Works on the stage's `scopes`; names in `changed` what it changes, and counts in `let_go` what it drops."""

    settings: IncidentSettings
    scopes: dict[str, ScopeMemory]
    changed: set[tuple[str, ...]]
    let_go: Counter[str]

    def of(self, scope: str) -> ScopeMemory:
        """Return the memory of a scope. A new scope may replace those without an observation for the longest time."""
        memory = self.scopes.get(scope)
        if memory is None:
            for gone in scopes_over(self.scopes, self.settings.max_scopes - 1):
                self._note_dropped(gone, self.scopes.pop(gone))
                self.let_go["scopes"] += 1
            memory = self.scopes[scope] = ScopeMemory()
        return memory

    def seen(self, scope: str, cause: str, time: float) -> None:
        """Note that a cause was seen: a harmless one is written only when more than its last time changed."""
        memory = self.scopes[scope]
        known = memory.causes[cause]
        if known.score > 0 or known.sightings <= self.settings.witnesses or time - known.saved >= HOUR:
            known.saved = time
            self.changed.add(("c", scope, cause))
        if not known.gravity and known.sightings > self.settings.witnesses:
            settings, half = self.settings, self.settings.window / 2
            attended = attend(memory.presences, cause, time, memory.active, half, settings.max_usual, settings.regular)
            self.changed |= {("p", scope, name) for name in attended}

    def key_seen(self, seen: KeySeen) -> None:
        """Note that a session of a returning key began, perhaps a while before it is reported."""
        memory, settings = self.scopes[seen.scope], self.settings
        active = memory.active - max(memory.latest - seen.time / 1e6, 0.0)
        attended = attend_key(memory.keys, seen, active, settings.window / 2, settings.max_keys, settings.regular)
        self.changed |= {("k", seen.scope, cause) for cause in attended}

    def version_seen(self, seen: VersionSeen, clock: int | None) -> None:
        """Note a version of a scope; a time beyond its partition's stream time is not plausible."""
        memory = self.of(seen.scope)
        memory.versions = note_version(memory.versions, seen.version, min(seen.time, clock or seen.time) / 1e6)
        self.changed.add(("s", seen.scope))

    def lines_together(self, session: LinesTogether) -> list[Clue]:
        """Count which lines a session has; return the clues that lines are missing."""
        memory = self.scopes[session.scope]
        clues = list(missing_lines(memory, session, self.settings))
        self._note_together(session.scope, memory)
        return clues

    def trim(self, scope: str) -> None:
        """Drop causes and rewordings of a scope that are too many."""
        gone, rewordings = trim(self.scopes[scope], self.settings)
        if gone:
            self._note_gone(scope, gone)
            self._note_together(scope, self.scopes[scope])
            self.let_go["causes"] += len(gone)
        if rewordings:
            self.let_go["rewordings"] += rewordings

    def forget(self, now: float) -> None:
        """Drop what lies before the window: causes, and scopes without an observation since."""
        before = now - self.settings.window
        for scope, memory in list(self.scopes.items()):
            self._note_gone(scope, memory.forget(now, self.settings.window))
            for piece, followed in (("p", memory.presences), ("k", memory.keys)):
                self.changed |= {(piece, scope, cause) for cause in given_up(followed, memory.active, self.settings)}
            for cause in memory.together.anchors.keys() - memory.presences.keys():
                memory.together.drop(cause)
            self._note_together(scope, memory)
            if memory.latest < before and not memory.causes:
                self._note_dropped(scope, self.scopes.pop(scope))

    def _note_dropped(self, scope: str, memory: ScopeMemory) -> None:
        self.changed |= {("s", scope), *(("k", scope, cause) for cause in memory.keys)}
        self.changed |= {(kind, scope, name) for kind, name in memory.together.names()}
        self._note_gone(scope, memory.causes)

    def _note_gone(self, scope: str, causes: Iterable[str]) -> None:
        self.changed |= {(piece, scope, cause) for cause in causes for piece in ("c", "p")}

    def _note_together(self, scope: str, memory: ScopeMemory) -> None:
        if memory.together.changed:
            self.changed |= {(kind, scope, name) for kind, name in memory.together.take_changed()}
