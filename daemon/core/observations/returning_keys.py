"""Keys that come again and again, such as hosts, partitions and workers, so that the absence of one can be noticed.

A key returns when a session of it begins that is not its first one lately. In a scope with more such keys than are
followed within an hour, the keys name people or requests: none of them is followed, and that is reported once an hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from daemon.core.text import shorten

FOLLOWED = 256
"""Most keys of a scope that are followed."""
MOST = 16_384
"""Most keys of a partition that are followed."""
LATELY = 8_192
"""Keys of sessions that are remembered, to notice that one returns; at most twice as many are kept."""
SCOPES = 1_024
"""Crowded scopes beyond which those that were crowded over an hour ago are forgotten."""
LENGTH = 200
"""Most characters of a key."""
MINUTE_US = 60_000_000
HOUR_US = 3_600_000_000
CROWDED = ""
"""The key that stands for more keys than are followed."""

_Name = tuple[str, str]
"""A scope and a key."""


class ReturningKeys:
    """The returning keys of one partition. Times in microseconds of event time.

    A restart forgets them. A key is then followed from its second session on, so its absence seems twice as long at
    most.
    """

    def __init__(self) -> None:
        self._lately: dict[_Name, int] = {}
        self._before: dict[_Name, int] = {}
        self._followed: dict[_Name, int] = {}
        self._counts: Counter[str] = Counter()
        self._crowded: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._followed)

    def begin(self, sessions: Iterable[tuple[str, str, int]]) -> Iterator[tuple[str, str, int]]:
        """Take in sessions that begin: scope, key and time; yield what to report of them, in the same form.

        A key is reported once a minute, and at its second session the first one too.
        """
        for scope, whole, time in sessions:
            key = whole if len(whole) <= LENGTH else shorten(whole, LENGTH)
            if not key or (self._crowded and time < self._crowded.get(scope, time - HOUR_US) + HOUR_US):
                continue
            known = self._followed.get((scope, key))
            if known is not None:
                if time // MINUTE_US > known // MINUTE_US:
                    self._followed[scope, key] = time
                    yield scope, key, time
                continue
            first = self._lately.get((scope, key)) or self._before.get((scope, key))
            if first is None:
                if len(self._lately) >= LATELY:
                    self._lately, self._before = {}, self._lately
                self._lately[scope, key] = time
            elif time // MINUTE_US <= first // MINUTE_US:
                self._lately[scope, key] = first
            elif self._has_room(scope, time):
                self._followed[scope, key] = time
                self._counts[scope] += 1
                yield scope, key, first
                yield scope, key, time
            else:
                self._leave(scope, set())
                if len(self._crowded) >= SCOPES:
                    self._crowded = {name: since for name, since in self._crowded.items() if time < since + HOUR_US}
                self._crowded[scope] = time
                yield scope, CROWDED, time

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
