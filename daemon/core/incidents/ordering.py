"""The order in which the stage takes in what one partition observed: by time, as if it had arrived piece by piece.

A batch of a backlog holds minutes or hours. What is decided must not depend on how the lines were cut into batches.
"""

from __future__ import annotations

from operator import itemgetter

from daemon.core.observations import Case, KeySeen, LinesTogether, Observations, Sighting, Traffic

Item = Traffic | Sighting | KeySeen | LinesTogether | Case


def in_order(observations: Observations, near: float) -> list[tuple[float, Item]]:
    """Return what was observed with its time in seconds since the epoch, the earliest first.

    At one time sessions that begin come first, then their keys, then lines. A closed session comes `near` seconds
    after its end, when its lines have opened their incidents.
    """
    timed: list[tuple[float, Item]] = []
    timed += [(t.time / 1e6, t) for t in observations.traffic]
    timed += [(k.time / 1e6, k) for k in observations.keys]
    timed += [(s.time / 1e6, s) for s in observations.sightings]
    timed += [(t.end / 1e6 + near, t) for t in observations.together]
    timed += [(c.end / 1e6 + near, c) for c in observations.cases]
    return sorted(timed, key=itemgetter(0))  # what is of one time stays in the order above
