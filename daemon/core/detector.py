"""Judge, then learn: the one owner of every scope's baseline in a process.

A session is scored against what its scope held before it, then counted in it, whatever the verdict. What is learned is a
sum of counters by event time, so replaying it after a crash gives the same baseline.

State is a set of keyed values (`keys`), each owned by one input partition or shared. While a partition is worked on, the
values run ahead of the baseline's topic. For each key that does, `_committed` holds the value that the topic is known to
hold: reading records back moves that value, and `acquire` and `release` return to it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from daemon.core import keys
from daemon.core.baseline import Baseline, Entry, Label
from daemon.core.budget import Budget
from daemon.core.calibration import Ring
from daemon.core.parts import distance, missing, numbers_of, present, repeats, severities
from daemon.core.records import Evidence, Judgement, Neighbour, Pattern, Phase, TopicPartition, Update, Vector
from daemon.core.scoring import mid_ranks, p_bounds

CACHED_VECTORS = 4096
NEAREST = 3


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """`window_us` microseconds of event time; `mass` a share of the window; see `Budget` for the budget."""

    warm_up: int = 1000
    window_us: int = 7 * 86_400_000_000
    mass: float = 0.03
    max_patterns: int = 50_000
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True, slots=True)
class ScopeStatistics:
    """What a scope is doing: for metrics, `top` and `baseline inspect`."""

    scope: str
    phase: Phase
    patterns: int
    lines: int
    sessions: int
    judged: int
    realised: float
    budget: float
    memory_bytes: int


class Scope:
    """One scope's baseline and calibration."""

    def __init__(self, settings: DetectorSettings, dimensions: int) -> None:
        self.baseline = Baseline(dimensions, settings.window_us, settings.mass, settings.max_patterns)
        self.rings: dict[TopicPartition, Ring] = {}


