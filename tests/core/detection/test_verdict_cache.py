"""The verdict on a frequent pattern serves again: when it does, and that no alert depends on it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import numpy as np
import pytest

from daemon.core.baseline import Baseline, Sessions
from daemon.core.detection import changelog_codec, verdict_cache
from daemon.core.detection.assessment import Assessment, assess
from daemon.core.detection.detector import Detector, DetectorSettings
from daemon.core.detection.scope import ScopeView
from daemon.core.types import Judgement, Pattern, RefusedText, SessionClue, TopicPartition, Update
from tests.support.traffic import DIMENSIONS, SOURCE, pattern, vector

MINUTE = 60_000_000
USUAL = [pattern("open", "read", f"close {n}") for n in range(8)]


def make() -> Detector:
    return Detector(DetectorSettings(warm_up=500), "model", DIMENSIONS)


def judge(detector: Detector, sessions: Iterable[Pattern], start: int = 0) -> list[Judgement]:
    return [
        detector.judge(made, vector(made), end=(start + number) * MINUTE // 10, source=SOURCE)
        for number, made in enumerate(sessions)
    ]


def traffic(count: int, seed: int = 0) -> Iterator[Pattern]:
    """Eight usual patterns, and one session in 40 with a line of its own, some of which read badly."""
    generator = np.random.default_rng(seed)
    for _ in range(count):
        made = USUAL[min(int(generator.geometric(0.3)) - 1, 7)]
        if generator.uniform() < 0.025:
            word = "failed" if generator.uniform() < 0.3 else "done"
            made = pattern(*(line for line, _ in made.lines), f"step {int(generator.integers(300))} {word}")
        yield made


@pytest.fixture
def assessed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Patterns assessed again, in order."""
    seen: list[str] = []

    def counted(view: ScopeView) -> Assessment:
        seen.append(view.pattern.id)
        return assess(view)

    monkeypatch.setattr("daemon.core.detection.detector.assess", counted)
    return seen


def test_verdicts_are_those_of_assessing_every_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sessions alert, and what is not far from an alert has nearly the same p-value."""
    made = [*traffic(3000), *(pattern("open", "ERROR disk lost") for _ in range(30)), *traffic(1500, seed=1)]
    kept = judge(make(), made)
    monkeypatch.setattr(verdict_cache, "FREQUENT", float("inf"))
    again = judge(make(), made)
    assert [judgement.anomalous for judgement in again] == [judgement.anomalous for judgement in kept]
    assert any(judgement.anomalous for judgement in again)
    for one, other in zip(again, kept, strict=True):
        if (one.p_value or 1.0) < verdict_cache.CLEAR / 2:
            assert one.p_value == pytest.approx(other.p_value, rel=0.1)


def test_most_sessions_of_frequent_patterns_are_not_assessed_anew(assessed: list[str]) -> None:
    """Of steady traffic less than a quarter is; a pattern of few sessions always is."""
    detector = make()
    judge(detector, traffic(3000))
    assessed.clear()
    rare = pattern("open", "read", "something else")
    judge(
        detector,
        [made for at, usual in enumerate(traffic(500, seed=1)) for made in (usual, *([rare] * (not at % 33)))],
        3000,
    )
    assert 16 == assessed.count(rare.id)
    assert len(assessed) - 16 < 125


def test_a_fault_that_many_sessions_show_is_not_assessed_each_time(assessed: list[str]) -> None:
    """Its sessions all carry their clue, which follows from how rare the line is."""
    detector, fault = make(), pattern("open", "read", "ERROR disk lost")
    judge(detector, traffic(6000))
    judge(detector, [fault] * 16, 6000)
    assessed.clear()
    judged = judge(detector, [fault] * 30, 6016)
    assert {(SessionClue.FAILURE,)} == {judgement.clues for judgement in judged}
    assert 0 < len(assessed) < 10


def test_a_label_counts_at_once(assessed: list[str]) -> None:
    """After a person labels any pattern everything is assessed again, and the label shows."""
    detector = make()
    judge(detector, traffic(2500))
    detector.label("shop", USUAL[0].id, "anomalous", source=SOURCE, at=0)
    assessed.clear()
    judged = judge(detector, USUAL[:2], 2500)
    assert [made.id for made in USUAL[:2]] == assessed
    assert [True, False] == [judgement.anomalous for judgement in judged]


def test_a_label_whose_pattern_comes_later_counts_when_it_comes(assessed: list[str]) -> None:
    """A person's word may be read before the pattern that it is about, which another replica knows."""
    detector, late = make(), pattern("open", "read", "read", "close 0")
    detector.label("shop", late.id, "normal", source=SOURCE, at=0)
    judge(detector, traffic(2500))
    assessed.clear()
    detector.apply(
        [
            Update(
                changelog_codec.vector_key("shop", late.id),
                changelog_codec.dump_vector("model", 1, late.lines, vector(late)),
            )
        ]
    )
    judged = judge(detector, USUAL[:1], 2500)
    assert [USUAL[0].id] == assessed
    assert "normal" == judged[0].label


