"""Judge, then learn: the one owner of every scope's baseline in a process.

A session is assessed against its scope's state before it, decided, then counted in it, whatever the verdict. What is
learned is a sum of counters by event time, so replaying it after a crash gives the same baseline. `changelog` takes
values to the baseline's topic and back, exactly once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

from daemon.core.baseline import ABSENT, KEEP, TEACH, Baseline, Definition, Label, Lines
from daemon.core.calibration import EARLY, LOUD, QUIET, finding
from daemon.core.detection import changelog_codec
from daemon.core.detection.assessment import Assessment, assess, evidence, nearest
from daemon.core.detection.changelog import Changelog
from daemon.core.detection.components import NAMES
from daemon.core.detection.decision import decide
from daemon.core.detection.judged_run import Closed, JudgedRun
from daemon.core.detection.loading import Loading
from daemon.core.detection.packed_scope import ColdStorage
from daemon.core.detection.saved_scope import SavedScope
from daemon.core.detection.scope import Scope, ScopeView
from daemon.core.detection.scopes import Scopes
from daemon.core.detection.statistics import (
    PatternStatistics,
    ScopeStatistics,
    pattern_statistics,
    scope_statistics,
)
from daemon.core.detection.verdict_cache import CachedVerdict
from daemon.core.types import (
    MINUTE_US,
    Evidence,
    Judgement,
    LabelVerdict,
    Neighbour,
    Pattern,
    Phase,
    RefusedText,
    SessionClue,
    TopicPartition,
    Update,
    Vector,
)

CACHED_VECTORS = 4096
LENT = 32_768
LAST_MINUTE = 2**32 - 1
_Why = tuple[Sequence[Neighbour], Sequence[Evidence]]
"""The nearest patterns that count, and the evidence."""


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """`window_us` microseconds of event time; `mass` a share of the window's sessions."""

    warm_up: int = 1000
    window_us: int = 7 * 86_400_000_000
    mass: float = 0.03
    max_patterns: int = 50_000
    max_scopes: int = 10_000
    max_labels: int = 1_000


class _Turn(NamedTuple):
    """One session's turn: what is judged, when it ended, and where it came from."""

    scope: Scope
    pattern: Pattern
    end: int
    source: TopicPartition
    phase: Phase


class ColdFigures(NamedTuple):
    """How many scopes are on the disk, the bytes that they take there, and how many ever came back."""

    scopes: int
    bytes: int
    woken: int


