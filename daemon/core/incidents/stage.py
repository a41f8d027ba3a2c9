"""The incidents stage: observations of all partitions in, news of incidents out.

The stage is a sequential machine. It reads no clock: its time is the stream time of what it is given. What it decides
depends on the observations and on their order alone, so a replay from its state gives the same news.

* A failure that nobody has seen is decided at once. Lesser clues wait `near` seconds, for a graver symptom of the same
  fault to speak first.
* **Told** are opened, reopened and escalated incidents; only these count against the ceilings. Nothing is told because
  there is room.
* What the ceiling holds back is counted, and remembered as an incident that was not told.
* What a mute covers is remembered likewise, and told when the mute ends (`mutes`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from daemon.core.incidents.bounds import clues_within, incidents_over, scopes_over, still_waiting, trim
from daemon.core.incidents.ceilings import afford
from daemon.core.incidents.clues import Clue, ClueFinder
from daemon.core.incidents.company import weigh
from daemon.core.incidents.feedback import heed
from daemon.core.incidents.grouping import home_of_clue, home_of_session
from daemon.core.incidents.incident import Incident, open_incident
from daemon.core.incidents.memory import ScopeMemory
from daemon.core.incidents.mutes import ActiveMute, Mutes, surplus
from daemon.core.incidents.news import Event, News, at_once
from daemon.core.incidents.presence import attend
from daemon.core.incidents.settings import HOUR, IncidentSettings
from daemon.core.incidents.silences import given_up, is_silent, line_silences, scope_silence
from daemon.core.observations import Case, Gravity, Observations, Sighting, Traffic

LISTEN_EVERY = 1.0
"""Seconds between looks for scopes that have stopped."""
LINES_EVERY = 30.0
"""Seconds between looks for lines that have stopped."""
_LONG_AGO = -1e18


@dataclass(slots=True)
class IncidentStage:
    """All scopes' memories and the open incidents.

    `changed` names the pieces of the state that changed since it was last cleared, `let_go` counts by kind what the
    bounds let go, and `sessions` those with a clue by what became of them.
    """

    settings: IncidentSettings = field(default_factory=IncidentSettings)
    scopes: dict[str, ScopeMemory] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    pending: list[Clue] = field(default_factory=list)
    waiting: dict[tuple[str, str], Clue] = field(default_factory=dict)
    told: dict[int, int] = field(default_factory=dict)
    clocks: dict[str, float] = field(default_factory=dict)
    mutes: Mutes = field(default_factory=Mutes)
    changed: set[tuple[str, ...]] = field(default_factory=set)
    let_go: Counter[str] = field(default_factory=Counter)
    sessions: Counter[str] = field(default_factory=Counter)
    swept: float = 0.0
    listened: float = 0.0

    @property
    def now(self) -> float:
        """Stream time in seconds: that of the partition that is furthest ahead."""
        return max(self.clocks.values(), default=_LONG_AGO)

    def take(self, observations: Observations) -> list[News]:
        """Take in one partition's observations; return the news they make, in order."""
        news: list[News] = []
        self.changed.add(("h",))
        for said in observations.said:
            self.changed |= heed(said, self.scopes, self.incidents.values())
        for order in observations.mutes:
            self.changed.add(("m", order.scope, order.name))
            over = self.mutes.heed(order, self.now)
            news += self._catch_up([over] if over is not None else [])
        if observations.clock is None:
            return news
        clock, source = observations.clock / 1e6, observations.source
        timed: list[tuple[float, int, Traffic | Sighting]] = []
        timed += [(t.time / 1e6, 0, t) for t in observations.traffic]
        timed += [(s.time / 1e6, 1, s) for s in observations.sightings]
        for time, _, item in sorted(timed, key=lambda entry: entry[:2]):
            # The partition's stream time is robust; a line beyond it has a time that nobody believes.
            self._advance(source, min(time, clock))
            news += self._due()
            self._scope(item.scope).touch(min(time, clock), source, self.settings.window / 2)
            self.changed.add(("s", item.scope))
            if isinstance(item, Traffic):
                self._scope(item.scope).count_sessions(min(time, clock), item.sessions, self.settings.window / 2)
            else:
                news += self._sight(item, source)
            news += self._bound_incidents()
        self._advance(source, clock)
        news += self._due()
        for case in observations.cases:  # a session joins what its lines have opened
            news += self._join(case)
        news += self.tick()
        return news

    def tick(self) -> list[News]:
        """Return the news that time alone makes: what was waiting, what is over."""
        news = list(self._due())
        if self.now - self.listened >= LISTEN_EVERY:
            closely = self.now // LINES_EVERY > self.listened // LINES_EVERY
            self.listened = self.now
            for scope, memory in sorted(self.scopes.items()):
                news += self._listen(scope, memory, closely=closely)
        for incident in sorted(self.incidents.values(), key=lambda i: (i.onset, i.id)):
            news += self._end(incident)
        news += self._catch_up(self.mutes.ended(self.now))
        if self.now - self.swept >= HOUR:
            self.swept = self.now
            self._forget(self.now - self.settings.window)
        return news

    def _forget(self, before: float) -> None:
        """Drop what lies before the window: causes, and scopes that were not heard of since."""
        for scope, memory in list(self.scopes.items()):
            self._note_gone(scope, memory.forget(before))
            self.changed |= {("p", scope, cause) for cause in given_up(memory, self.settings)}
            if memory.latest < before and not memory.causes:
                self.changed.add(("s", scope))
                del self.scopes[scope]

    def _listen(self, scope: str, memory: ScopeMemory, *, closely: bool) -> Iterator[News]:
        """Look whether a scope, or `closely` one of its lines, has stopped; all its partitions are read so far."""
        if memory.silent_since is not None or not memory.sources:
            return
        clock = min(self.clocks.get(source, _LONG_AGO) for source in memory.sources)
        clue = scope_silence(scope, memory, clock, self.settings)
        if clue is not None:
            memory.silent_since = memory.latest
            self.changed.add(("s", scope))
            yield from self._decide(clue)
        elif closely:
            silent = list(line_silences(scope, memory, clock, self.settings))
            self.changed |= {("p", scope, cause) for cause, known in memory.presences.items() if known.silent}
            yield from at_once([news for clue in silent for news in self._decide(clue)], self.incidents)

    def _end(self, incident: Incident) -> Iterator[News]:
        """Resolve an incident that is over, and forget it when it can no longer be reopened."""
        now, settings = self.now, self.settings
        if any(symptom.kind == "silent" and is_silent(symptom, self.scopes) for symptom in incident.symptoms):
            incident.last = max(incident.last, now)
        if incident.resolved_at is None and now - incident.last >= settings.quiet:
            incident.resolved_at = now
            self.changed.add(("i", incident.id))
            if not incident.held:
                yield self._say("resolved", incident)
        if incident.resolved_at is None or incident.muted:
            return
        if now - incident.last >= settings.quiet + settings.reopen:
            del self.incidents[incident.id]
            self.changed.add(("i", incident.id))

    # -- what comes in ---------------------------------------------------------------------------------------------

    def _sight(self, sighting: Sighting, source: str) -> Iterator[News]:
        memory = self._scope(sighting.scope)
        clues = self._finder.find(memory, sighting, source)
        cause = memory.parents.get(sighting.cause, sighting.cause)
        self._mark(memory, sighting.scope, cause, sighting.time / 1e6)
        witnessed = self.waiting.pop((sighting.scope, cause), None)
        gone, rewordings = trim(memory, self.settings)
        self._note_gone(sighting.scope, gone)
        self.let_go += Counter(causes=len(gone), rewordings=rewordings)
        if witnessed is not None and sighting.time / 1e6 - witnessed.time <= self.settings.outbreak:
            yield from self._decide(witnessed)
        for clue in clues:
            if clue.gravity is Gravity.FAILURE or clue.kind == "burst":
                yield from self._decide(clue)
            else:
                self.pending.append(clue)
        within = clues_within(self.pending, self.settings.max_waiting)
        self.let_go["clues"] += len(self.pending) - len(within)
        self.pending = within

    def _mark(self, memory: ScopeMemory, scope: str, cause: str, time: float) -> None:
        """Note that a cause is to be written: a harmless one only when more than its last time changed."""
        known = memory.causes[cause]
        if known.score > 0 or known.sightings <= self.settings.witnesses or time - known.saved >= HOUR:
            known.saved = time
            self.changed.add(("c", scope, cause))
        if not known.gravity and known.sightings > self.settings.witnesses:
            settings, half = self.settings, self.settings.window / 2
            attended = attend(memory.presences, cause, time, memory.active, half, settings.max_usual, settings.regular)
            self.changed |= {("p", scope, name) for name in attended}

    def _note_gone(self, scope: str, causes: Iterable[str]) -> None:
        self.changed |= {(piece, scope, cause) for cause in causes for piece in ("c", "p")}

    def _join(self, case: Case) -> Iterator[News]:
        memory = self._scope(case.scope)
        causes = [memory.parents.get(cause, cause) for cause in case.causes]
        incident = home_of_session(case.scope, causes, case.end / 1e6, self.incidents.values(), self.settings)
        if incident is None:
            self.sessions["alone"] += 1
            return
        over = incident.resolved_at is not None
        self.sessions["held" if incident.held else "late" if over else "joined"] += 1
        self.changed.add(("i", incident.id))
        first = incident.case is None
        incident.join(case, causes)
        head = incident.symptoms[incident.headline]
        if incident.held or over or self._muting(head.scope, head.cause):
            return
        if first or self.now - incident.told_at >= self.settings.update_every:
            yield self._say("updated", incident)

    # -- deciding --------------------------------------------------------------------------------------------------

    def _due(self) -> Iterator[News]:
        if not self.pending:
            return
        near = self.settings.near
        due = [clue.time for clue in self.pending if self.now >= clue.time + near]
        if not due:
            return
        together = [clue for clue in self.pending if any(abs(clue.time - time) <= near for time in due)]
        self.pending = [clue for clue in self.pending if clue not in together]
        speaking, waiting = weigh(together, self.scopes, self.incidents.values(), self.settings)
        too_late = self.now - 2 * self.settings.outbreak
        self.waiting, over = still_waiting(self.waiting, waiting, too_late, self.settings.max_waiting)
        self.let_go["clues"] += over
        yield from at_once([news for clue in speaking for news in self._decide(clue)], self.incidents)

    def _decide(self, clue: Clue) -> Iterator[News]:
        home = home_of_clue(clue, self.incidents.values(), self.settings)
        if home is not None:
            yield from self._grow(home, clue)
        elif clue.passes:
            incident, mutes = open_incident(clue, self.now), self._muting(clue.scope, clue.cause)
            if mutes:
                self._miss(incident, mutes)
            else:
                incident.held = not self._afford(clue)
            self.incidents[incident.id] = incident
            self.changed.add(("i", incident.id))
            if not incident.held:
                yield self._say("opened", incident)

    def _grow(self, home: Incident, clue: Clue) -> Iterator[News]:
        again = clue.passes and home.resolved_at is not None
        mutes = self._muting(clue.scope, clue.cause)
        if mutes:
            self._join_muted(home, clue, mutes if again else [])
            return
        graver = clue.passes and (clue.gravity > home.gravity or home.muted)
        if graver or again:
            if not self._afford(clue):
                return
            self.changed.add(("i", home.id))
            home.gravity = max(home.gravity, clue.gravity)
            home.add(clue)
            if home.muted:  # what is not muted speaks for it
                home.muted, home.headline = False, home.place_of(clue.scope, clue.cause)
            event: Event = "opened" if home.held else "reopened" if again else "escalated"
            home.held, home.resolved_at = False, None
            yield self._say(event, home)
            return
        self.changed.add(("i", home.id))
        scopes = len(home.services)
        better = home.add(clue)
        quietly = home.held or home.resolved_at is not None
        if not quietly and (better or len(home.services) > scopes):
            yield self._say("updated", home)

    def _afford(self, clue: Clue) -> bool:
        memory, time = self._scope(clue.scope), max(self.now, clue.time)
        return afford(memory, self.told, self.settings, clue.gravity, time)

    def _muting(self, scope: str, cause: str) -> list[ActiveMute]:
        return self.mutes.on(self.scopes.get(scope), scope, cause)

    def _miss(self, incident: Incident, mutes: Sequence[ActiveMute]) -> None:
        """Note that nothing of an incident is told until its mutes end."""
        incident.held = incident.muted = True
        self.changed |= {("i", incident.id), *(("m", mute.scope, mute.name) for mute in mutes)}
        for mute in mutes:
            mute.missed += 1
        for name in surplus(self.incidents.values()):
            del self.incidents[name]
            self.changed.add(("i", name))

    def _join_muted(self, home: Incident, clue: Clue, again: Sequence[ActiveMute]) -> None:
        """Take a muted clue into an incident without a word; `again` are the mutes that hide that it comes back."""
        self.changed.add(("i", home.id))
        home.add(clue)
        if again:
            if not home.muted:
                self._miss(home, again)
            home.resolved_at = None

    def _catch_up(self, over: Sequence[ActiveMute]) -> Iterator[News]:
        """Tell what happened while mutes were in force that are over."""
        self.changed |= {("m", mute.scope, mute.name) for mute in over}
        for mute in over:
            for incident in sorted((i for i in self.incidents.values() if i.muted), key=lambda i: (i.onset, i.id)):
                head = incident.symptoms[incident.headline]
                if head.scope != mute.scope or self._muting(head.scope, head.cause):
                    continue
                incident.muted = False
                self.changed |= {("i", incident.id), ("s", head.scope)}
                if incident.resolved_at is not None:
                    yield replace(self._say("resolved", incident), muted=mute.sentence)
                elif afford(self._scope(head.scope), self.told, self.settings, incident.gravity, self.now):
                    incident.held = False
                    yield replace(self._say("opened", incident), muted=mute.sentence)

    def _say(self, event: Event, incident: Incident) -> News:
        self.changed.add(("i", incident.id))
        incident.messages += 1
        incident.told_at = self.now
        memory = self.scopes.get(incident.symptoms[incident.headline].scope)
        held_back = memory.held_back if memory is not None else 0
        return News(event, incident.as_it_stands(), incident.messages, self.now, held_back)

    # -- small things ----------------------------------------------------------------------------------------------

    def end_of_teaching(self) -> None:
        """Forget what is open and what was told: what was taught is confirmed normal."""
        self.incidents, self.told = {}, {}
        self.pending, self.waiting = [], {}
        for memory in self.scopes.values():
            memory.told, memory.held_back = {}, 0

    @property
    def _finder(self) -> ClueFinder:
        return ClueFinder(self.settings)

    def _scope(self, name: str) -> ScopeMemory:
        memory = self.scopes.get(name)
        if memory is None:
            for gone in scopes_over(self.scopes, self.settings.max_scopes - 1):
                self.changed.add(("s", gone))
                self._note_gone(gone, self.scopes.pop(gone).causes)
                self.let_go["scopes"] += 1
            memory = self.scopes[name] = ScopeMemory()
        return memory

    def _bound_incidents(self) -> Iterator[News]:
        """Let go of incidents that are too many; of those that were told and are open it is said that they are over."""
        for incident in incidents_over(self.incidents, self.settings.max_incidents):
            self.let_go["incidents"] += 1
            self.changed.add(("i", incident.id))
            if not incident.held and incident.resolved_at is None:
                incident.resolved_at = self.now
                yield self._say("resolved", incident)
            del self.incidents[incident.id]

    def _advance(self, source: str, time: float) -> None:
        self.clocks[source] = max(time, self.clocks.get(source, _LONG_AGO))