@pytest.mark.parametrize("at_once", [1, 7, 100_000])
def test_sessions_judged_together_are_those_judged_one_by_one(at_once: int, assessed: list[str]) -> None:
    """Verdicts, and the records of all that was learned, do not depend on how many sessions are judged at once."""
    fault = pattern("open", "ERROR disk lost")
    mixed = [*traffic(5000), *[fault] * 40, *traffic(1000, seed=1)]
    sessions = [(made, number * MINUTE // 10) for number, made in enumerate(mixed)]
    one_by_one, together = make(), make()
    singly = [one_by_one.judge(made, vector(made), end=end, source=SOURCE) for made, end in sessions]
    expected, vectors = assessed.copy(), {made.id: vector(made) for made in mixed}
    assessed.clear()
    judged = list[Judgement]()
    while len(judged) < len(sessions):
        judged += together.judge_all(sessions[len(judged) : len(judged) + at_once], vectors, SOURCE)
    assert singly == judged
    assert expected == assessed
    assert one_by_one.updates(SOURCE) == together.updates(SOURCE)


def test_judging_together_ends_where_a_vector_lacks() -> None:
    """A session that must be assessed waits for its vector, and those after it wait with it; repeats need none."""
    detector, new = make(), pattern("open", "unheard of")
    judge(detector, traffic(2500))
    sessions = [(made, 250 * MINUTE) for made in (USUAL[0], new, USUAL[0])]
    assert 1 == len(detector.judge_all(sessions, {}, SOURCE))
    assert 0 == len(detector.judge_all(sessions[1:], {new.id: RefusedText("too long")}, SOURCE))
    assert 2 == len(detector.judge_all(sessions[1:], {new.id: vector(new)}, SOURCE))


def test_where_there_is_a_label_sessions_are_learned_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mass of a labelled pattern is no whole number, so sums would depend on how sessions were learned together."""
    detector, known = make(), Baseline.add_known
    judge(detector, traffic(2500))
    sessions = [(made, 250 * MINUTE) for made in traffic(20, seed=2)]
    vectors, runs = {made.id: vector(made) for made, _ in sessions}, list[int]()

    def counted(self: Baseline, sessions: Collection[Sessions], source: TopicPartition) -> None:
        runs.append(sum(some.count for some in sessions))
        known(self, sessions, source)

    monkeypatch.setattr(Baseline, "add_known", counted)
    assert 20 == len(detector.judge_all(sessions, vectors, SOURCE))
    assert max(runs) > 5
    runs.clear()
    detector.label("shop", USUAL[7].id, "normal", source=SOURCE, at=0)
    assert 20 == len(detector.judge_all(sessions, vectors, SOURCE))
    assert [] == runs


def test_what_is_undone_leaves_no_cached_verdict(assessed: list[str]) -> None:
    """When work on a partition begins again, so does judging."""
    detector = make()
    judge(detector, traffic(2500))
    detector.release(SOURCE)
    detector.acquire(SOURCE)
    assessed.clear()
    judge(detector, USUAL[:2], 2500)
    assert [made.id for made in USUAL[:2]] == assessed
