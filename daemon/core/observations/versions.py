"""Which versions of services one partition reports: each once an hour of event time, and few of them.

Where a field states something else than a version, such as a request, there are many. Then only the first of an hour
are reported, so that what is written does not grow with the traffic.
"""

from __future__ import annotations

import polars as pl

from daemon.core.observations.record import VersionSeen
from daemon.core.positions import position_of
from daemon.core.types import HOUR_US

MOST = 16
"""Most versions of a scope that are reported in an hour."""
LENGTH = 80
"""Most characters of a version that is reported."""
SCOPES = 1_024
"""Most scopes and hours of which is remembered what was reported; then all are forgotten, and reported again."""


class Versions:
    """What is reported of one partition. A restart may report a version again, which changes nothing."""

    def __init__(self) -> None:
        self._reported: dict[tuple[str, int], set[str]] = {}
        self._seen: list[VersionSeen] = []

    def see(self, table: pl.DataFrame, observed_below: int = 0) -> None:
        """Take in versions, as a format finds them; those below the offset `observed_below` were reported before."""
        for scope, version, time, position in table.select("scope", "version", "time", "position").iter_rows():
            self._see(VersionSeen(scope, version[:LENGTH], time), report=position >= position_of(observed_below))

    def take(self) -> list[VersionSeen]:
        """Return what is to be reported since the last call, in order of time."""
        seen, self._seen = self._seen, []
        return sorted(seen, key=lambda s: (s.time, s.scope, s.version))

    def _see(self, seen: VersionSeen, *, report: bool) -> None:
        place = (seen.scope, seen.time // HOUR_US)
        if place not in self._reported and len(self._reported) >= SCOPES:
            self._reported.clear()
        reported = self._reported.setdefault(place, set())
        if seen.version in reported or len(reported) >= MOST:
            return
        reported.add(seen.version)
        if report:
            self._seen.append(seen)