class Detector:
    """See the module's docstring. Synchronous, one thread; vectors are float32 of unit length `dimensions`."""

    def __init__(self, settings: DetectorSettings, model: str, dimensions: int) -> None:
        self.settings = settings
        self._model, self._dimensions = model, dimensions
        self._scopes: dict[str, Scope] = {}
        self._vectors: OrderedDict[tuple[str, str], Vector] = OrderedDict()
        self._committed: dict[bytes, tuple[TopicPartition, bytes | None]] = {}
        self._pending: dict[TopicPartition, dict[bytes, None]] = {}
        self._renewing: dict[TopicPartition, dict[bytes, int]] = {}

    # -- judging ---------------------------------------------------------------------------------------------------

    def vector(self, pattern: Pattern) -> Vector | None:
        """Return the embedding of `pattern` when it is known, so that it need not be made again."""
        scope = self._scopes.get(pattern.scope)
        entry = scope.baseline.entries.get(pattern.id) if scope is not None else None
        if scope is not None and entry is not None and entry.slot >= 0:
            return scope.baseline.vectors.get(entry.slot)
        cached = self._vectors.get((pattern.scope, pattern.id))
        if cached is not None:
            self._vectors.move_to_end((pattern.scope, pattern.id))
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

        `teach`: the session is confirmed normal and only taught. `learn` False leaves everything as it was.
        """
        vector = vector.astype(np.float16).astype(np.float32)
        scope = self._scope(pattern.scope)
        baseline = scope.baseline
        entry = baseline.entries.get(pattern.id)
        label = entry.label.verdict if entry is not None and entry.label is not None else None
        seen = int(baseline.total)
        warm = seen < self.settings.warm_up
        phase = Phase.TEACH if teach else Phase.WARM_UP if warm else Phase.LIVE
        lines = pattern.lines
        numbers = numbers_of(baseline, lines)
        dtm, similarity = distance(baseline, pattern.id, vector)
        nats = present(baseline, numbers)
        absent, lack = missing(baseline, numbers)
        severe = severities(baseline, lines, numbers)
        ctx = max(float(nats.max(initial=0.0)), float(lack.max(initial=0.0)))
        values = np.array([dtm, ctx, severe.max(initial=0.0), repeats(lines)], np.float32)
        score, p_value = self._rank(scope, source, values)
        share = self.settings.budget.share_at(baseline.recent_rate())
        anomalous = phase is Phase.LIVE and (share >= 1 or p_value <= share)
        if label == "normal":
            anomalous, p_value = False, 1.0
        elif label == "anomalous" and phase is Phase.LIVE:
            anomalous, p_value = True, min(p_value, share)
        judgement = Judgement(
            score=score,
            similarity=similarity,
            p_value=p_value if phase is Phase.LIVE else None,
            anomalous=anomalous,
            learned=learn,
            phase=phase,
            parts={"dtm": dtm, "ctx": ctx, "sev": float(values[2]), "rep": float(values[3])},
            seen=seen,
            label=label,
            nearest=self._nearest(baseline, vector) if anomalous else (),
            evidence=self._evidence(baseline, lines, numbers, nats, (absent, lack)) if anomalous else (),
        )
        if learn:
            self._learn(scope, pattern, vector, end, source)
            if 2 * seen >= self.settings.warm_up:
                self._record(scope, pattern.scope, source, values, judgement, end)
            if teach and label is None:
                self.label(pattern.scope, pattern.id, "normal", source=source, at=end, by="teach")
        else:
            self._remember(pattern, vector)
        return judgement

    def _rank(self, scope: Scope, source: TopicPartition, values: np.ndarray) -> tuple[float, float]:
        rings = scope.rings
        own = rings.get(source)
        chosen = [own] if own is not None and len(own) >= 1000 else list(rings.values())
        held = [ring.states > 0 for ring in chosen]
        if not chosen:
            return 0.0, 1.0
        parts = np.concatenate([ring.parts[mask] for ring, mask in zip(chosen, held, strict=True)])
        scores = np.concatenate([ring.scores[mask] for ring, mask in zip(chosen, held, strict=True)])
        score = float(-np.log(mid_ranks(values[:3], parts[:, :3])).sum())
        return score, p_bounds(score, scores)[1]

    def _nearest(self, baseline: Baseline, vector: Vector) -> list[Neighbour]:
        slots, distances = baseline.near(vector, 4 * NEAREST)
        order = np.argsort(distances, kind="stable")[:NEAREST]
        found = []
        for slot, away in zip(slots[order], distances[order], strict=True):
            name = baseline.names[slot]
            entry = baseline.entries[name]
            found.append(
                Neighbour(
                    pattern=name,
                    similarity=1.0 - float(away),
                    weight=float(baseline.mass[slot] / max(baseline.counted, 1.0)),
                    first_seen=entry.first,
                    last_seen=entry.last,
                    label=entry.label.verdict if entry.label is not None else None,
                    lines=entry.lines,
                )
            )
        return found

    def _evidence(
        self,
        baseline: Baseline,
        lines: tuple[tuple[str, int], ...],
        numbers: np.ndarray,
        nats: np.ndarray,
        lacks: tuple,
    ) -> list[Evidence]:
        total = max(baseline.counted, 1.0)
        table = baseline.lines
        found = []
        for (line, _), number, value in zip(lines, numbers, nats, strict=True):
            share = float(table.mass[number] / total) if number >= 0 else 0.0
            found.append(Evidence(line, "rare" if share > 0 else "new", float(value), share))
        for number, value in zip(*lacks, strict=True):
            found.append(Evidence(table.text(int(number)), "missing", float(value), float(table.mass[number] / total)))
        return sorted(found, key=lambda evidence: (-evidence.nats, evidence.line))

    # -- learning --------------------------------------------------------------------------------------------------

    def _learn(self, scope: Scope, pattern: Pattern, vector: Vector, end: int, source: TopicPartition) -> None:
        baseline = scope.baseline
        entry = baseline.entries.get(pattern.id)
        if entry is None or entry.slot < 0:
            baseline.define(pattern.id, pattern.lines, vector, entry.renewed if entry is not None else 0)
            entry = baseline.entries[pattern.id]
        self._change(keys.weight_key(pattern.scope, pattern.id, source), source)
        baseline.add(pattern.id, source, end)
        if end - entry.renewed > self.settings.window_us // 2:
            renewing = self._renewing.setdefault(source, {})
            key = keys.vector_key(pattern.scope, pattern.id)
            if end - renewing.get(key, 0) > self.settings.window_us // 2:
                renewing[key] = end
                self._pending.setdefault(source, {})[key] = None
        for name in baseline.take_evicted():
            self._vectors.pop((pattern.scope, name), None)

    def _record(
        self, scope: Scope, name: str, source: TopicPartition, values: np.ndarray, judgement: Judgement, end: int
    ) -> None:
        ring = scope.rings.setdefault(source, Ring())
        self._change(keys.ring_key(name, source, ring.next_chunk()), source)
        ring.append(values, judgement.score, max(0, end // 60_000_000), judgement.anomalous)

    def _remember(self, pattern: Pattern, vector: Vector) -> None:
        self._vectors[pattern.scope, pattern.id] = vector
        if len(self._vectors) > CACHED_VECTORS:
            self._vectors.popitem(last=False)

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
        """Note what a person says of a pattern: ``normal``, ``anomalous``, or None to forget what was said."""
        if verdict not in ("normal", "anomalous", None):
            raise ValueError(f"no verdict: {verdict}")
        self._change(keys.label_key(scope, pattern), source)
        label = None if verdict is None else Label(verdict, at, by, note, at)
        self._scope(scope).baseline.set_label(pattern, label)

    # -- exactly once ----------------------------------------------------------------------------------------------

    def updates(self, source: TopicPartition) -> list[Update]:
        """Return the values changed through `source` since the last call, for its next transaction."""
        return [Update(key, self._read(key, source)) for key in self._pending.pop(source, {})]

    def apply(self, updates: Sequence[Update]) -> None:
        """Take in records of the baseline's topic. Raises ModelMismatchError or DataError; applying twice is harmless."""
        for update in updates:
            ahead = self._committed.get(update.key)
            if ahead is None:
                self._write(update.key, update.value)
            elif self._read(update.key, ahead[0]) == update.value:
                del self._committed[update.key]
            else:
                self._committed[update.key] = (ahead[0], update.value)

    def acquire(self, source: TopicPartition) -> None:
        """Begin work on `source` from what the topic is known to hold."""
        self._restore(source)

    def release(self, source: TopicPartition) -> None:
        """End work on `source`: what its transactions did not commit is undone."""
        self._restore(source)

    def _restore(self, source: TopicPartition) -> None:
        for key in [key for key, (owner, _) in self._committed.items() if owner == source]:
            self._write(key, self._committed.pop(key)[1])
        self._pending.pop(source, None)
        self._renewing.pop(source, None)

    def _change(self, key: bytes, source: TopicPartition) -> None:
        """Note that the value of `key` is about to change on behalf of `source`."""
        if key not in self._committed:
            self._committed[key] = (source, self._read(key, source))
        self._pending.setdefault(source, {})[key] = None

    def _read(self, key: bytes, source: TopicPartition) -> bytes | None:
        kind, name, *rest = keys.parse_key(key)
        scope = self._scope(name)
        if kind == "ring":
            ring = scope.rings.get(TopicPartition(rest[0], rest[1]))
            return ring.dump(rest[2]) if ring is not None else None
        entry = scope.baseline.entries.get(rest[0], Entry())
        if kind == "label":
            return keys.dump_label(entry.label) if entry.label is not None else None
        if kind == "weight":
            weight = entry.weights.get(TopicPartition(rest[1], rest[2]))
            return keys.dump_weight(weight) if weight is not None else None
        if entry.slot < 0:
            return None
        renewed = self._renewing.get(source, {}).get(key, entry.renewed)
        return keys.dump_vector(self._model, renewed, entry.lines, scope.baseline.vectors.get(entry.slot))

    def _write(self, key: bytes, value: bytes | None) -> None:
        kind, name, *rest = keys.parse_key(key)
        scope = self._scope(name)
        if kind == "ring":
            scope.rings.setdefault(TopicPartition(rest[0], rest[1]), Ring()).load(rest[2], value)
        elif kind == "label":
            scope.baseline.set_label(rest[0], keys.load_label(value) if value is not None else None)
        elif kind == "weight":
            weight = keys.load_weight(value) if value is not None else None
            scope.baseline.set_weight(rest[0], TopicPartition(rest[1], rest[2]), weight)
        elif value is not None:
            renewed, lines, vector = keys.load_vector(value, self._model, self._dimensions)
            scope.baseline.define(rest[0], lines, vector, renewed)

    # -- looking ---------------------------------------------------------------------------------------------------

    def line_share(self, scope: str, line: str) -> float:
        """Return the share of the window's sessions that have this masked line."""
        baseline = self._scope(scope).baseline
        number = baseline.lines.find(line)
        return float(baseline.lines.mass[number] / max(baseline.counted, 1.0)) if number >= 0 else 0.0

    def pattern_lines(self, scope: str, pattern: str) -> tuple[tuple[str, int], ...]:
        """Return the lines of a pattern of the baseline with their counts; empty when it is not known."""
        entry = self._scope(scope).baseline.entries.get(pattern)
        return entry.lines if entry is not None else ()

    def scopes(self) -> list[ScopeStatistics]:
        """Return what every scope is doing."""
        return [self._statistics(name, scope) for name, scope in sorted(self._scopes.items())]

    def _statistics(self, name: str, scope: Scope) -> ScopeStatistics:
        baseline = scope.baseline
        states = [ring.states[ring.latest(1000)] for ring in scope.rings.values()]
        judged = sum(len(state) for state in states)
        loud = sum(int((state == 2).sum()) for state in states)
        return ScopeStatistics(
            scope=name,
            phase=Phase.WARM_UP if baseline.total < self.settings.warm_up else Phase.LIVE,
            patterns=len(baseline.vectors),
            lines=len(baseline.lines),
            sessions=int(baseline.total),
            judged=judged,
            realised=loud / judged if judged else 0.0,
            budget=self.settings.budget.share_at(baseline.recent_rate()),
            memory_bytes=baseline.memory() + sum(ring.memory() for ring in scope.rings.values()),
        )

    def _scope(self, name: str) -> Scope:
        scope = self._scopes.get(name)
        if scope is None:
            scope = self._scopes[name] = Scope(self.settings, self._dimensions)
        return scope
