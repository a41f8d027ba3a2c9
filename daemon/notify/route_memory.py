"""What one route has told of each incident, and what is news for it.

`take` is given the messages of the alerts topic in their order, also those from before the route's committed offset:
what was told is a function of the topic, so a restart computes it again. A message with a number that is not higher
than the last one of its incident changes nothing. Such messages come when the topic is read again, and when a
partition is behind another one.

The number of incidents is bounded: those without news for the longest time are dropped.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from daemon.notify.announcements import GRAVITY, Announcement, Notification, Stage
from daemon.notify.filters import RouteFilter

MOST_INCIDENTS = 10_000


@dataclass(slots=True)
class ToldIncident:
    """What is known of one incident. `severity` is the one last told, None when nothing was told."""

    number: int
    service: str
    severity: str | None = None
    open: bool = False
    latest: Notification | None = None


class RouteMemory:
    """One route's memory. `console` is the address of a console, for links; it may be empty."""

    def __init__(self, wanted: RouteFilter, console: str = "", most: int = MOST_INCIDENTS) -> None:
        self._wanted = wanted
        self._console = console.rstrip("/")
        self._most = most
        self._incidents: OrderedDict[str, ToldIncident] = OrderedDict()
        self._undo: tuple[str, ToldIncident | None] = ("", None)
        self.let_go = 0
        """How many incidents were ever let go because there were more than `most`."""

    def __len__(self) -> int:
        return len(self._incidents)

    def take(self, said: Announcement, *, ours: bool = True) -> Notification | None:
        """Take a message in; return what is to be told of it, if anything.

        `ours` is False for a message from before the route began: nobody was told of it then.
        """
        known = self._incidents.get(said.incident)
        if known is not None and said.number <= known.number:
            return None
        self._undo = (said.incident, replace(known) if known is not None else None)
        stage = self._stage(said, known)
        if known is None:
            known = self._incidents[said.incident] = ToldIncident(said.number, said.services[0])
            known.open = ours and self._told_before(said, stage)
            known.severity = said.severity if known.open else None
        known.number = said.number
        self._incidents.move_to_end(said.incident)
        while len(self._incidents) > self._most:
            self._incidents.popitem(last=False)
            self.let_go += 1
        if stage is None or not ours:
            return None
        url = f"{self._console}/incidents/{said.incident}" if self._console else ""
        told = Notification(stage, said, known.service, known.severity, url)
        known.severity, known.open = said.severity, stage is not Stage.RESOLVED
        known.latest = told if known.open else None  # it holds the whole message
        return told if self._wanted.resolved or stage is not Stage.RESOLVED else None

    def undo(self) -> None:
        """Take back the last message: it was not delivered, and comes again."""
        incident, before = self._undo
        if before is None:
            self._incidents.pop(incident, None)
        else:
            self._incidents[incident] = before

    def firing(self) -> Iterator[Notification]:
        """Yield what was last told of every incident that is not over."""
        for known in self._incidents.values():
            if known.open and known.latest is not None:
                yield known.latest

    def _stage(self, said: Announcement, known: ToldIncident | None) -> Stage | None:
        if known is None:
            return self._stage_of_unknown(said)
        if said.resolved:
            return Stage.RESOLVED if known.open else None
        if not self._wanted.matches(said):
            return None
        if not known.open:
            return Stage.OPENED if known.severity is None else Stage.REOPENED
        if said.event == Stage.REOPENED:
            return Stage.REOPENED
        return Stage.ESCALATED if GRAVITY[said.severity] > GRAVITY[known.severity or "info"] else None

    def _stage_of_unknown(self, said: Announcement) -> Stage | None:
        """Return the stage of an incident not in memory: all but its first message may follow one that was told."""
        if not self._wanted.matches(said) or (said.number > 1 and said.event == "updated"):
            return None
        if said.resolved:
            return Stage.RESOLVED if said.number > 1 else None
        return Stage(said.event) if said.event in (Stage.REOPENED, Stage.ESCALATED) else Stage.OPENED

    def _told_before(self, said: Announcement, stage: Stage | None) -> bool:
        return stage is None and not said.resolved and self._wanted.matches(said)
