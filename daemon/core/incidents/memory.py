"""What the incidents stage remembers of a scope: its causes over the whole window, and how often odd things happen.

Times are seconds since the epoch. Everything here is a sum, a maximum or a first time, so the order in which partitions
report within a few seconds changes nothing that matters.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from daemon.core.incidents.halves import aged
from daemon.core.incidents.peaks import SCALES, Peak
from daemon.core.incidents.presence import Presence
from daemon.core.incidents.rates import Rate
from daemon.core.incidents.together import Together
from daemon.core.incidents.versions import Version
from daemon.core.observations import Gravity

FIRST_SESSIONS = 10
"""First sessions, whose median begin is where a scope's history begins: one absurd time does not move it."""
KEPT = 1.1
"""Windows for which a cause is remembered after it was seen."""
MOST_REWORDED = 64
"""Times of rewordings that are remembered."""
GAP = 60.0
"""Longest silence, in seconds, that counts as active time of the scope."""


@dataclass(slots=True)
class CauseMemory:
    """One cause. `one_off` is the time at which it counts in the rate of new causes, None once it is vocabulary.

    `active` is the scope's active time when it was seen last, `outbreaks` how often it came back, plus one. `peaks` are
    by scale, for warnings and failures. `example` is a redacted line of it; `saved` is when it was written last.
    """

    first: float
    last: float
    score: float
    one_off: float | None
    active: float = 0.0
    sightings: int = 0
    outbreaks: int = 1
    saved: float = 0.0
    label: str | None = None
    words: tuple[str, ...] = ()
    example: str = ""
    peaks: list[Peak] = field(default_factory=list)

    @property
    def gravity(self) -> Gravity:
        """How bad the cause is."""
        return Gravity.of(self.score)


@dataclass(slots=True)
class ScopeMemory:
    """One scope.

    `told` counts incidents told by hour; `parents` names, by cause, the known cause it rewords. `sources` are the
    partitions that carry it. Its longest gaps are of this half of the window and of the one before; `silent_since` is
    set while a silence is told. `imports` names the histories of another stage that were added to it.
    `presences` are of its usual harmless lines, `together` says which of them come together, and `keys` are its
    returning keys, by cause; `reworded` is when such lines first came in other words. `versions` are what
    its lines state.
    """

    sessions: int = 0
    first_begins: list[float] = field(default_factory=list)
    start: float = 0.0
    active: float = 0.0
    latest: float = 0.0
    traffic: list[Peak] = field(default_factory=lambda: [Peak() for _ in SCALES])
    causes: dict[str, CauseMemory] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    news: Rate = field(default_factory=Rate)
    bursts: Rate = field(default_factory=Rate)
    returns: Rate = field(default_factory=Rate)
    absences: Rate = field(default_factory=Rate)
    departures: Rate = field(default_factory=Rate)
    lacks: Rate = field(default_factory=Rate)
    together: Together = field(default_factory=Together)
    presences: dict[str, Presence] = field(default_factory=dict)
    keys: dict[str, Presence] = field(default_factory=dict)
    reworded: list[float] = field(default_factory=list)
    told: dict[int, int] = field(default_factory=dict)
    held_back: int = 0
    sources: list[str] = field(default_factory=list)
    longest_gap: float = 0.0
    longest_gap_before: float = 0.0
    gap_half: int = 0
    silent_since: float | None = None
    imports: list[str] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    grave: int = 0

    def span(self, window: float) -> float:
        """Return for how many seconds the scope is known, at most the window."""
        return min(max(self.latest - self.start, 1.0), window)

    def touch(self, time: float, source: str, half_window: float, resumed: float = 0.0) -> None:
        """Note an observation of the scope. The time between an imported history and the first line does not count.

        `resumed` is when its partition resumed after a pause of all its lines: that pause is not the scope's.
        """
        heard = bool(self.sources)
        if source not in self.sources:
            self.sources.append(source)
        gap, half = time - self.latest, int(time // half_window)
        if half > self.gap_half:
            last, before, self.gap_half = aged(self.longest_gap, self.longest_gap_before, self.gap_half, half)
            self.longest_gap, self.longest_gap_before = last, before
        if gap <= 0:
            return
        if self.latest:
            if heard:
                self.longest_gap = max(self.longest_gap, min(gap, time - resumed))
            else:
                self.begin_later(gap)
            self.active += min(gap, GAP)
        self.latest, self.silent_since = time, None

    @property
    def usual_gap(self) -> float:
        """The longest gap of the window, in seconds."""
        return max(self.longest_gap, self.longest_gap_before)

    def pace(self) -> float:
        """Return the sessions per second in the latest hour that had any."""
        return self.traffic[-1].count / SCALES[-1]

    def count_sessions(self, time: float, count: int, half_window: float) -> None:
        """Note that sessions began."""
        if len(self.first_begins) < FIRST_SESSIONS:
            self.begin([*self.first_begins, *[time] * min(count, FIRST_SESSIONS - len(self.first_begins))])
        self.sessions += count
        for peak, tau in zip(self.traffic, SCALES, strict=True):
            peak.add(time, tau, half_window, count)

    def begin(self, first_begins: list[float]) -> None:
        """Set when the first sessions began, and with it when the history begins."""
        self.first_begins = first_begins
        if first_begins:
            self.start = sorted(first_begins)[len(first_begins) // 2]

    def begin_later(self, seconds: float) -> None:
        """Begin the history later by a time in which nothing was read: such a time is not part of it."""
        self.begin([begin + seconds for begin in self.first_begins])

    def factor(self, scale: int) -> float:
        """Return how much more traffic there is than at the highest traffic before, at least 1."""
        peak = self.traffic[scale]
        return max(1.0, peak.count / peak.highest) if peak.highest else 1.0

    def note_rewording(self, time: float) -> None:
        """Note that a harmless line came in other words for the first time; the latest are kept."""
        if not self.reworded or time - self.reworded[-1] >= GAP:
            self.reworded = [*self.reworded, time][-MOST_REWORDED:]

    def forget(self, now: float, window: float) -> list[str]:
        """Drop odd things from before the window, and causes that were not seen for KEPT windows; return the causes.

        What comes once a week, a little late at times, stays known.
        """
        for rate in (self.news, self.bursts, self.returns, self.absences, self.departures, self.lacks):
            rate.forget(now - window)
        before = now - KEPT * window
        self.versions = [version for version in self.versions if version.last >= before]
        return self.drop([cause for cause, memory in self.causes.items() if memory.last < before and not memory.label])

    def drop(self, gone: Iterable[str]) -> list[str]:
        """Drop causes; return them."""
        dropped = list(gone)
        if not dropped:
            return dropped
        for cause in dropped:
            self.grave -= self.causes.pop(cause).gravity > 0
            self.presences.pop(cause, None)
            self.together.drop(cause)
        missing = set(dropped)
        self.parents = {child: parent for child, parent in self.parents.items() if parent not in missing}
        return dropped