class Detector:
    """Synchronous, owned by one thread. Vectors are float32 of unit length and `dimensions` long.

    `storage` is where cold scopes go. Whatever reads a scope raises ColdScopeError when it cannot be read from there.
    """

    def __init__(
        self, settings: DetectorSettings, model: str, dimensions: int, storage: ColdStorage | None = None
    ) -> None:
        self.settings = settings
        self._model, self._dimensions, self._storage = model, dimensions, storage
        self._changelog = self._empty()
        self._vectors: OrderedDict[str, Vector] = OrderedDict()
        self._lent: dict[str, tuple[str, Lines]] = {}

    def _empty(self) -> Changelog:
        """Return a changelog of no scope."""
        settings, dimensions = self.settings, self._dimensions

        def make() -> Scope:
            return Scope(Baseline(dimensions, settings.window_us, settings.mass, settings.max_patterns), NAMES)

        scopes = Scopes(make, settings.max_scopes, self._storage)
        return Changelog(self._model, dimensions, settings.window_us, scopes)

    def vector(self, pattern: Pattern) -> Vector | None:
        """Return the embedding of `pattern` when it is known, so that it need not be computed again."""
        scope = self._changelog.scopes.get(pattern.scope)
        row = scope.baseline.defined(pattern.id) if scope is not None else -1
        if scope is not None and row >= 0:
            return scope.baseline.vector(row)
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

        `teach`: the session is confirmed normal; it is taught and not judged. `learn` False changes no state.
        """
        turn = self._turn(pattern, end, source, teach=teach)
        if not learn:
            alone = turn.scope.view(pattern, vector, source)
            self._remember(pattern.id, alone.vector)
            return _judged(alone, turn.phase, learned=False)[0]
        verdict = self._cached(turn)
        view: ScopeView | None = None
        if verdict is None:
            verdict, view = self._assessed(turn, vector)
        self._learn(turn, view, verdict)
        return verdict.judgement

    def judge_all(
        self, sessions: Iterable[Closed], vectors: Mapping[str, Vector | RefusedText], source: TopicPartition
    ) -> list[Judgement]:
        """Judge and learn `sessions` in order, up to the first that must be assessed and has no vector in `vectors`.

        These are by pattern id. Return what `judge` would have returned for each of them; what can be is learned
        together.
        """
        judgements, ahead = list[Judgement](), iter(sessions)
        session = next(ahead, None)
        while session is not None:
            turn = self._turn(*session, source, teach=False)
            verdict = self._cached(turn)
            view: ScopeView | None = None
            if verdict is None:
                vector = vectors.get(turn.pattern.id)
                if vector is None or isinstance(vector, RefusedText):
                    break
                verdict, view = self._assessed(turn, vector)
            run = JudgedRun(turn.pattern.scope, turn.scope, source)
            if self._calibrates(turn.scope) and run.begin(turn.pattern, turn.end, verdict):
                self._announce(turn, view)
                session = run.follow(ahead)
                self._learn_together(run, turn.scope, source)
                judgements += run.judgements
            else:
                self._learn(turn, view, verdict)
                session = next(ahead, None)
                judgements.append(verdict.judgement)
        return judgements

    def review(self, pattern: Pattern, source: TopicPartition) -> Judgement | None:
        """Judge a learned pattern against all that is known so far, with the reasons, anomalous or not.

        Nothing is learned. It is compared with every other pattern. The p-value is the share of the recent sessions
        that score as high, whether or not the scope warms up. None for a pattern that was let go.
        """
        scope = self._changelog.scopes.get(pattern.scope)
        vector = self.vector(pattern)
        if scope is None or vector is None:
            return None
        view = scope.view(pattern, vector, source)
        assessment = assess(view)
        others = [near for near in nearest(scope.baseline, view.vector) if near.pattern != pattern.id]
        return _judgement(view, assessment, Phase.LIVE, (), (others, evidence(view, assessment)), learned=False)

    def _turn(self, pattern: Pattern, end: int, source: TopicPartition, *, teach: bool) -> _Turn:
        scope = self._changelog.scope(pattern.scope)
        return _Turn(scope, pattern, end, source, self._phase(scope, teach=teach))

    def _phase(self, scope: Scope, *, teach: bool) -> Phase:
        if teach:
            return Phase.TEACH
        return Phase.LIVE if scope.has_seen(self.settings.warm_up) else Phase.WARM_UP

    def _cached(self, turn: _Turn) -> CachedVerdict | None:
        """Return the verdict on an earlier session of the pattern, if it serves; what is taught is always assessed."""
        if turn.phase is Phase.TEACH:
            return None
        scope, source = turn.scope, turn.source
        return scope.cache(source).find(turn.pattern.id, scope.baseline, scope.rings.get(source), turn.end)

    def _assessed(self, turn: _Turn, vector: Vector) -> tuple[CachedVerdict, ScopeView]:
        """Assess a session that is learned next; return the verdict, and what it was judged against."""
        scope, source = turn.scope, turn.source
        view = scope.view(turn.pattern, vector, source)
        judgement, noted = _judged(view, turn.phase, learned=True)
        ring, cache = scope.rings.get(source), scope.cache(source)
        return cache.keep(turn.pattern.id, scope.baseline, ring, turn.end, judgement, noted), view

    def _learn(self, turn: _Turn, view: ScopeView | None, verdict: CachedVerdict) -> None:
        """Add a session to its scope: its pattern, its weight and its finding. Without a `view` it was not assessed."""
        pattern, baseline, source = turn.pattern, turn.scope.baseline, turn.source
        if view is not None and view.known.row == ABSENT:
            baseline.define([Definition(pattern.id, pattern.lines, view.vector, 0, view.sketch)])
        self._count(turn)
        if view is not None and pattern.id in baseline:
            self._changelog.renew(pattern.scope, pattern.id, source, turn.end)
        self._note(turn, verdict.finding, verdict.judgement)
        if turn.phase is Phase.TEACH and verdict.judgement.label is None:
            self.label(pattern.scope, pattern.id, LabelVerdict.NORMAL, source=source, at=turn.end, by=TEACH)

    def _announce(self, turn: _Turn, view: ScopeView | None) -> None:
        """Note which keys a session is about to change that begins a run, those of its run apart."""
        if view is not None:
            pattern, source = turn.pattern, turn.source
            self._changelog.change(changelog_codec.weight_key(pattern.scope, pattern.id, source), source)
            self._changelog.renew(pattern.scope, pattern.id, source, turn.end)

    def _learn_together(self, run: JudgedRun, scope: Scope, source: TopicPartition) -> None:
        """Do what `_learn` does for each session of a run."""
        for key in run.changed:
            self._changelog.change(key, source)
        scope.baseline.add_known(run.counted(), source)
        minutes = np.minimum(np.maximum(np.array(run.ends) // MINUTE_US, 0), LAST_MINUTE)
        states = np.array([LOUD if verdict.judgement.anomalous else QUIET for verdict in run.verdicts])
        scope.ring(source).extend([verdict.finding for verdict in run.verdicts], minutes, states)

    def _count(self, turn: _Turn) -> None:
        """Count one session of a defined pattern."""
        pattern, baseline, source = turn.pattern, turn.scope.baseline, turn.source
        clock = baseline.window.clock
        self._changelog.change(changelog_codec.weight_key(pattern.scope, pattern.id, source), source)
        baseline.add(pattern.id, source, turn.end)
        if baseline.window.clock != clock:
            self._changelog.renew_labels(pattern.scope, source, turn.end)

    def _note(self, turn: _Turn, noted: bytes, judgement: Judgement) -> None:
        """Note the judgement among the recent ones."""
        ring = turn.scope.ring(turn.source)
        self._changelog.change(
            changelog_codec.ring_key(turn.pattern.scope, turn.source, ring.next_chunk()), turn.source
        )
        state = LOUD if judgement.anomalous else QUIET if self._calibrates(turn.scope) else EARLY
        ring.append(noted, minute=_minute(turn.end), state=state)

    def _calibrates(self, scope: Scope) -> bool:
        """Return whether enough sessions were seen for the next one to be ranked among later."""
        return scope.has_seen(self.settings.warm_up / 2)

    def _remember(self, pattern: str, vector: Vector) -> None:
        self._vectors[pattern] = vector
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
        """Set a person's label of a pattern: a `LabelVerdict` or its word, or None to remove it.

        Raises ValueError for another word. A pattern that is not known yet can be labelled too.
        """
        try:
            word = None if verdict is None else LabelVerdict(verdict)
        except ValueError:
            raise ValueError(f"a verdict is normal, anomalous or forget, not {verdict}") from None
        self._changelog.change(changelog_codec.label_key(scope, pattern), source)
        label = None if word is None else Label(word, at, by, note, at)
        self._changelog.scope(scope).baseline.set_label(pattern, label)

    def has_room_for_label(self, scope: str, pattern: str) -> bool:
        """Return whether a pattern may get a label: a scope has at most `max_labels`, and none is let go.

        A scope that nobody has seen gets one only while there may be more scopes, since a label keeps it.
        """
        scopes = self._changelog.scopes
        known = scopes.get(scope)
        if known is None:
            return len(scopes) < self.settings.max_scopes
        if len(known.baseline.labels) < self.settings.max_labels:
            return True
        return known.baseline.labels.get(known.baseline.row(pattern)) is not None

    # -- the baseline's topic --------------------------------------------------------------------------------------

    def updates(self, source: TopicPartition) -> list[Update]:
        """Return the values changed through `source` since the last call, for its next transaction."""
        return self._changelog.updates(source)

    def apply(self, updates: Sequence[Update], *, restoring: bool = False) -> None:
        """Apply records of the baseline's topic, in its order, or an export; applying them again is harmless.

        `restoring`: which lines are common depends on the records alone, not on how they are cut into calls. Raises
        ModelMismatchError when another model made them, DataError when they cannot be read.
        """
        self._changelog.apply(updates, 1.0 if restoring else KEEP)

    def acquire(self, source: TopicPartition) -> None:
        """Begin work on `source` from what the topic is known to hold."""
        self._changelog.restore(source)

    def release(self, source: TopicPartition) -> None:
        """End work on `source`: what its transactions did not commit, as far as is known, is undone."""
        self._changelog.restore(source)

    def dump(self) -> Iterator[Update]:
        """Yield all state as records, for a snapshot or an export."""
        return self._changelog.dump()

    def homes(self, scope: str) -> frozenset[int]:
        """Return the partitions of the topic in which records of `scope` were read, labels aside."""
        return self._changelog.scopes.look(scope).homes if scope in self._changelog.scopes else frozenset()

    def scopes_in(self, places: Collection[int]) -> list[str]:
        """Return the scopes with records in these partitions of the topic, and those with records in none."""
        return self._changelog.scopes_in(places)

    def forget(self, names: Collection[str], places: Collection[int]) -> None:
        """Forget those of the scopes `names` that have no records outside these partitions of the topic; labels stay.

        Work on the input partitions that write there must be released before.
        """
        self._changelog.forget(names, places)

    # -- cold scopes -----------------------------------------------------------------------------------------------

    def unused_scopes(self, turns: int) -> list[str]:
        """End a turn, and return the scopes in memory that were not used in the last `turns` whole turns."""
        scopes = self._changelog.scopes
        scopes.turn += 1
        return scopes.unused(turns)

    def cool(self, scope: str, turns: int) -> bool:
        """Move a scope that is still unused to the disk; return whether it has moved: a small one is only packed.

        Raises OSError where the disk has no room: the scope stays as it was.
        """
        return self._changelog.scopes.cool(scope, turns)

    def cold(self) -> ColdFigures:
        """Return how many scopes are on the disk, and what they take there."""
        scopes = self._changelog.scopes
        return ColdFigures(scopes.cold, self._storage.used if self._storage is not None else 0, scopes.woken)

    # -- the snapshot ----------------------------------------------------------------------------------------------

    def identity(self) -> Mapping[str, object]:
        """Return what two detectors must have in common to exchange snapshots."""
        names = {"model": self._model, "dimensions": self._dimensions, "components": list(NAMES)}
        return {**names, "settings": asdict(self.settings)}

    def scope_sizes(self) -> dict[str, int]:
        """Return the number of patterns of each scope, by name."""
        return {name: facts.patterns for name, facts in self._changelog.scopes.facts()}

    def save(self, names: Collection[str]) -> list[SavedScope]:
        """Return copies of these scopes, as the baseline's topic holds them, as far as it was read."""
        return self._changelog.save(names)

    def loading(self) -> Loading:
        """Return what saved scopes are given to; it replaces all state when it is finished."""
        return Loading(self._empty(), self._take_over)

    def _take_over(self, changelog: Changelog) -> None:
        self._changelog = changelog

    # -- reading ---------------------------------------------------------------------------------------------------

    def scope_of(self, pattern: str) -> str | None:
        """Return the scope that knows `pattern`, or None. At most one does, since a fingerprint covers its scope."""
        scope = self._changelog.scopes.with_pattern(pattern)
        return scope if scope is not None or pattern not in self._lent else self._lent[pattern][0]

    def lines_of(self, scope: str, pattern: str) -> Lines:
        """Return the lines of a pattern; none where it is not known."""
        known = self._changelog.scopes.get(scope)
        row = known.baseline.defined(pattern) if known is not None else ABSENT
        if known is not None and row != ABSENT:
            return known.baseline.lines_of(row)
        return self._lent[pattern][1] if pattern in self._lent and self._lent[pattern][0] == scope else ()

    def lend(self, patterns: Mapping[str, tuple[str, Lines]]) -> None:
        """Know the scope and the lines of patterns that are not in the baseline, of the latest LENT of them."""
        self._lent |= patterns
        for pattern in list(self._lent)[: max(0, len(self._lent) - LENT)]:
            del self._lent[pattern]

    def patterns(self, scope: str) -> list[PatternStatistics]:
        """Return all that is known of the patterns of `scope`, those with the most sessions in the window first."""
        if scope not in self._changelog.scopes:
            return []
        return pattern_statistics(self._changelog.scopes.look(scope))

    def labels(self, scope: str) -> dict[str, Label]:
        """Return people's labels of the patterns of `scope`, by pattern."""
        if scope not in self._changelog.scopes:
            return {}
        known = self._changelog.scopes.look(scope)
        names, labels = known.baseline.patterns.name, known.baseline.labels
        return {names.item(row): label for row in labels.patterns() if (label := labels.get(row)) is not None}

    def scopes(self) -> list[ScopeStatistics]:
        """Return the figures of every scope, by name."""
        warm_up = self.settings.warm_up
        return [scope_statistics(name, facts, warm_up) for name, facts in self._changelog.scopes.facts()]

    @property
    def scopes_let_go(self) -> int:
        """How many scopes were let go because there were more than `max_scopes`."""
        return self._changelog.scopes.let_go


