"""The ceilings: how many incidents were told lately, and whether there is room for one more."""

from __future__ import annotations

from daemon.core.incidents.memory import ScopeMemory
from daemon.core.incidents.settings import DAY, HOUR, IncidentSettings
from daemon.core.observations import Gravity

HOURS = 25
"""Hourly bins that a day's ceiling looks at: 24 would leave up to an hour out."""


def afford(
    memory: ScopeMemory, told: dict[int, int], settings: IncidentSettings, gravity: Gravity, time: float
) -> bool:
    """Return whether the ceilings leave room for one more told incident of this gravity, and count it.

    `told` counts by hour what was told of all scopes. An incident without room is counted in its scope.
    """
    hour, part, span = int(time // HOUR), settings.parts[gravity], memory.span(settings.window)
    a_day = settings.ceiling.a_day(memory.sessions, span)
    if settings.ceiling.share is not None:
        a_day *= min(1.0, span / DAY)
    for bins, most in ((memory.told, a_day), (told, settings.total)):
        for old in [h for h in bins if h <= hour - HOURS]:
            del bins[old]
        if most is not None and sum(bins.values()) + 1 > max(1.0, part * most):
            memory.held_back += 1
            return False
    memory.told[hour] = memory.told.get(hour, 0) + 1
    told[hour] = told.get(hour, 0) + 1
    return True


def told_since(memory: ScopeMemory, now: float) -> int:
    """Return how many incidents of a scope were told in the day before `now`."""
    since = int(now // HOUR) - HOURS
    return sum(count for hour, count in memory.told.items() if hour > since)
