"""The incidents stage: observations of all partitions in, news of incidents out.

The stage is a sequential machine. It reads no clock: its time is the stream time of its input. What it decides depends
on the observations and on their order alone, so a replay from its state gives the same news.

* A failure, a burst or a silence is decided at once. Other clues wait `near` seconds, so that a graver symptom of the
  same fault is decided first.
* **Told** are opened, reopened and escalated incidents; only these count against the ceilings. Nothing is told because
  there is room.
* What the ceiling holds back is counted, and remembered as an incident that was not told.
* What a mute covers is remembered in the same way, and told when the mute ends (`mutes`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from daemon.core.incidents.bounds import clues_within, incidents_over, still_waiting
from daemon.core.incidents.ceilings import afford
from daemon.core.incidents.clocks import Clocks
from daemon.core.incidents.clues import Clue, ClueFinder
from daemon.core.incidents.company import due_together, weigh
from daemon.core.incidents.feedback import heed
from daemon.core.incidents.grouping import home_of_clue, home_of_session
from daemon.core.incidents.incident import Incident, open_incident
from daemon.core.incidents.memories import ScopeMemories
from daemon.core.incidents.memory import ScopeMemory
from daemon.core.incidents.mutes import ActiveMute, Mutes, hide
from daemon.core.incidents.news import Event, News, at_once
from daemon.core.incidents.ordering import Item, in_order
from daemon.core.incidents.rates import MINUTE
from daemon.core.incidents.releases import release_of
from daemon.core.incidents.settings import HOUR, IncidentSettings
from daemon.core.incidents.silences import absences, is_away, scope_silence
from daemon.core.observations import Case, Gravity, KeySeen, LinesTogether, Observations, Sighting, Traffic

LISTEN_EVERY = 1.0
"""Seconds between checks for scopes that have stopped."""
LINES_EVERY = 30.0
"""Seconds between checks for lines that have stopped."""
LOOK_EVERY = 10.0
"""Seconds of event time between calls of `tick` within one partition's observations."""


