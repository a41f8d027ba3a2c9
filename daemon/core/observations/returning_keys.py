"""Keys that come again and again, such as hosts, partitions and workers, so that the absence of one can be noticed.

A key returns when a session of it begins that is not its first one lately. In a scope with more such keys than are
followed within an hour, the keys name people or requests: none of them is followed, and that is reported once an hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from daemon.core.generation_cache import GenerationCache
from daemon.core.text import shorten
from daemon.core.types import HOUR_US, MINUTE_US

FOLLOWED = 256
"""Most keys of a scope that are followed."""
MOST = 16_384
"""Most keys of a partition that are followed."""
LATELY = 8_192
"""Keys of sessions that are remembered, to notice that one returns; at most twice as many are kept."""
SCOPES = 1_024
"""Crowded scopes that are remembered; at most twice as many are kept."""
LENGTH = 200
"""Most characters of a key."""
LONG_AGO = -(1 << 62)
CROWDED = ""
"""The key that stands for more keys than are followed."""

Name = tuple[str, str]
"""A scope and a key."""
Named = Sequence[tuple[Name, int]]
"""Sessions by name, with their times."""


class ReturningKeys:
    """The returning keys of one partition. Times in microseconds of event time.

    A restart forgets them. A key is then followed from its second session on, so its absence seems twice as long at
    most.
    """

    def __init__(self) -> None:
        self._lately: GenerationCache[Name, int] = GenerationCache(LATELY)
        self._followed: dict[Name, int] = {}
        self._counts: Counter[str] = Counter()
        self._crowded: GenerationCache[str, int] = GenerationCache(SCOPES)

    def __len__(self) -> int:
        return len(self._followed)

    def free_from(self, scopes: Sequence[str]) -> list[int]:
        """Return the time before which `begin` passes over the sessions of each scope, because it is crowded."""
        crowded = [self._crowded.get(scope) for scope in scopes] if len(self._crowded) else [None] * len(scopes)
        return [LONG_AGO if since is None else since + HOUR_US for since in crowded]

    def begin(self, sessions: Named) -> list[tuple[str, str, int]]:
        """Take in sessions that begin; return what to report of them: scope, key and time.

        A key is reported once a minute, and at its second session the first one too. Most keys of a batch are new or
        were reported in this minute; those cost no call.
        """
        reports: list[tuple[str, str, int]] = []
        named = _named(sessions)
        while named:
            named = self._begin(named, reports)
        return reports

    def _begin(self, named: Named, reports: list[tuple[str, str, int]]) -> Named:
        """Take in sessions up to one that makes its scope crowded; return those behind it."""
        crowded = self._crowded_of(named)
        if crowded:
            named = [(name, at) for name, at in named if name[0] not in crowded or at >= crowded[name[0]] + HOUR_US]
        firsts = self._note_firsts(named)
        for place, (name, time) in enumerate(named):
            (scope, key), minute = name, time // MINUTE_US
            if name in self._followed:
                if minute > self._followed[name] // MINUTE_US:
                    self._followed[name] = time
                    reports.append((scope, key, time))
                continue
            if name in firsts and minute <= firsts[name] // MINUTE_US:
                continue
            first = self._lately.get(name)
            if first is None or minute <= first // MINUTE_US:
                continue
            if not self._has_room(scope, time):
                self._leave(scope, set())
                self._crowded.put(scope, time)
                reports.append((scope, CROWDED, time))
                for later in firsts.keys() - {earlier for earlier, _ in named[: place + 1]}:
                    self._lately.discard(later)
                return named[place + 1 :]
            self._followed[name] = time
            self._counts[scope] += 1
            reports += [(scope, key, first), (scope, key, time)]
        return []

    def _crowded_of(self, named: Named) -> dict[str, int]:
        """Return the scopes of sessions that were crowded, and since when."""
        if not len(self._crowded):
            return {}
        scopes = {scope for (scope, _), _ in named}
        return {scope: since for scope in scopes if (since := self._crowded.get(scope)) is not None}

    def _note_firsts(self, named: Named) -> dict[Name, int]:
        """Remember the keys that were not seen lately; return the time of the first session of each."""
        fresh = {name for name in self._lately.missing([name for name, _ in named]) if name not in self._followed}
        firsts = {name: time for name, time in reversed(named) if name in fresh}
        self._lately.put_all(firsts)
        return firsts

    def _has_room(self, scope: str, time: int) -> bool:
        """Return whether one more key of a scope can be followed; those that were away for an hour make room."""
        if self._counts[scope] < FOLLOWED and len(self._followed) < MOST:
            return True
        here = {key: last for (other, key), last in self._followed.items() if other == scope}
        self._leave(scope, {key for key, last in here.items() if time - last < HOUR_US})
        return self._counts[scope] < FOLLOWED and len(self._followed) < MOST

    def _leave(self, scope: str, kept: set[str]) -> None:
        self._followed = {name: last for name, last in self._followed.items() if name[0] != scope or name[1] in kept}
        self._counts[scope] = len(kept)
        self._counts += Counter()  # a scope without keys has no entry


def _named(sessions: Named) -> Named:
    """Return the sessions that have a key; keys are cut to LENGTH."""
    lengths = [len(key) for (_, key), _ in sessions]
    if max(lengths, default=0) > LENGTH:
        sessions = [((scope, shorten(key, LENGTH)), time) for (scope, key), time in sessions]
    return sessions if all(lengths) else [one for one in sessions if one[0][1]]
