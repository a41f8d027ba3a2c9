"""Observations of some traffic with failures in it, as the daemon writes them to their topic."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.core.incidents import IncidentSettings
from daemon.core.observations import Observations, Sighting, Traffic, cause_of, dump_observations
from tests.support.consoles import OBSERVATIONS, FakeTopics

SECOND = 1_000_000
BEGIN = 1_760_000_000 * SECOND
SETTINGS = IncidentSettings(warm_up=20)
LINES = (
    ("payments", "ERROR deadlock detected while waiting for ShareLock on transaction"),
    ("shop", "ERROR no space left on device while storing the photo of a customer"),
    ("shop", "ERROR certificate of the upstream has expired, handshake refused"),
    ("mail", "ERROR relay access denied by the remote server for this domain"),
)


def observed(faults: Sequence[tuple[int, str, str]] = ()) -> list[Observations]:
    """Return 150 minutes of traffic of three services, a record a minute, with failures at (minute, service, line)."""
    made = []
    for minute in range(150):
        time = BEGIN + minute * 60 * SECOND
        sightings = [
            Sighting(scope, cause_of(line).id, 3.0, time + 5 * SECOND, 1, line, line, "host1", f"logs/0:{minute}")
            for at, scope, line in faults
            if at == minute
        ]
        traffic = [Traffic(scope, time, 3) for scope in ("mail", "payments", "shop")]
        made.append(Observations("logs/0", time + 50 * SECOND, traffic, sightings))
    return made


FAULTS = [(35 + 25 * at, scope, line) for at, (scope, line) in enumerate(LINES)]


def recorded(faults: Sequence[tuple[int, str, str]]) -> FakeTopics:
    topics = FakeTopics()
    topics.send(OBSERVATIONS, *(dump_observations(one) for one in observed(faults)))
    return topics
