"""The score's arithmetic, free of state: distances and rarities in, one number out.

Three parts say how strange a session is, each in its own unit: the distance to the mass of recent traffic (*dtm*), how
unlikely its lines and its missing lines are (*ctx*, nats), and how badly it reads (*sev*). Units do not compare, so
each is turned into its upper mid-rank among recent values, and the ranks' logarithms are summed (Fisher, 1932). The
parts depend on one another, so the sum is never compared with a chi-square: it is ranked once more.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TIE = 1e-6
SMALLEST_TAIL = 10
SEVERITY = 3.0
FINEST = 0.005


def distance_to_measure(distances: Floats, weights: Floats, mass: float) -> float:
    """Return the mean distance to the nearest `mass` of weighted points, which need not be sorted.

    `distances` and `weights` have equal length. When the weights sum to less than `mass`, all of them count; with a
    `mass` of 0 the nearest point alone does. Chazal, Cohen-Steiner and Merigot, 2011.
    """
    order = np.argsort(distances, kind="stable")
    near, weight = distances[order], weights[order]
    if mass <= 0:
        return float(near[0])
    before = np.cumsum(weight) - weight
    taken = np.minimum(np.maximum(mass - before, 0.0), weight)
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


def local_ranks(
    values: NDArray[np.float32], recent: NDArray[np.float32], say: NDArray[np.float64], shrink: float = 20.0
) -> tuple[Floats, Floats]:
    """Return the upper mid-ranks, in (0, 1), of `values` (k,) among `recent` (k, n): among kin, and among all.

    `say` (n,) is how much each recent session counts among kin. Where there are few kin, their rank is drawn towards
    the rank among all, which counts as `shrink` kin.
    """
    kin, overall = np.empty(len(values)), np.empty(len(values))
    total = float(say.sum())
    for place, (value, row) in enumerate(zip(values, recent, strict=True)):
        above, reached = row > value + TIE, row >= value - TIE
        count = 0.5 * (np.count_nonzero(above) + np.count_nonzero(reached))
        weight = 0.5 * float(say @ (above.view(np.uint8) + reached.view(np.uint8)))
        overall[place] = (count + 0.5) / (len(row) + 1.0)
        kin[place] = (weight + 0.5 + shrink * overall[place]) / (total + 1.0 + shrink)
    return kin, overall


def combine(kin: Floats, overall: Floats) -> float:
    """Return the score from the parts' ranks: novelty (dtm, ctx) among kin, severity among all; larger is stranger.

    How new a session is says little until it is compared with sessions of its kind, some of which always bring new
    lines; how badly it reads is absolute. FINEST is added to ranks of novelty: which of the newest is newer is chance.
    """
    return float(-np.log(kin[0] + FINEST) - np.log(kin[1] + FINEST)) + severity_nats(float(overall[2]))


def severity_nats(rank: float) -> float:
    """Return what the rank of severity gives to the score.

    People mean failures when they say anomalies: a severity that less than half of the sessions reach weighs SEVERITY
    ranks, against two of novelty, which is measured twice. One that half of them reach says little, and weighs one.
    """
    return -math.log(rank) - (SEVERITY - 1.0) * math.log(min(1.0, 2.0 * rank))


def tail_probability(score: float, recent: NDArray[np.float32]) -> float:
    """Return the smoothed share of `recent` scores at least as high as `score`.

    Above the highest, the tail is continued as an exponential with the mean excess of the highest hundredth, so that
    budgets finer than one in ``len(recent)`` still tell scores apart (peaks over threshold; Siffer et al., 2017).
    """
    n = len(recent)
    at_least = int(np.count_nonzero(recent >= score - TIE))
    p = (1 + at_least) / (1 + n)
    if at_least or n < SMALLEST_TAIL * 10:
        return p
    size = max(SMALLEST_TAIL, n // 100)
    highest = np.partition(recent, n - size)[n - size :]
    excess = float(highest.mean() - highest.min())
    return p * float(np.exp(-(score - float(highest.max())) / excess)) if excess > 0 else p
