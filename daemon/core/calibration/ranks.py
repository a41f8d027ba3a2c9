"""The score's arithmetic, free of state: values of components in, ranks and a p-value out.

Components measure in units that cannot be compared. So each value is turned into its upper mid-rank
among recent values, and the ranks' logarithms are summed (Fisher, 1932). The components depend on one another, so the
sum is never compared with a chi-square: it is ranked once more.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TIE = 1e-6
SMALLEST_TAIL = 10


def distance_to_measure(distances: Floats, weights: Floats, mass: float) -> float:
    """Return the mean distance to the nearest `mass` of weighted points; `distances` ascend.

    `distances` and `weights` have equal length. When the weights sum to less than `mass`, all of them count; with a
    `mass` of 0 the nearest point alone does. Chazal, Cohen-Steiner and Merigot, 2011.
    """
    if mass <= 0:
        return float(distances[0])
    before = weights.cumsum() - weights
    taken = np.minimum(np.maximum(mass - before, 0.0), weights)
    total = float(taken.sum())
    return float(taken @ distances) / total if total > 0 else float(distances[0])


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
    values: NDArray[np.float32], recent: NDArray[np.float32], counts: Floats, weights: Floats, shrink: float = 20.0
) -> tuple[list[float], list[float]]:
    """Return the upper mid-ranks, in (0, 1), of `values` (k,) among `recent` (k, n): among similar ones, and among all.

    `counts` (n,) is how many recent sessions had these values, and `weights` (n,) how similar each of them is, 0 to 1.
    Where there are few similar sessions, the rank among them is shrunk towards the rank among all, which counts as
    `shrink` similar sessions.
    """
    column = values[:, None]
    above = (recent > column + TIE).astype(np.float64)
    above += recent >= column - TIE
    weighted = counts * weights
    all_, alike = float(counts.sum()) + 1.0, float(weighted.sum()) + 1.0 + shrink
    overall = [(0.5 * one + 0.5) / all_ for one in (above @ counts).tolist()]
    near = zip((above @ weighted).tolist(), overall, strict=True)
    return [(0.5 * one + 0.5 + shrink * rank) / alike for one, rank in near], overall


def tail_probability(score: float, recent: NDArray[np.float32], counts: Floats) -> float:
    """Return the smoothed share of recent sessions with scores at least as high as `score`.

    `counts` (n,) is how many recent sessions had each of the scores `recent` (n,), possibly 0. Above the highest, the
    tail is continued as an exponential with the mean excess of the highest hundredth, so that budgets finer than one in
    as many sessions still separate scores (peaks over threshold; Siffer et al., 2017).
    """
    n = float(counts.sum())
    at_least = float(counts @ (recent >= score - TIE))
    p = (1.0 + at_least) / (1.0 + n)
    if at_least or n < SMALLEST_TAIL * 10:
        return p
    size = max(SMALLEST_TAIL, int(n) // 100)
    order = np.argsort(-recent, kind="stable")
    highest, sessions = recent[order], counts[order]
    taken = np.clip(size - (np.cumsum(sessions) - sessions), 0.0, sessions)
    threshold, most = highest[taken > 0][[-1, 0]].tolist()
    excess = float(taken @ highest) / size - threshold
    return p * math.exp(-(score - most) / excess) if excess > 0 else p
