"""Which incidents come and go between two replays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from daemon.core.incidents import IncidentReplay, IncidentSettings, ReplayedIncident

NEAR_S = IncidentSettings().near
"""What begins so close together in one service is one incident, as in the incidents stage."""


@dataclass(frozen=True, slots=True)
class ReplayChange:
    """One incident in two replays: None where a replay does not tell it."""

    before: ReplayedIncident | None
    after: ReplayedIncident | None

    @property
    def word(self) -> str:
        """What becomes of it: stays, goes or comes."""
        if self.before is None:
            return "comes"
        return "goes" if self.after is None else "stays"

    @property
    def shown(self) -> ReplayedIncident:
        """The incident as it is, or, where it only comes, as it would be."""
        shown = self.before or self.after
        assert shown is not None, "one of the replays tells it"
        return shown


def changes(before: Mapping[str, ReplayedIncident], after: Mapping[str, ReplayedIncident]) -> list[ReplayChange]:
    """Return every incident of two replays, the latest first.

    An incident is the same when it has the same id. Otherwise it is the same when a cause of it is told at a time at
    which it was going on, or when something of one of its services is told that begins with it.
    """
    others = _Others(after)
    same = {name: name for name in before if name in after}
    for name, told in before.items():
        if name not in same and (other := others.like(told)) is not None:
            same[name] = other
    continued = set(same.values())
    rows = [ReplayChange(told, after[same[name]] if name in same else None) for name, told in before.items()]
    rows += [ReplayChange(None, told) for name, told in after.items() if name not in continued]
    return sorted(rows, key=lambda row: (-row.shown.news.incident.onset, row.shown.news.incident.id))


class _Others:
    """The incidents of one replay, by the causes and by the services in which they begin."""

    def __init__(self, told: Mapping[str, ReplayedIncident]) -> None:
        self._told = told
        self._by_cause: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._by_service: defaultdict[str, list[str]] = defaultdict(list)
        for name, one in told.items():
            for symptom in one.news.incident.symptoms:
                self._by_cause[symptom.scope, symptom.cause].append(name)
            for service in one.news.incident.services:
                self._by_service[service].append(name)

    def like(self, told: ReplayedIncident) -> str | None:
        """Return the first incident that is the same as one of another replay, None without one."""
        return next(self._like(told), None)

    def _like(self, told: ReplayedIncident) -> Iterator[str]:
        incident = told.news.incident
        for symptom in incident.symptoms:
            for name in self._by_cause[symptom.scope, symptom.cause]:
                other = self._told[name].news.incident
                if other.onset <= incident.last + NEAR_S and other.last >= incident.onset - NEAR_S:
                    yield name
        for service in incident.services:
            for name in self._by_service[service]:
                if abs(self._told[name].news.incident.onset - incident.onset) <= NEAR_S:
                    yield name


@dataclass(frozen=True, slots=True)
class Compared:
    """Two replays of the same observations, or of two recordings, and what changes between them."""

    before: IncidentReplay
    after: IncidentReplay
    changes: Sequence[ReplayChange]

    def count(self, word: str) -> int:
        """Return how many incidents stay, go or come."""
        return sum(change.word == word for change in self.changes)
