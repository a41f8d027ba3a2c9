"""The order in which the stage takes in what one partition observed: by time, as if it had arrived piece by piece.

A batch of a backlog holds minutes or hours. What is decided must not depend on how the lines were cut into batches.
"""

from __future__ import annotations

from daemon.core.observations import Case, KeySeen, Observations, Sighting, Traffic


def in_order(observations: Observations, near: float) -> list[tuple[float, Traffic | Sighting | KeySeen | Case]]:
    """Return what was observed with its time in seconds since the epoch, the earliest first.

    At one time sessions that begin come first, then their keys, then lines. A closed session comes `near` seconds
    after its end, when its lines have opened their incidents.
    """
    timed: list[tuple[float, int, Traffic | Sighting | KeySeen | Case]] = []
    timed += [(t.time / 1e6, 0, t) for t in observations.traffic]
    timed += [(k.time / 1e6, 1, k) for k in observations.keys]
    timed += [(s.time / 1e6, 2, s) for s in observations.sightings]
    timed += [(c.end / 1e6 + near, 3, c) for c in observations.cases]
    return [(time, item) for time, _, item in sorted(timed, key=lambda entry: entry[:2])]
