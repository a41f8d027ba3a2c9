"""Which lines whole sessions have together, so that a usual line that is missing from them can be noticed.

Of each scope a few sessions a minute are reported, the first that close, so there are few reports whatever the
traffic. Which sessions these are does not depend on what their lines say, so shares among them are those of all.
"""

from __future__ import annotations

from collections.abc import Iterable

from daemon.core.observations.causes import cause_of
from daemon.core.observations.record import LinesTogether
from daemon.core.types import MINUTE_US, ClosedBy, Pattern, Session

SAMPLE = 60
"""Most sessions of a scope that are reported a minute."""
MOST_LINES = 48
"""Most causes of a session that is reported: where there are more, chance decides which."""
PATTERNS = 4_096
"""Most patterns whose causes are remembered; then all are forgotten."""
SCOPES = 1_024
"""Most scopes whose current minute is remembered; then all are forgotten."""
WHOLE = frozenset((ClosedBy.GAP, ClosedBy.IDLE, ClosedBy.WHOLE))
"""Why a session ended that nothing cut off."""


class WholeSessions:
    """The sample of one partition. A restart forgets how many of this minute were reported."""

    def __init__(self) -> None:
        self._minutes: dict[str, tuple[int, int]] = {}
        self._causes: dict[str, tuple[str, ...]] = {}
        self._closed: list[LinesTogether] = []

    def close(self, closed: Iterable[tuple[Session, Pattern]]) -> None:
        """Take in closed sessions that are accounted for in the next transaction.

        One that is cut off, or has a warning or a failure, is not reported: these speak for themselves.
        """
        for session, pattern in closed:
            scope, minute = session.scope, session.end // MINUTE_US
            latest, count = self._minutes.get(scope, (minute, 0))
            if minute > latest:
                latest, count = minute, 0
            if count >= SAMPLE or session.closed_by not in WHOLE:
                continue
            if not count and len(self._minutes) >= SCOPES:
                self._minutes.clear()
            self._minutes[scope] = latest, count + 1
            if pattern.id not in self._causes:
                self._remember(pattern)
            causes = self._causes[pattern.id]
            if causes:
                self._closed.append(LinesTogether(scope, session.start, session.end, causes))

    def take(self) -> list[LinesTogether]:
        """Return what to report of the sessions since the last call, in their order."""
        closed, self._closed = self._closed, []
        return closed

    def _remember(self, pattern: Pattern) -> None:
        if len(self._causes) >= PATTERNS:
            self._causes.clear()
        self._causes[pattern.id] = _causes_of(pattern)


def _causes_of(pattern: Pattern) -> tuple[str, ...]:
    """Return the causes of a pattern's lines, sorted; none where one is bad or there are too many."""
    causes = {cause_of(line) for line, _ in pattern.lines}
    if len(causes) > MOST_LINES or any(cause.score > 0 for cause in causes):
        return ()
    return tuple(sorted({cause.id for cause in causes}))
