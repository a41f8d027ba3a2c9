"""Notices scopes whose lines come from several partitions, where a replica has the baselines of its partitions alone.

Such a scope is judged against a part of its history in each of them. Sources of one number are one partition: several
input topics may be keyed alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from daemon.core.observations import Observations


@dataclass(frozen=True, slots=True)
class SplitScope:
    """A scope, and two of the partitions (``logs/3``) that its lines came from."""

    scope: str
    before: str
    now: str


class ScopePartitions:
    """Remembers from which partition each of up to `most` scopes came, the latest ones."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._sources: dict[str, str] = {}
        self._told: dict[str, None] = {}

    def note(self, observations: Observations) -> Iterator[SplitScope]:
        """Yield the scopes of which this is the first sign that they are in several partitions."""
        source = observations.source
        for scope in dict.fromkeys(traffic.scope for traffic in observations.traffic):
            before = self._sources.pop(scope, source)
            self._sources[scope] = source
            if _number(before) != _number(source) and scope not in self._told:
                self._told[scope] = None
                yield SplitScope(scope, before, source)
            for remembered in (self._sources, self._told):
                if len(remembered) > self._most:
                    del remembered[next(iter(remembered))]


def _number(source: str) -> str:
    return source.rpartition("/")[2]
