"""One scope's state, and the view of it that one session is judged against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from daemon.core.baseline import ABSENT, Baseline, Sketch, sketch
from daemon.core.calibration import LOUD, Recent, Ring, gather
from daemon.core.detection.changelog_codec import IMPORTED
from daemon.core.detection.known_pattern import KnownPattern, KnownPatterns
from daemon.core.detection.verdict_cache import VerdictCache
from daemon.core.types import Pattern, TopicPartition, Vector

RECENT = 1000


class ScopeView(NamedTuple):
    """A session's pattern and embedding, and its scope's state before it. Nothing is changed through a view.

    `known` is what the scope knows of the pattern. `vector` is as the baseline's topic holds it.
    """

    baseline: Baseline
    recent: Recent
    pattern: Pattern
    known: KnownPattern
    vector: Vector
    sketch: Sketch


@dataclass(frozen=True, slots=True)
class ScopeFacts:
    """What is reported of a scope: counts of patterns, lines, labels, and sessions in its window.

    `seen` sessions were ever learned, `latest` is the time of the latest session. Of the last `judged` sessions, at
    most RECENT in each input partition, `with_clue` carried a clue.
    """

    patterns: int
    lines: int
    labels: int
    sessions: int
    seen: int
    latest: int
    judged: int
    with_clue: int
    memory_bytes: int


class Scope:
    """One scope's baseline, and by input partition its recent sessions and its cached verdicts.

    What is cached is not state. `components` are the names of the score's components.
    """

    def __init__(self, baseline: Baseline, components: tuple[str, ...]) -> None:
        self.baseline = baseline
        self.rings: dict[TopicPartition, Ring] = {}
        self.homes: frozenset[int] = frozenset()
        """The partitions of the baseline's topic in which records of it were read, labels aside."""
        self.used = 0
        """The turn of its owner in which it was last asked for."""
        self._components = components
        self._caches: dict[TopicPartition, VerdictCache] = {}
        self._known = KnownPatterns()

    def ring(self, source: TopicPartition) -> Ring:
        """Return the recent sessions of `source`, an empty ring when there are none."""
        ring = self.rings.get(source)
        if ring is None:
            ring = self.rings[source] = Ring(self._components)
        return ring

    def cache(self, source: TopicPartition) -> VerdictCache:
        """Return the cached verdicts of `source`."""
        cache = self._caches.get(source)
        if cache is None:
            cache = self._caches[source] = VerdictCache()
        return cache

    def forget_verdicts(self, source: TopicPartition) -> None:
        """Drop the cached verdicts of `source`."""
        self._caches.pop(source, None)

    def view(self, pattern: Pattern, vector: Vector, source: TopicPartition) -> ScopeView:
        """Return what a session of `pattern` from `source` is judged against; `vector` is its embedding."""
        baseline, known = self.baseline, self._known.of(self.baseline, pattern)
        recent = gather(self._components, self.rings.get(source), self.rings.values())
        if known.row != ABSENT:
            return ScopeView(baseline, recent, pattern, known, baseline.vector(known.row), baseline.sketch(known.row))
        rounded = vector.astype(np.float16).astype(np.float32)
        return ScopeView(baseline, recent, pattern, known, rounded, sketch(rounded))

    def has_seen(self, count: float) -> bool:
        """Return whether at least `count` sessions were ever learned, as far as the rings tell."""
        seen = 0
        for ring in self.rings.values():
            seen += ring.count
            if seen >= count:
                return True
        return seen >= count

    def facts(self) -> ScopeFacts:
        """Return what is reported of the scope."""
        baseline = self.baseline
        # Imported sessions were judged by another daemon, and do not count for this one.
        states = [ring.states(RECENT) for source, ring in self.rings.items() if source != IMPORTED]
        return ScopeFacts(
            patterns=len(baseline),
            lines=baseline.lines.used,
            labels=len(baseline.labels),
            sessions=int(baseline.window.total),
            seen=sum(ring.count for ring in self.rings.values()),
            latest=baseline.window.latest(),
            judged=sum(len(state) for state in states),
            with_clue=sum(int(np.count_nonzero(state == LOUD)) for state in states),
            memory_bytes=baseline.memory() + self._known.memory() + sum(ring.memory() for ring in self.rings.values()),
        )
