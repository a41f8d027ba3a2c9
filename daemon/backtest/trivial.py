"""Simple scores beside ours on the same sessions: they show what ours adds.

Each is scored prequentially, as ours is: a session is compared with what came before it (the last `WINDOW` sessions of
its scope), then joins it. Larger is stranger. A bare score gets its p-value by its rank among its scope's last scores.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from math import log
from typing import Protocol, TypeVar

from daemon.backtest.evaluation import Ranks
from daemon.core.types import Pattern

WINDOW = 5000
SETTLED = 500  # sessions that a window needs before its scores are ranked
T = TypeVar("T", bound=Hashable)
NAMES = ("count bag", "line set", "rarest line", "most repeats", "level", "length")

_LEVELS: Mapping[str, int] = {
    **dict.fromkeys(("FATAL", "CRITICAL", "CRIT", "EMERG", "EMERGENCY", "ALERT", "PANIC"), 4),
    **dict.fromkeys(("ERROR", "ERR", "SEVERE"), 3),
    **dict.fromkeys(("WARNING", "WARN"), 2),
    **dict.fromkeys(("NOTICE", "INFO", "LOG"), 1),
}
_LEVEL = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(_LEVELS)})(?![A-Za-z])")
_HEAD = re.compile(r"\W*([A-Za-z]+)")


def level(line: str) -> int:
    """Return the level a masked line states, 0 (none) to 4: its first word in any case, or a word in capitals."""
    head = _HEAD.match(line)
    levels = [_LEVELS.get(head[1].upper(), 0)] if head else [0]
    return max(levels + [_LEVELS[word] for word in _LEVEL.findall(line)])


class RecentPatterns:
    """The last `WINDOW` sessions of one scope, as counts of patterns, line sets and lines."""

    def __init__(self) -> None:
        self._order: deque[Pattern] = deque()
        self._bags: Counter[str] = Counter()
        self._sets: Counter[frozenset[str]] = Counter()
        self._lines: Counter[str] = Counter()
        self._known: dict[str, Pattern] = {}

    def __len__(self) -> int:
        return len(self._order)

    def scores(self, pattern: Pattern) -> tuple[float, ...]:
        """Return a score for each of `NAMES`."""
        lines = [line for line, _ in pattern.lines]
        return (
            self._rarity(self._bags[pattern.id]),
            self._rarity(self._sets[frozenset(lines)]),
            self._rarity(min((self._lines[line] for line in lines), default=0)),
            float(max((count for _, count in pattern.lines), default=0)),
            float(max(map(level, lines), default=0)),
            float(sum(count for _, count in pattern.lines)),
        )

    def add(self, pattern: Pattern) -> None:
        """Add a session, and drop the oldest when the window is full."""
        pattern = self._known.setdefault(pattern.id, pattern)  # equal sessions share their lines
        self._order.append(pattern)
        self._count(pattern, 1)
        if len(self._order) > WINDOW:
            self._count(self._order.popleft(), -1)

    def _rarity(self, count: int) -> float:
        """Return the surprise, in nats, of what `count` sessions of the window have."""
        return -log((count + 0.5) / (len(self._order) + 1))

    def _count(self, pattern: Pattern, change: int) -> None:
        names = [line for line, _ in pattern.lines]
        _change(self._bags, [pattern.id], change)
        _change(self._sets, [frozenset(names)], change)
        _change(self._lines, names, change)
        if pattern.id not in self._bags:
            del self._known[pattern.id]


def _change(counter: Counter[T], keys: Sequence[T], change: int) -> None:
    for key in keys:
        counter[key] += change
        if not counter[key]:
            del counter[key]


class Scorer(Protocol):
    """Scores sessions of one scope against those added before."""

    def __len__(self) -> int:
        """Return how many sessions it holds."""
        ...

    def scores(self, pattern: Pattern) -> tuple[float, ...]:
        """Return a session's scores."""
        ...

    def add(self, pattern: Pattern) -> None:
        """Add a session."""
        ...


class Beside:
    """Scores kept beside ours, with a scorer for each scope; a score's rank gives its p-value."""

    def __init__(self, names: Sequence[str], make: Callable[[], Scorer]) -> None:
        self.names = tuple(names)
        """What the scores are called, in the scorer's order."""
        self._make = make
        self._scorers: dict[str, Scorer] = {}
        self._ranks: dict[str, list[Ranks]] = {}

    def judge(self, pattern: Pattern, *, live: bool, learn: bool) -> tuple[tuple[float, float], ...]:
        """Return (score, p-value) for each of `names`, then learn; nothing is returned unless `live`."""
        if pattern.scope not in self._scorers:
            self._scorers[pattern.scope] = self._make()
            self._ranks[pattern.scope] = [Ranks() for _ in self.names]
        scorer, ranks = self._scorers[pattern.scope], self._ranks[pattern.scope]
        judged: tuple[tuple[float, float], ...] = ()
        if live or len(scorer) >= SETTLED:
            scored = zip(scorer.scores(pattern), ranks, strict=True)
            judged = tuple((score, rank.p_value(score)) for score, rank in scored)
        if learn:
            scorer.add(pattern)
        return judged if live else ()


def trivial() -> Beside:
    """Return the trivial scores."""
    return Beside(NAMES, RecentPatterns)
