"""Judge, then learn: the one owner of every scope's baseline in a process.

A session is scored against what its scope held before it, then counted in it, whatever the verdict. What is learned
is a sum of counters by event time, so replaying it after a crash gives the same baseline. How values travel to the
baseline's topic and back, exactly once, is `store`'s business.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from daemon.core.baseline import TEACH, Baseline, Ids, Label, Lines
from daemon.core.calibration import EARLY, LOUD, QUIET, Budget, Ring, bar, earn, finding, gather, refund
from daemon.core.detection import changelog_codec
from daemon.core.detection.assessment import Assessment, assess, evidence, nearest
from daemon.core.detection.changelog import Scope, Store
from daemon.core.detection.verdict_cache import Habits
from daemon.core.types import Judgement, Pattern, Phase, TopicPartition, Update, Vector

CACHED_VECTORS = 4096
REALISED_OVER = 1000


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """`window_us` microseconds of event time; `mass` a share of the window's sessions; see `Budget` for the budget."""

    warm_up: int = 1000
    window_us: int = 7 * 86_400_000_000
    mass: float = 0.03
    max_patterns: int = 50_000
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True, slots=True)
class ScopeStatistics:
    """What a scope is doing: for metrics, `top` and `baseline inspect`.

    `sessions` are those in the window, `realised` is the share of the last `judged` sessions that were called
    anomalous, `budget` the share that may be.
    """

    scope: str
    phase: Phase
    patterns: int
    lines: int
    sessions: int
    labels: int
    judged: int
    realised: float
    budget: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class PatternStatistics:
    """One pattern of a scope: its share of the window's sessions (0 to 1), times in microseconds, and its label."""

    pattern: str
    weight: float
    first: int
    last: int
    label: Label | None
    lines: Lines


