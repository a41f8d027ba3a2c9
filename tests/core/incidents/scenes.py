"""Observations for tests: a service that lives, and what happens to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from daemon.core.incidents import IncidentSettings, IncidentStage, News
from daemon.core.observations import Observations, Sighting, Traffic, cause_of

START = 1_760_000_000.0
HOUR = 3600.0
USUAL = "INFO http: request <NUM> was served"
SETTINGS = IncidentSettings(warm_up=100)


def us(seconds: float) -> int:
    return round((START + seconds) * 1e6)


def sighting(at: float, line: str, *, scope: str = "shop", key: str = "k", count: int = 1) -> Sighting:
    cause = cause_of(line)
    return Sighting(scope, cause.id, cause.score, us(at), count, line, line, key, str(round(at * 1000)))


def traffic(begin: float, end: float, *, scope: str = "shop", each: float = 10.0, sessions: int = 10) -> list[Traffic]:
    return [Traffic(scope, us(begin + n * each), sessions) for n in range(int((end - begin) / each))]


def usual(traffic: Sequence[Traffic], line: str = USUAL) -> list[Sighting]:
    """Return what is seen of a line that every session has: once a minute."""
    firsts = {(t.scope, t.time // 60_000_000): t for t in reversed(traffic)}
    return [sighting(t.time / 1e6 - START, line, scope=t.scope) for t in firsts.values()]


def observed(
    traffic: Sequence[Traffic] = (), sightings: Sequence[Sighting] = (), *, source: str = "logs/0", lines: bool = True
) -> Observations:
    """Return the observations of traffic, with its usual `lines`, and of what else is seen."""
    sightings = [*(usual(traffic) if lines else ()), *sightings]
    times = [t.time for t in traffic] + [s.time for s in sightings]
    return Observations(source, max(times, default=None), traffic, sightings)


def living(
    hours: float = 4.0, settings: IncidentSettings = SETTINGS, scopes: Iterable[str] = ("shop",)
) -> IncidentStage:
    """Return a stage that knows services which have lived quietly for some hours."""
    stage = IncidentStage(settings)
    for scope in scopes:
        stage.take(observed(traffic(0, hours * HOUR, scope=scope)))
    return stage


def events(news: Iterable[News]) -> list[tuple[str, str]]:
    """Return what was said: the event and the headline's text."""
    return [(one.event, one.incident.symptoms[one.incident.headline].text) for one in news]


def wider(settings: IncidentSettings, **changes: object) -> IncidentSettings:
    return replace(settings, **changes)  # type: ignore[arg-type]  # names are checked by replace
