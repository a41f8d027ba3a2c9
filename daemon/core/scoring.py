"""The score's arithmetic, free of state: distances and rarities in, one number out.

Three parts say how strange a session is, each in its own unit: the distance to the mass of recent traffic (*dtm*), how
unlikely its lines and its missing lines are (*ctx*, nats), and how badly it reads (*sev*). Units do not compare, so each
is turned into its upper mid-rank among recent values, and the logarithms of the ranks are summed (Fisher, 1932). The
parts depend on one another, so the sum is never compared with a chi-square: it is ranked once more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TIE = 1e-6


def distance_to_measure(distances: Floats, weights: Floats, mass: float) -> float:
    """Return the mean distance to the nearest `mass` of weighted points, which need not be sorted.

    `distances` and `weights` have equal length. When the weights sum to less than `mass`, all of them count; with a `mass`
    of 0 the nearest point alone does. Chazal, Cohen-Steiner and Merigot, 2011.
    """
    order = np.argsort(distances, kind="stable")
    near, weight = distances[order], weights[order]
    if mass <= 0:
        return float(near[0])
    before = np.cumsum(weight) - weight
    taken = np.clip(mass - before, 0.0, weight)
    total = taken.sum()
    return float(taken @ near / total) if total > 0 else float(near[0])


def presence_nats(having: Floats | float, total: float) -> Floats:
    """Return ``-ln`` of the smoothed share of sessions that have a line: `having` of `total` mass."""
    return np.asarray(-np.log((np.asarray(having, np.float64) + 0.5) / (total + 1.0)))


def absence_nats(having: Floats | float, total: float) -> Floats:
    """Return ``-ln`` of the smoothed share of sessions that lack a line which `having` of `total` mass has."""
    return np.asarray(-np.log(np.maximum(total - np.asarray(having, np.float64) + 0.5, 0.5) / (total + 1.0)))


def conditional_nats(together: Floats, share: Floats, alike: float, prior: float) -> Floats:
    """Return ``-ln`` of the share of a rare line among sessions like this one, shrunk towards its share among all.

    `together`: mass of sessions like this one that have the line; `share`: its smoothed share among all sessions;
    `alike`: mass of sessions like this one; `prior`: the strength of the shrinkage, in mass.
    """
    return np.asarray(-np.log((together + prior * share + 1e-9) / (alike + prior + 1e-9)))


def mid_ranks(values: NDArray[np.float32], recent: NDArray[np.float32]) -> Floats:
    """Return the upper mid-rank, in (0, 1), of each of `values` (k,) among the columns' values of `recent` (n, k)."""
    n = len(recent)
    above = (recent > values + TIE).sum(axis=0)
    tied = (recent >= values - TIE).sum(axis=0) - above
    return np.asarray((above + 0.5 * tied + 0.5) / (n + 1.0))


def p_bounds(score: float, recent: NDArray[np.float32]) -> tuple[float, float]:
    """Return the share of `recent` scores strictly above, and at least as high; both smoothed by the score itself."""
    above = int(np.count_nonzero(recent > score + TIE))
    at_least = int(np.count_nonzero(recent >= score - TIE))
    return (1 + above) / (1 + len(recent)), (1 + at_least) / (1 + len(recent))