class Detector:
    """Synchronous, owned by one thread. Vectors are float32 of unit length and `dimensions` long."""

    def __init__(self, settings: DetectorSettings, model: str, dimensions: int) -> None:
        self.settings = settings
        self._store = Store(model, dimensions, settings.window_us, settings.mass, settings.max_patterns)
        self._vectors: OrderedDict[str, Vector] = OrderedDict()

    def vector(self, pattern: Pattern) -> Vector | None:
        """Return the embedding of `pattern` when it is known, so that it need not be made again."""
        scope = self._store.scopes.get(pattern.scope)
        entry = scope.baseline.entries.get(pattern.id) if scope is not None else None
        if scope is not None and entry is not None and entry.slot >= 0:
            return scope.baseline.vectors.get(entry.slot)
        cached = self._vectors.get(pattern.id)
        if cached is not None:
            self._vectors.move_to_end(pattern.id)
        return cached

    def judge(
        self,
        pattern: Pattern,
        vector: Vector,
        *,
        end: int,
        source: TopicPartition,
        teach: bool = False,
        learn: bool = True,
    ) -> Judgement:
        """Judge a session of `pattern` from `source` that ended at `end`, then learn it.

        `teach`: the session is confirmed normal; it is taught and not judged. `learn` False leaves all as it was.
        """
        scope = self._store.scope(pattern.scope)
        ring = scope.rings.get(source)
        phase = self._phase(scope, teach=teach)
        share = self._share(scope.baseline) if phase is Phase.LIVE else 0.0
        habits = scope.habits.get(source)
        if habits is None:
            habits = scope.habits[source] = Habits()
        habit = habits.find(pattern.id, scope.baseline, ring, end, share) if learn and not teach else None
        if habit is not None:
            self._count(scope, pattern, end, source)
            self._note(scope, source, pattern, habit.finding, habit.judgement, share, end)
            return habit.judgement
        vector = vector.astype(np.float16).astype(np.float32)
        recent = gather(ring, list(scope.rings.values()))
        found = assess(scope.baseline, recent, pattern, vector)
        label = _label(scope.baseline, pattern.id, found.numbers)
        judgement = _judgement(scope.baseline, found, label, phase)
        if judgement.p_value is not None:
            anomalous, p_value = _decide(judgement.p_value, ring, share, label)
            if anomalous or p_value != judgement.p_value:
                judgement = replace(judgement, anomalous=anomalous, p_value=p_value)
        if judgement.anomalous:
            why = evidence(scope.baseline, recent, found, pattern.lines)
            judgement = replace(judgement, nearest=nearest(scope.baseline, vector), evidence=why)
        if not learn:
            self._remember(pattern.id, vector)
            return replace(judgement, learned=False)
        noted = finding(found.values, judgement.score, found.sketch)
        habits.keep(pattern.id, scope.baseline, ring, end, judgement, noted)
        scope.baseline.define(pattern.id, pattern.lines, vector, 0, found.sketch)
        self._count(scope, pattern, end, source)
        if pattern.id in scope.baseline.entries:
            self._store.renew(pattern.scope, pattern.id, source, end)
        self._note(scope, source, pattern, noted, judgement, share, end)
        if teach and label is None:
            self.label(pattern.scope, pattern.id, "normal", source=source, at=end, by=TEACH)
        return judgement

    def _phase(self, scope: Scope, *, teach: bool) -> Phase:
        if teach:
            return Phase.TEACH
        return Phase.LIVE if scope.has_seen(self.settings.warm_up) else Phase.WARM_UP

    def _share(self, baseline: Baseline) -> float:
        """Return the share of sessions that may be alerts; the traffic's rate is asked for only where it counts."""
        budget = self.settings.budget
        return budget.share if budget.share is not None else budget.share_at(baseline.recent_rate())

    def _count(self, scope: Scope, pattern: Pattern, end: int, source: TopicPartition) -> None:
        """Count one session of a defined pattern."""
        clock = scope.baseline.clock
        self._store.change(changelog_codec.weight_key(pattern.scope, pattern.id, source), source)
        scope.baseline.add(pattern.id, source, end)
        if scope.baseline.clock != clock:
            self._store.renew_labels(pattern.scope, source, end)

    def _note(
        self,
        scope: Scope,
        source: TopicPartition,
        pattern: Pattern,
        noted: bytes,
        judgement: Judgement,
        share: float,
        end: int,
    ) -> None:
        """Note the judgement among the recent ones, and what it left of the budget."""
        ring = scope.rings.get(source)
        if ring is None:  # an empty one is 60 KiB: not to be made for every session
            ring = scope.rings[source] = Ring()
        self._store.change(changelog_codec.ring_key(pattern.scope, source, ring.next_chunk()), source)
        charged = judgement.anomalous and judgement.label is None
        credit = ring.credit
        if judgement.phase is Phase.LIVE and 0.0 < share < 1.0 and judgement.label is None:
            credit = earn(credit, share) - charged
        state = LOUD if charged else QUIET if scope.has_seen(self.settings.warm_up / 2) else EARLY
        minute = min(max(0, end // 60_000_000), 2**32 - 1)
        ring.append(noted, minute=minute, state=state, credit=credit)

    def _remember(self, pattern: str, vector: Vector) -> None:
        self._vectors[pattern] = vector
        if len(self._vectors) > CACHED_VECTORS:
            self._vectors.popitem(last=False)

    def refund(self, scope: str, source: TopicPartition) -> None:
        """Take the charge for the latest session of this scope and source back, if it was charged."""
        known = self._store.scope(scope)
        ring = known.rings.get(source)
        if ring is not None and ring.credit is not None:
            ring.take_back(refund(ring.credit, self._share(known.baseline)))

    def label(
        self,
        scope: str,
        pattern: str,
        verdict: str | None,
        *,
        source: TopicPartition,
        at: int,
        by: str = "",
        note: str = "",
    ) -> None:
        """Note what a person says of a pattern: ``normal``, ``anomalous``, or None to forget what was said.

        Raises ValueError for another verdict. A pattern that is not known yet is labelled all the same.
        """
        if verdict not in ("normal", "anomalous", None):
            raise ValueError(f"a verdict is normal, anomalous or forget, not {verdict}")
        self._store.change(changelog_codec.label_key(scope, pattern), source)
        label = None if verdict is None else Label(verdict, at, by, note, at)
        self._store.scope(scope).baseline.set_label(pattern, label)

    # -- the baseline's topic --------------------------------------------------------------------------------------

    def updates(self, source: TopicPartition) -> list[Update]:
        """Return the values changed through `source` since the last call, for its next transaction."""
        return self._store.updates(source)

    def apply(self, updates: Sequence[Update]) -> None:
        """Take in records of the baseline's topic, in its order, or a snapshot; applying them again is harmless.

        Raises ModelMismatchError when another model made them, DataError when they are not ours.
        """
        self._store.apply(updates)

    def acquire(self, source: TopicPartition) -> None:
        """Begin work on `source` from what the topic is known to hold."""
        self._store.restore(source)

    def release(self, source: TopicPartition) -> None:
        """End work on `source`: what its transactions did not commit, as far as is known, is undone."""
        self._store.restore(source)

    def dump(self) -> Iterator[Update]:
        """Yield all state as records, for a snapshot or an export."""
        return self._store.dump()

    # -- looking ---------------------------------------------------------------------------------------------------

    def scope_of(self, pattern: str) -> str | None:
        """Return the scope that knows `pattern`, None when none does; a fingerprint covers its scope, so one may."""
        found = (name for name, scope in self._store.scopes.items() if pattern in scope.baseline.entries)
        return next(found, None)

    def patterns(self, scope: str) -> list[PatternStatistics]:
        """Return all that is known of the patterns of `scope`, those with the most sessions in the window first."""
        known = self._store.scopes.get(scope)
        if known is None:
            return []
        baseline = known.baseline
        total = max(baseline.total, 1.0)
        found = [
            PatternStatistics(name, baseline.in_window(name) / total, it.first, it.last, it.label, it.lines)
            for name, it in baseline.entries.items()
        ]
        return sorted(found, key=lambda it: (-it.weight, -it.last, it.pattern))

    def labels(self, scope: str) -> dict[str, Label]:
        """Return what people said of patterns of `scope`, by pattern."""
        known = self._store.scopes.get(scope)
        if known is None:
            return {}
        entries = known.baseline.entries
        return {name: label for name in known.baseline.labelled() if (label := entries[name].label) is not None}

    def scopes(self) -> list[ScopeStatistics]:
        """Return what every scope is doing, by name."""
        return [self._statistics(name, scope) for name, scope in sorted(self._store.scopes.items())]

    def _statistics(self, name: str, scope: Scope) -> ScopeStatistics:
        baseline = scope.baseline
        # What another daemon alerted on before an import says nothing of how this one keeps its budget.
        own = [ring for source, ring in scope.rings.items() if source != changelog_codec.IMPORTED]
        states = [ring.states[ring.latest(REALISED_OVER)] for ring in own]
        judged = sum(len(state) for state in states)
        loud = sum(int(np.count_nonzero(state == LOUD)) for state in states)
        return ScopeStatistics(
            scope=name,
            phase=self._phase(scope, teach=False),
            patterns=len(baseline.vectors),
            lines=len(baseline.lines),
            sessions=int(baseline.total),
            labels=sum(1 for _ in baseline.labelled()),
            judged=judged,
            realised=loud / judged if judged else 0.0,
            budget=self._share(baseline),
            memory_bytes=baseline.memory() + sum(ring.memory() for ring in scope.rings.values()),
        )


def _judgement(baseline: Baseline, found: Assessment, label: str | None, phase: Phase) -> Judgement:
    """Return a learned session's judgement as long as nothing is decided: not anomalous."""
    p_value = 1.0 if label == "normal" else found.p_value
    dtm, ctx, sev = found.values.tolist()
    return Judgement(
        score=0.0 if label == "normal" else found.score,
        similarity=found.similarity,
        p_value=p_value if phase is Phase.LIVE else None,
        anomalous=False,
        learned=True,
        phase=phase,
        parts={"dtm": dtm, "ctx": ctx, "sev": sev, "rank": p_value},
        seen=int(baseline.total),
        label=label,
    )


def _label(baseline: Baseline, pattern: str, numbers: Ids) -> str | None:
    entry = baseline.entries.get(pattern)
    if entry is not None and entry.label is not None:
        return entry.label.verdict
    return "normal" if baseline.silenced(numbers) else None


def _decide(p_value: float, ring: Ring | None, share: float, label: str | None) -> tuple[bool, float]:
    """Return whether a live session is anomalous, and its p-value as decided: at most `share` exactly when it is."""
    if share >= 1.0:
        return True, p_value
    if label == "normal":
        return False, p_value
    if label == "anomalous":
        return True, min(p_value, share)
    if p_value <= bar(share, earn(ring.credit if ring is not None else None, share)):
        return True, min(p_value, share)
    return False, max(p_value, math.nextafter(share, 2.0))
