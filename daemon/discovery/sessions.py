"""How good the sessions of a key are, measured on a sample.

Sessions are cut as the daemon cuts them, by key and gap, and a session's pattern is the set of its masked lines. Good
sessions are

* *told*: their lines are of more than one kind, and few stand alone;
* *recurring*: other sessions have the same lines, more often than with keys assigned at random;
* *short*: a line's session has at most a few tens of lines;
* *many*, and nearly every line has a key.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHORT = 60
MANY = 25
SECOND = 1_000_000
GAPS = tuple(seconds * SECOND for seconds in (30, 5, 300, 3_600))
"""Gaps to measure; the first is taken where none is clearly better."""
WINDOW_GAPS = (SECOND, *GAPS)
CLEARLY = 1.03
LEAST_TOLD = 0.05
"""Used for a smaller `told`: sessions of one kind of line, as an access log's, still differ in length."""
LONGEST = 4
"""A session is cut after this many gaps."""
_SEED = 7


@dataclass(frozen=True, slots=True)
class Sample:
    """Lines in reading order: times in microseconds, the number of each line's masked form, and of its scope."""

    times: NDArray[np.int64]
    events: NDArray[np.int64]
    scopes: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SessionMeasure:
    """What a key's sessions are like. Shares are of lines, from 0 to 1; `size` is that of the median line's session."""

    score: float
    gap_us: int
    sessions: int
    covered: float
    alone: float
    told: float
    recurring: float
    by_chance: float
    size: float
    scopes: tuple[int, ...] = ()
    """Sessions of each scope."""

    def words(self) -> str:
        """Return the measure as a line for people."""
        return (
            f"{self.sessions:,} sessions of about {self.size:.0f} lines, {self.recurring:.0%} of lines in sessions "
            f"that recur ({self.by_chance:.0%} by chance), {self.alone:.0%} alone"
        )


def measure(sample: Sample, keys: NDArray[np.int64], trust: float) -> SessionMeasure:
    """Return the measure at the gap that suits the key best. `keys` is -1 where a line has none."""
    measures = [_at(sample, keys, trust, gap) for gap in (GAPS if (keys >= 0).any() else WINDOW_GAPS)]
    best = max(one.score for one in measures)
    return next(one for one in measures if one.score * CLEARLY >= best)


def _at(sample: Sample, keys: NDArray[np.int64], trust: float, gap: int) -> SessionMeasure:
    covered = float((keys >= 0).mean()) if (keys >= 0).any() else 1.0
    order, starts = cut(sample, keys, gap)
    sizes = np.diff([*starts, len(order)])
    own = np.repeat(sizes, sizes)
    told, recurring = _patterns(sample.events[order], sizes)
    dealt = np.random.default_rng(_SEED).permutation(sample.events[order])
    _, by_chance = _patterns(dealt, sizes)
    alone = float((own == 1).mean())
    size = float(np.median(own))
    short = min(1.0, SHORT / size)
    many = min(1.0, len(sizes) / MANY)
    lift = max(0.0, recurring - by_chance)
    score = (
        trust
        * covered
        * (1 - alone)
        * short
        * many
        * max(told, LEAST_TOLD) ** 0.5
        * (0.2 + 0.5 * recurring + 0.3 * lift)
    )
    scopes = tuple(np.bincount(sample.scopes[order][starts]).tolist())
    return SessionMeasure(score, gap, len(sizes), covered, alone, told, recurring, by_chance, size, scopes)


def cut(sample: Sample, keys: NDArray[np.int64], gap: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return lines in the order of their sessions, and where each session begins in it."""
    order = np.lexsort((np.arange(len(keys)), keys, sample.scopes))
    key, scope, time = keys[order], sample.scopes[order], sample.times[order]
    other = (key[1:] != key[:-1]) | (scope[1:] != scope[:-1])
    apart = other | (np.abs(np.diff(time)) > gap)
    runs = np.concatenate(([0], np.flatnonzero(apart) + 1))
    begun = np.repeat(time[runs], np.diff([*runs, len(order)]))
    window = (time - begun) // (LONGEST * gap)
    new = np.concatenate(([True], apart | (np.diff(window) != 0)))
    return order, np.flatnonzero(new)


def _patterns(events: NDArray[np.int64], sizes: NDArray[np.int64]) -> tuple[float, float]:
    """Return the shares of lines in sessions of more than one event, and in sessions whose pattern recurs."""
    session = np.repeat(np.arange(len(sizes)), sizes)
    pairs = np.unique(np.stack([session, events]), axis=1)
    marks = np.random.default_rng(_SEED).integers(1, 1 << 62, events.max() + 1)
    kinds = np.bincount(pairs[0], minlength=len(sizes))
    pattern = np.zeros(len(sizes), np.int64)
    np.add.at(pattern, pairs[0], marks[pairs[1]])  # wraps around, as a hash may
    _, which, count = np.unique(pattern, return_inverse=True, return_counts=True)
    lines = sizes / sizes.sum()
    several = kinds > 1
    return float(lines[several].sum()), float(lines[several & (count[which] > 1)].sum())