def _minute(end: int) -> int:
    """Return the minute of a time in microseconds, as a ring stores it."""
    return min(max(0, end // MINUTE_US), LAST_MINUTE)


def _judged(view: ScopeView, phase: Phase, *, learned: bool) -> tuple[Judgement, bytes]:
    """Return the judgement of a session, with the reasons where it carries a clue, and the finding that is noted."""
    assessment = assess(view)
    clues = decide(view, assessment.p_value) if phase is Phase.LIVE else ()
    why = (nearest(view.baseline, view.vector), evidence(view, assessment)) if clues else ((), ())
    judgement = _judgement(view, assessment, phase, clues, why, learned=learned)
    return judgement, finding(assessment.values, judgement.score, view.sketch)


def _judgement(
    view: ScopeView, assessment: Assessment, phase: Phase, clues: tuple[SessionClue, ...], why: _Why, *, learned: bool
) -> Judgement:
    """Return the judgement of a session with these clues."""
    label = view.known.label
    normal = label is LabelVerdict.NORMAL
    p_value = 1.0 if normal else assessment.p_value
    return Judgement(
        score=0.0 if normal else assessment.score,
        similarity=assessment.similarity,
        p_value=p_value if phase is Phase.LIVE else None,
        anomalous=bool(clues),
        learned=learned,
        phase=phase,
        parts={**assessment.parts(), "rank": p_value},
        seen=int(view.baseline.window.total),
        label=label,
        nearest=why[0],
        evidence=why[1],
        clues=clues,
    )