@dataclass(slots=True)
class IncidentStage:
    """All scopes' memories and the open incidents.

    `changed` names the pieces of the state that changed since it was last cleared, `let_go` counts by kind what the
    bounds dropped, and `sessions` counts those with a clue by what became of them.
    """

    settings: IncidentSettings = field(default_factory=IncidentSettings)
    scopes: dict[str, ScopeMemory] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    pending: list[Clue] = field(default_factory=list)
    waiting: dict[tuple[str, str], Clue] = field(default_factory=dict)
    told: dict[int, int] = field(default_factory=dict)
    clocks: Clocks = field(default_factory=Clocks)
    mutes: Mutes = field(default_factory=Mutes)
    changed: set[tuple[str, ...]] = field(default_factory=set)
    let_go: Counter[str] = field(default_factory=Counter)
    sessions: Counter[str] = field(default_factory=Counter)
    swept: float = 0.0
    listened: float = 0.0
    _memories: ScopeMemories = field(init=False)

    def __post_init__(self) -> None:
        self._memories = ScopeMemories(self.settings, self.scopes, self.changed, self.let_go)

    @property
    def now(self) -> float:
        """Stream time in seconds: that of the partition that is furthest ahead."""
        return self.clocks.now

    def take(self, observations: Observations) -> list[News]:
        """Take in one partition's observations; return the news they make, in order."""
        news: list[News] = []
        self.changed.add(("h",))
        for said in observations.said:
            self.changed |= heed(said, self.scopes, self.incidents.values())
        for order in observations.mutes:
            self.changed.add(("m", order.scope, order.name))
            over = self.mutes.heed(order, self.now)
            surplus = self.mutes.surplus(self.settings.max_mutes)
            self.let_go["mutes"] += len(surplus)
            news += self._catch_up([*([over] if over is not None else []), *surplus])
        for seen in observations.versions:
            self._memories.version_seen(seen, observations.clock)
        if observations.clock is None:
            return news
        clock, source = observations.clock / 1e6, observations.source
        for at, item in in_order(observations, self.settings.near):
            # The partition's stream time is robust; a line beyond it has a time that is not plausible.
            time = min(at, clock)
            self.clocks.advance(source, time)
            if self.pending:
                news += self._due()
            news += self._take_in(item, time, source)
            if len(self.incidents) > self.settings.max_incidents:
                news += self._bound_incidents()
            if self.clocks.now - self.listened >= LOOK_EVERY:
                news += self.tick()
        self.clocks.advance(source, clock)
        news += self.tick()
        return news

    def tick(self) -> list[News]:
        """Return the news that only the passing of time makes: what was waiting, what is over."""
        news = list(self._due()) if self.pending else []
        if self.now - self.listened >= LISTEN_EVERY:
            closely = self.now // LINES_EVERY > self.listened // LINES_EVERY
            self.listened = self.now
            for scope in sorted(self.scopes if closely else self._quiet_scopes()):
                news += self._listen(scope, self.scopes[scope], closely=closely)
        for incident in sorted(self.incidents.values(), key=lambda i: (i.onset, i.id)):
            news += self._end(incident)
        if self.mutes.active:
            news += self._catch_up(self.mutes.ended(self.now))
        if self.now - self.swept >= HOUR:
            self.swept = self.now
            self._memories.forget(self.now)
        return news

    def _quiet_scopes(self) -> list[str]:
        """Return the scopes that may be silent: without an observation for as long as the shortest silence."""
        now, silence = self.now, self.settings.silence
        return [scope for scope, memory in self.scopes.items() if now - memory.latest >= silence]

    def _listen(self, scope: str, memory: ScopeMemory, *, closely: bool) -> Iterator[News]:
        """Check whether a scope, or `closely` one of its lines or keys, has stopped, as far as all its partitions are
        read.
        """
        if memory.silent_since is not None or not memory.sources:
            return
        clock = self.clocks.reached(memory.sources)
        clue = scope_silence(scope, memory, clock, self.clocks.went_on(memory.sources), self.settings)
        if clue is not None:
            memory.silent_since = memory.latest
            self.changed.add(("s", scope))
            yield from self._decide(clue)
        elif closely:
            noted = list(absences(scope, memory, clock, self.settings))
            self.changed |= {(piece, scope, absence.cause) for absence in noted for piece in absence.pieces}
            silent = [absence.clue for absence in noted if absence.clue is not None]
            yield from at_once([news for clue in silent for news in self._decide(clue)], self.incidents)

    def _end(self, incident: Incident) -> Iterator[News]:
        """Resolve an incident that is over, and forget it when it can no longer be reopened."""
        now, settings = self.now, self.settings
        away = any(is_away(symptom, self.scopes, now) for symptom in incident.symptoms)
        if away and now - incident.last >= MINUTE:
            incident.last = now
            self.changed.add(("i", incident.id))
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

    def _take_in(self, item: Item, time: float, source: str) -> Iterable[News]:
        """Take in what was observed: a closed session, or what arrives."""
        if isinstance(item, Case):
            return self._join(item)
        return self._lack(item) if isinstance(item, LinesTogether) else self._hear(item, time, source)

    def _lack(self, session: LinesTogether) -> Iterable[News]:
        """Decide on the lines that are missing from most sessions like this one."""
        self._memories.of(session.scope)
        self.changed.add(("s", session.scope))
        clues = self._memories.lines_together(session)
        return at_once([news for clue in clues for news in self._decide(clue)], self.incidents) if clues else ()

    def _hear(self, item: Traffic | Sighting | KeySeen, time: float, source: str) -> Iterable[News]:
        memory, half = self._memories.of(item.scope), self.settings.window / 2
        memory.touch(time, source, half, self.clocks.went_on([source]))
        self.changed.add(("s", item.scope))
        if isinstance(item, Traffic):
            memory.count_sessions(time, item.sessions, half)
        elif isinstance(item, KeySeen):
            self._memories.key_seen(item)
        else:
            return self._sight(item, source)
        return ()

    def _sight(self, sighting: Sighting, source: str) -> Iterator[News]:
        memory = self._memories.of(sighting.scope)
        clues = ClueFinder(self.settings).find(memory, sighting, source)
        cause = memory.parents.get(sighting.cause, sighting.cause)
        self._memories.seen(sighting.scope, cause, sighting.time / 1e6)
        witnessed = self.waiting.pop((sighting.scope, cause), None)
        self._memories.trim(sighting.scope)
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

    def _join(self, case: Case) -> Iterator[News]:
        memory = self._memories.of(case.scope)
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
        together, self.pending = due_together(self.pending, self.now, self.settings.near)
        if not together:
            return
        ready, waiting = weigh(together, self.scopes, self.incidents.values(), self.settings)
        too_late = self.now - 2 * self.settings.outbreak
        self.waiting, over = still_waiting(self.waiting, waiting, too_late, self.settings.max_waiting)
        self.let_go["clues"] += over
        yield from at_once([news for clue in ready for news in self._decide(clue)], self.incidents)

    def _decide(self, clue: Clue) -> Iterator[News]:
        home = home_of_clue(clue, self.incidents.values(), self.settings)
        if home is not None:
            yield from self._grow(home, clue)
        elif clue.passes:
            incident, mutes = open_incident(clue, self.now), self._muting(clue.scope, clue.cause)
            if mutes:
                self.changed |= hide(incident, mutes, self.incidents)
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
            if again:
                home.renew(clue)
            home.add(clue)
            if home.muted:  # a cause that is not muted becomes the headline
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
        memory, time = self._memories.of(clue.scope), max(self.now, clue.time)
        return afford(memory, self.told, self.settings, clue.gravity, time)

    def _muting(self, scope: str, cause: str) -> list[ActiveMute]:
        return self.mutes.on(self.scopes.get(scope), scope, cause)

    def _join_muted(self, home: Incident, clue: Clue, again: Sequence[ActiveMute]) -> None:
        """Add a muted clue to an incident without a message; `again` are the mutes that hide that it comes back."""
        self.changed.add(("i", home.id))
        home.add(clue)
        if again:
            if not home.muted:
                self.changed |= hide(home, again, self.incidents)
            home.resolved_at = None

    def _catch_up(self, over: Sequence[ActiveMute]) -> Iterator[News]:
        """Tell what happened under mutes that have ended."""
        self.changed |= {("m", mute.scope, mute.name) for mute in over}
        for mute in over:
            for incident in self.mutes.uncovered(mute, self.scopes, self.incidents.values()):
                incident.muted = False
                self.changed |= {("i", incident.id), ("s", mute.scope)}
                if incident.resolved_at is not None:
                    yield replace(self._say("resolved", incident), muted=mute.sentence)
                elif afford(self._memories.of(mute.scope), self.told, self.settings, incident.gravity, self.now):
                    incident.held = False
                    yield replace(self._say("opened", incident), muted=mute.sentence)

    def _say(self, event: Event, incident: Incident) -> News:
        self.changed.add(("i", incident.id))
        incident.messages += 1
        incident.told_at = self.now
        memory = self.scopes.get(incident.symptoms[incident.headline].scope)
        held_back = memory.held_back if memory is not None else 0
        incident.release = release_of(incident, memory, self.settings)
        return News(event, incident.as_it_stands(), incident.messages, self.now, held_back)

    def end_of_teaching(self) -> None:
        """Forget what is open and what was told: what was taught is confirmed normal."""
        self.incidents, self.told = {}, {}
        self.pending, self.waiting = [], {}
        for memory in self.scopes.values():
            memory.told, memory.held_back = {}, 0

    def _bound_incidents(self) -> Iterator[News]:
        """Drop incidents that are too many; those that were told and are open are resolved, with a message."""
        for incident in incidents_over(self.incidents, self.settings.max_incidents):
            self.let_go["incidents"] += 1
            self.changed.add(("i", incident.id))
            if not incident.held and incident.resolved_at is None:
                incident.resolved_at = self.now
                yield self._say("resolved", incident)
            del self.incidents[incident.id]
