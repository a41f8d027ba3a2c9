"""The verdict on a frequent pattern is reused for a while: most sessions repeat an earlier one.

An assessment is a function of the scope's masses and of the ring of recent sessions, and one session changes either
only a little. A verdict is reused as long as what it depends on changes little: the pattern's mass and the scope's
total by a fifth, the ring by less the smaller the p-value is; labels, the set of common lines and the patterns' rows
not at all. A pattern of small mass is always assessed again. So is one whose p-value is small, unless its clue is a
failure, which follows from masses whatever the p-value is: a fault that many sessions show costs little.

Everything here follows from the sequence of sessions, so the same sequence gives the same verdicts.
"""

from __future__ import annotations

from typing import NamedTuple

from daemon.core.baseline import Baseline, more_until
from daemon.core.calibration import ENOUGH, Ring
from daemon.core.generation_cache import GenerationCache
from daemon.core.types import Judgement, SessionClue

FREQUENT = 16.0
"""Sessions of the window that a pattern needs for its verdict to be kept."""
MOVED = 0.2
"""Share by which masses may change."""
RENEWED = 4.0
"""Share of the ring that may be new, as a multiple of the p-value: small ones change more."""
CLEAR = 0.02
"""Least p-value of a cached verdict without a clue: twice that of a strange mixture of lines."""
FAILURE = (SessionClue.FAILURE,)
CACHED = 1024
"""Least number of verdicts that are kept."""


class CachedVerdict(NamedTuple):
    """How a session of a pattern was judged, what the ring noted of it, and what that depended on."""

    judgement: Judgement
    finding: bytes
    row: int
    mass: float
    total: float
    changes: int
    bucket: int
    until: int

    def holds(self, sessions: int, total: float, mass: float, bucket: int) -> bool:
        """Return whether it holds for a session in `bucket`, by the sessions of the ring and the masses before it."""
        return (
            sessions < self.until
            and bucket == self.bucket
            and abs(total - self.total) <= MOVED * self.total
            and abs(mass - self.mass) <= MOVED * self.mass
        )

    def lasts(self, sessions: int, total: float, mass: float) -> tuple[int, int]:
        """Return for how many more sessions of the scope, and of its pattern, it holds that holds now.

        The arguments are those of `holds` now; the masses are whole numbers.
        """
        of_all = min(self.until - sessions - 1, more_until(total, self.total, MOVED))
        return of_all, more_until(mass, self.mass, MOVED)


class VerdictCache:
    """The cached verdicts of one scope and input partition, by pattern."""

    def __init__(self) -> None:
        self._kept = GenerationCache[str, CachedVerdict](CACHED)

    def find(
        self, pattern: str, baseline: Baseline, ring: Ring | None, end: int, *, ahead: int = 0
    ) -> CachedVerdict | None:
        """Return the verdict on `pattern` when it still holds for a session that ended at `end`.

        `ahead` sessions of other patterns come before it that are not learned yet.
        """
        cached = self._kept.get(pattern)
        if cached is None or ring is None:
            return None
        total, mass = baseline.window.total + ahead, baseline.patterns.mass.item(cached.row)
        bucket = end // baseline.window.bucket_us
        if baseline.changes == cached.changes and cached.holds(ring.count + ahead, total, mass, bucket):
            return cached
        self.discard(pattern)
        return None

    def discard(self, pattern: str) -> None:
        """Forget the verdict on `pattern`: it does not hold any more."""
        self._kept.discard(pattern)

    def keep(
        self, pattern: str, baseline: Baseline, ring: Ring | None, end: int, judgement: Judgement, finding: bytes
    ) -> CachedVerdict:
        """Return how a session was judged as a verdict, and keep it if it may serve again."""
        mass = baseline.mass_of(pattern)
        verdict = CachedVerdict(
            judgement=judgement,
            finding=finding,
            row=baseline.defined(pattern),
            mass=mass,
            total=baseline.window.total,
            changes=baseline.changes,
            bucket=end // baseline.window.bucket_us,
            until=_until(ring, mass, judgement),
        )
        if verdict.until:
            self._kept.put(pattern, verdict)
        return verdict


def _until(ring: Ring | None, mass: float, judgement: Judgement) -> int:
    """Return how many sessions the ring has had when the verdict ceases to serve, 0 where it never does.

    It serves for a live session of a frequent pattern, if the least change of its rank changes no clue.
    """
    p_value = judgement.p_value
    if ring is None or len(ring) < ENOUGH or p_value is None or mass < FREQUENT:
        return 0
    if judgement.clues != FAILURE and (judgement.anomalous or p_value < CLEAR):
        return 0
    return ring.count + int(min(1.0, RENEWED * p_value) * len(ring))
