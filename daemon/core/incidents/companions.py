"""Which usual lines come together in sessions, so that one can be noticed that is missing from most of them.

Every usual line is an *anchor*: sessions that have it are sessions like each other. Its *companions* are the lines that
nearly all of them have. Sessions with an anchor are counted in blocks of BLOCK, and the most misses of a block in the
window are the measure of what is usual, as peaks are for bursts.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from daemon.core.incidents.halves import aged

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
    here: int = 0
    before: int = 0
    first_miss: float | None = None
    last_miss: float = 0.0
    missing: bool = False

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
class Anchor:
    """A usual line. This block has `sessions`, and `counts` of them have each line.

    `blocks` are those that have ended, and `beside` is the share of their sessions that had each line.
    """

    sessions: int = 0
    blocks: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    beside: dict[str, float] = field(default_factory=dict)
    companions: dict[str, Companion] = field(default_factory=dict)

    def count(self, causes: AbstractSet[str], start: float, end: float) -> list[str]:
        """Count a session that has the anchor, and its `causes`; return the companions that it lacks."""
        self.sessions += 1
        for cause in causes:
            self.counts[cause] = self.counts.get(cause, 0) + 1
        lacking = [cause for cause in self.companions if cause not in causes]
        for cause in lacking:
            self.companions[cause].miss(start, end)
        return lacking

    def end_block(self, name: str, end: float, half: int) -> None:
        """Begin another block when this one is full; `name` is the anchor's own cause."""
        if self.sessions < BLOCK:
            return
        for cause, companion in list(self.companions.items()):
            companion.end_block(self.sessions, half)
            gone_for = end - companion.first_miss if companion.first_miss is not None else 0.0
            if gone_for > GIVEN_UP if companion.missing else companion.share < LEFT:
                del self.companions[cause]
        self.blocks += 1
        weight = 1.0 / min(self.blocks, MEMORY)
        shares = {cause: count / self.sessions for cause, count in self.counts.items()}
        for cause in dict.fromkeys((*self.beside, *shares)):
            was = self.beside.get(cause, 0.0)
            self.beside[cause] = was + weight * (shares.get(cause, 0.0) - was)
        most = sorted(self.beside, key=lambda cause: (-self.beside[cause], cause))[:MOST_BESIDE]
        self.beside = {cause: self.beside[cause] for cause in most if self.beside[cause] >= LEAST_BESIDE}
        for cause, share in sorted(shares.items(), key=lambda pair: (-pair[1], pair[0])):
            followed = cause == name or cause in self.companions
            if share >= COMPANION and not followed and len(self.companions) < MOST_COMPANIONS:
                misses = self.sessions - self.counts[cause]
                self.companions[cause] = Companion(end, self.sessions, misses, half)
        self.sessions, self.counts = 0, {}

    def in_its_place(self, misses: int) -> bool:
        """Return whether another line comes in at least half of the sessions that lack a companion `misses` times."""
        return any(
            count - self.beside.get(cause, 0.0) * self.sessions >= misses / 2
            for cause, count in self.counts.items()
            if cause not in self.companions
        )


def attend_session(
    anchors: dict[str, Anchor], causes: AbstractSet[str], start: float, end: float, half: int
) -> Iterator[tuple[str, list[str]]]:
    """Count a session with each of its causes that is an anchor; yield each anchor with the companions it lacks.

    A block ends after its last session was yielded.
    """
    for cause in sorted(causes & anchors.keys()):
        anchor = anchors[cause]
        yield cause, anchor.count(causes, start, end)
        anchor.end_block(cause, end, half)
