"""Settings of the incidents stage, and the operator's ceiling."""

from __future__ import annotations

from dataclasses import dataclass, field

from daemon.core.observations import FOLLOWED, Gravity

HOUR = 3600.0
DAY = 86_400.0
WIDEST = 20.0
"""Incidents a day and scope beyond which a wider ceiling does not lower the bar: room is not a reason to tell more."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most incidents that may be told in any 24 hours: a number `per_day`, or a `share` of a day's sessions."""

    per_day: float | None = 20.0
    share: float | None = None

    def __post_init__(self) -> None:
        if (self.share is None) == (self.per_day is None):
            raise ValueError("a ceiling is a share of sessions or a number a day")

    def a_day(self, sessions: int, span: float) -> float:
        """Return the incidents that may be told a day in a scope with `sessions` in `span` seconds."""
        if self.per_day is not None:
            return self.per_day
        assert self.share is not None
        return self.share * sessions / max(span, 1.0) * DAY


@dataclass(frozen=True, slots=True)
class IncidentSettings:
    """Times in seconds of event time. Tuples are by gravity: harmless, warning, failure.

    Of a scope is told from `warm_up` sessions on, or from a `few` once it has been known for as long as `known_for`.
    `parts`: share of the ceiling that new causes of a gravity may use, and `burst_parts` bursts. `floors`: what comes
    back sooner is routine, whatever the ceiling. `doubt`: standard errors by which a gravity must be shown to be
    routine before it is muted. `settle`: after it, the first causes of an incident are chronic. `near`: symptoms that
    begin so close to each other are of one incident. `block`: odd things so close to each other count once in a rate.
    `release`: new harmless causes at one moment that are news together. `witnesses`: sightings that a new warning
    needs. `silence`: shortest silence of a scope that counts, `silence_ratio` times its longest gap before, in which
    `silence_sessions` would have come at its pace. `regular`: minutes that a line must have been seen in before its
    absence can count, when it is as long as `absence` and `absence_ratio` times its longest one before. A line is
    missing when `misses` sessions lack it that are like `like_sessions` before, of which the `usual_share` had it.

    The state is bounded by `max_scopes`, in a scope by `max_causes`, `max_usual` lines and `max_keys` keys that are
    followed and `max_rewordings`, and by `max_waiting` clues that wait for a graver symptom, as many that wait for a
    second sighting, `max_incidents`, those included that were not told and those that are over and can be reopened, and
    `max_mutes` in force.
    See `bounds` for what is dropped.
    """

    ceiling: Ceiling = field(default_factory=Ceiling)
    total: float | None = None
    warm_up: int = 1000
    known_for: float = DAY
    few: int = 20
    window: float = 7 * DAY
    parts: tuple[float, float, float] = (0.25, 0.5, 1.0)
    burst_parts: tuple[float, float, float] = (0.0, 0.25, 0.5)
    floors: tuple[float, float, float] = (6 * HOUR, HOUR, 600.0)
    doubt: tuple[float, float, float] = (0.0, 2.0, 2.0)
    settle: tuple[float, float, float] = (0.0, HOUR, DAY)
    block: float = 600.0
    outbreak: float = 600.0
    near: float = 10.0
    ratio: float = 2.0
    least: float = 8.0
    returns: int = 2
    release: int = 3
    silence: float = 60.0
    silence_ratio: float = 2.0
    silence_sessions: float = 30.0
    regular: int = 60
    absence: float = 300.0
    absence_ratio: float = 3.0
    misses: int = 10
    like_sessions: int = 400
    usual_share: float = 0.95
    witnesses: int = 2
    quiet: float = 900.0
    reopen: float = HOUR
    update_every: float = 300.0
    max_scopes: int = 10_000
    max_causes: int = 20_000
    max_usual: int = 128
    max_keys: int = FOLLOWED
    max_rewordings: int = 1_000
    max_waiting: int = 500
    max_incidents: int = 500
    max_mutes: int = 1_000

    def bar(self, gravity: Gravity, part: float, a_day: float) -> float:
        """Return the least period in seconds at which something of `gravity` may be told."""
        return max(DAY / max(min(a_day, WIDEST) * part, 1e-9), self.floors[gravity])
