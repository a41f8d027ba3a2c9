"""The order in which the stage takes in what one partition observed: by time, as if it had arrived piece by piece.

A batch of a backlog holds minutes or hours. What is decided must not depend on how the lines were cut into batches.
"""

from __future__ import annotations

from daemon.core.observations import Case, KeySeen, LinesTogether, Observations, Sighting, Traffic

Item = Traffic | Sighting | KeySeen | LinesTogether | Case


def in_order(observations: Observations, near: float) -> list[tuple[float, Item]]:
    """Return what was observed with its time in seconds since the epoch, the earliest first.

    At one time sessions that begin come first, then their keys, then lines. A closed session comes `near` seconds
    after its end, when its lines have opened their incidents.
    """
    timed: list[tuple[float, int, Item]] = []
    timed += [(t.time / 1e6, 0, t) for t in observations.traffic]
    timed += [(k.time / 1e6, 1, k) for k in observations.keys]
    timed += [(s.time / 1e6, 2, s) for s in observations.sightings]
    timed += [(t.end / 1e6 + near, 3, t) for t in observations.together]
    timed += [(c.end / 1e6 + near, 4, c) for c in observations.cases]
    return [(time, item) for time, _, item in sorted(timed, key=lambda entry: entry[:2])]
