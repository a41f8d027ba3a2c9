"""Lines that come with a usual line in sessions, and how often a session lacks one of them.

Every usual line is an *anchor*: sessions that have it are sessions like each other. Its *companions* are the lines that
nearly all of them have. Sessions with an anchor are counted in blocks of BLOCK, and the most misses of a block in the
window are the measure of what is usual, as peaks are for bursts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import chain

from daemon.core.incidents.halves import aged
from daemon.core.incidents.rates import MINUTE

BLOCK = 20
"""Sessions of a block."""
COMPANION = 0.9
"""Least share of a block's sessions that have a line, for it to become a companion."""
LEFT = 0.5
"""Share of sessions below which it is one no more."""
MOST_COMPANIONS = 24
"""Most companions of an anchor that are followed."""
MOST_BESIDE = 64
"""Most lines whose share of an anchor's sessions is kept."""
LEAST_BESIDE = 0.02
"""Least share that is kept."""
MEMORY = 50
"""Blocks over which that share is an average."""
DIGITS = 4
"""Decimal digits of that share."""
LEARNING = 20
"""Blocks of an anchor that follow each other; once it is well known, a minute has one at most."""
GIVEN_UP = 86_400.0
"""Seconds after which a companion that is missing is no companion any more."""


@dataclass(slots=True)
class Companion:
    """A line that nearly all sessions with an anchor have. Times in seconds since the epoch.

    It is followed `since` then, and `misses` of `sessions` lacked it; both are halved each half of the window. `here`
    are the misses of this block and `before` those of the one before. The most misses of older blocks are of this half
    of the window and of the one before. `first_miss` is when the first session of this run of misses began, None when
    there is none, and `last_miss` when the latest ended. `missing` is True while it is noted as missing.
    """

    since: float
    sessions: int
    misses: int
    half: int
    highest: float = 0.0
    highest_before: float = 0.0
    before: int = 0
    first_miss: float | None = None
    last_miss: float = 0.0
    missing: bool = False
    here: int = 0

    @property
    def share(self) -> float:
        """The share of sessions that have it."""
        return 1.0 - self.misses / max(self.sessions, 1)

    @property
    def usual_misses(self) -> float:
        """The most misses of a block in the window, the latest two left out."""
        return max(self.highest, self.highest_before)

    def miss(self, start: float, end: float) -> None:
        """Note a session without it."""
        self.here += 1
        self.first_miss = start if self.first_miss is None else min(self.first_miss, start)
        self.last_miss = max(self.last_miss, end)

    def dump(self) -> list[float | bool | None]:
        """Return the state without the misses of this block, which its sessions give again."""
        counts = self.since, self.sessions, self.misses, self.half, self.highest, self.highest_before, self.before
        return [*counts, self.first_miss, self.last_miss, self.missing]

    def end_block(self, size: int, half: int) -> None:
        """Count the misses of a block of `size` sessions that ended in `half` of the window."""
        last, before, now = aged(self.highest, self.highest_before, self.half, half)
        if now > self.half:
            self.sessions, self.misses = self.sessions // 2, self.misses // 2
        self.highest, self.highest_before, self.half = max(last, self.before), before, now
        self.sessions, self.misses = self.sessions + size, self.misses + self.here
        if 2 * self.here <= size:
            self.missing, self.first_miss = False, None
        self.before, self.here = self.here, 0


@dataclass(slots=True)
class CountedSession:
    """A session with its causes, which is in the open blocks of `blocks` anchors. Times in seconds since the epoch."""

    start: float
    end: float
    causes: frozenset[str]
    blocks: int = 0


@dataclass(slots=True)
class Anchor:
    """A usual line. `block` holds the sessions of the open block by number, none below `since`.

    `blocks` are those that have ended, `began` is the minute in which the latest of them began, and `beside` is the
    share of their sessions that had each line.
    """

    since: int
    began: int = -1
    blocks: int = 0
    beside: dict[str, float] = field(default_factory=dict)
    companions: dict[str, Companion] = field(default_factory=dict)
    block: dict[int, CountedSession] = field(default_factory=dict)

    def takes(self, number: int, session: CountedSession) -> bool:
        """Return whether a session that has the anchor is counted: which one is does not depend on what it lacks."""
        if number < self.since:
            return False
        return bool(self.block) or self.blocks < LEARNING or int(session.end // MINUTE) > self.began

    def count(self, number: int, session: CountedSession) -> list[str]:
        """Count a session that has the anchor; return the companions that it lacks."""
        self.block[number] = session
        session.blocks += 1
        if self.companions.keys() <= session.causes:
            return []
        lacking = [cause for cause in self.companions if cause not in session.causes]
        for cause in lacking:
            self.companions[cause].miss(session.start, session.end)
        return lacking

    def end_block(self, name: str, end: float, half: int) -> dict[int, CountedSession]:
        """End the open block, and return its sessions; `name` is the anchor's own cause."""
        size = len(self.block)
        for cause, companion in list(self.companions.items()):
            companion.end_block(size, half)
            gone_for = end - companion.first_miss if companion.first_miss is not None else 0.0
            if gone_for > GIVEN_UP if companion.missing else companion.share < LEFT:
                del self.companions[cause]
        counts = self._counts()
        self._average({cause: count / size for cause, count in counts.items()})
        often = {cause: count for cause, count in counts.items() if count >= COMPANION * size and cause != name}
        fresh = sorted(often.keys() - self.companions.keys(), key=lambda cause: (-often[cause], cause))
        for cause in fresh[: MOST_COMPANIONS - len(self.companions)]:
            self.companions[cause] = Companion(end, size, size - often[cause], half)
        ended, self.block = self.block, {}
        self.began, self.since = int(next(iter(ended.values())).end // MINUTE), max(ended) + 1
        return ended

    def in_its_place(self, lacked: Companion) -> bool:
        """Return whether another line comes in at least half of the sessions that lack a companion.

        It may have become a companion itself since the first session lacked the other one.
        """
        since = lacked.first_miss if lacked.first_miss is not None else lacked.last_miss
        older = {cause for cause, companion in self.companions.items() if companion.since < since}
        return any(
            count - self.beside.get(cause, 0.0) * len(self.block) >= lacked.here / 2
            for cause, count in self._counts().items()
            if cause not in older
        )

    def _average(self, shares: dict[str, float]) -> None:
        """Take the shares of a block into those of the blocks before; the largest are kept."""
        self.blocks += 1
        weight = 1.0 / min(self.blocks, MEMORY)
        for cause in dict.fromkeys((*self.beside, *shares)):
            was = self.beside.get(cause, 0.0)
            self.beside[cause] = round(was + weight * (shares.get(cause, 0.0) - was), DIGITS)
        most = sorted(self.beside, key=lambda cause: (-self.beside[cause], cause))[:MOST_BESIDE]
        self.beside = {cause: self.beside[cause] for cause in most if self.beside[cause] >= LEAST_BESIDE}

    def _counts(self) -> Counter[str]:
        """Return how many sessions of the open block have each cause."""
        return Counter(chain.from_iterable([session.causes for session in self.block.values()]))
