"""What the detector promises: clues, feedback, teaching, evidence, and learning whatever the verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from daemon.core.detection.detector import Detector, DetectorSettings
from daemon.core.types import Judgement, Pattern, Phase
from tests.support.traffic import DIMENSIONS, SOURCE, pattern, vector

MINUTE = 60_000_000
USUAL = [pattern("open", "read", "close"), pattern("open", "write", "close"), pattern("open", "close")]


def make(warm_up: int = 200) -> Detector:
    return Detector(DetectorSettings(warm_up=warm_up), "model", DIMENSIONS)


def judge(detector: Detector, sessions: Iterable[Pattern], start: int = 0) -> list[Judgement]:
    return [
        detector.judge(made, vector(made), end=(start + number) * MINUTE, source=SOURCE)
        for number, made in enumerate(sessions)
    ]


def usual(count: int, seed: int = 0) -> Iterator[Pattern]:
    """Steady traffic: three frequent patterns, and in one session of 50 a rare line, of which there are 400."""
    generator = np.random.default_rng(seed)
    for _ in range(count):
        made = USUAL[int(generator.choice(3, p=[0.6, 0.3, 0.1]))]
        if generator.uniform() < 0.02:
            made = pattern(*(line for line, _ in made.lines), f"note {int(generator.integers(400))}")
        yield made


def test_a_scope_first_only_learns() -> None:
    """Up to `warm_up` sessions there is no p-value and no alert; the next is live."""
    judged = judge(make(warm_up=50), usual(60))
    assert [Phase.WARM_UP] * 50 + [Phase.LIVE] * 10 == [judgement.phase for judgement in judged]
    assert all(judgement.p_value is None and not judgement.anomalous for judgement in judged[:50])
    assert list(range(60)) == [judgement.seen for judgement in judged]


def test_what_never_came_is_an_alert_with_evidence_and_neighbours() -> None:
    """A session with a new failing line is anomalous; its line comes first, and the lack of a common line is told."""
    detector = make()
    judge(detector, usual(600))
    odd = pattern("open", "ERROR deadlock detected")
    judgement = judge(detector, [odd], 600)[0]
    assert judgement.anomalous
    assert judgement.p_value is not None
    assert judgement.p_value <= 0.01
    assert "ERROR deadlock detected" == judgement.evidence[0].line
    kinds = {(piece.line, piece.kind) for piece in judgement.evidence}
    assert {("ERROR deadlock detected", "new"), ("ERROR deadlock detected", "severe"), ("close", "missing")} <= kinds
    assert sorted((piece.nats for piece in judgement.evidence), reverse=True) == [p.nats for p in judgement.evidence]
    similar = [neighbour.similarity for neighbour in judgement.nearest]
    assert len(similar) == 3
    assert similar == sorted(similar, reverse=True)
    assert judgement.similarity == pytest.approx(similar[0], abs=1e-3)


def test_only_alerts_pay_for_their_explanation() -> None:
    """A usual session carries neither evidence nor neighbours."""
    judged = judge(make(), usual(400))
    assert all(not judgement.evidence and not judgement.nearest for judgement in judged if not judgement.anomalous)


def test_p_values_of_steady_traffic_are_conservative() -> None:
    """On steady traffic a p-value at or below a level comes at most as often as the level says, but for chance.

    Chance is five standard errors of the share over all runs. At levels that only rare lines reach, sessions count as
    independent. Above, whole patterns lie on one side of the level for as long as a run's baseline has them there, so
    that the error is what runs differ by; between 0.02 and 0.3 it would hide anything.
    """
    runs = np.array([[entry.parts["rank"] for entry in judge(make(), usual(2500, seed))[200:]] for seed in range(6)])
    for level in (0.01, 0.02):
        share = float((runs <= level).mean())
        assert share <= level + 5 * math.sqrt(level * (1 - level) / runs.size)
    shares = (runs <= 0.3).mean(axis=1)
    assert shares.mean() <= 0.3 + 5 * shares.std(ddof=1) / math.sqrt(len(shares))


def test_p_values_of_continuous_scores_are_uniform() -> None:
    """Where no two sessions are alike, p-values are uniform: each tenth of them holds a tenth."""
    generator = np.random.default_rng(5)
    detector = make(warm_up=1000)
    made = [pattern("open", *(f"w{n}" for n in generator.integers(0, 60, size=6))) for _ in range(5000)]
    judged = judge(detector, made)
    ranks = np.array([judgement.parts["rank"] for judgement in judged if judgement.phase is Phase.LIVE])
    shares = np.histogram(ranks, bins=10, range=(0, 1))[0] / len(ranks)
    assert np.abs(shares - 0.1).max() < 0.035


def test_the_p_value_is_the_rank_whatever_is_decided() -> None:
    """Clues do not touch it: it is the rank of the score among recent sessions, of anomalous and normal ones alike."""
    judged = judge(make(), [*usual(500), *(pattern("open", f"fail {n}") for n in range(60)), *usual(500, seed=1)])
    live = [judgement for judgement in judged if judgement.p_value is not None]
    assert [judgement.parts["rank"] for judgement in live] == [judgement.p_value for judgement in live]
    assert [bool(judgement.clues) for judgement in live] == [judgement.anomalous for judgement in live]
    assert any(judgement.anomalous for judgement in live)


def test_each_clue_is_carried_by_what_it_means() -> None:
    """A line of unknown wording is new; a rare line that reads like a failure is one; a strange mixture is neither."""
    detector = make()
    generator = np.random.default_rng(3)
    judge(detector, [USUAL[int(generator.choice(3))] for _ in range(1500)])
    failing = pattern("open", "ERROR store refused to answer at all", "close")
    new = pattern("open", "INFO cache of prices was warmed", "close")
    mixture = pattern("read", "write")
    carried = [judgement.clues for judgement in judge(detector, [mixture, failing, new, failing], 1500)]
    assert [("mixture",), ("new", "failure"), ("new",), ("failure",)] == [tuple(clues) for clues in carried]


def test_a_usual_pattern_carries_no_clue() -> None:
    """A pattern that is a hundredth of the traffic is usual, whatever came a moment before."""
    detector = make()
    judge(detector, usual(1500))
    judge(detector, [pattern("open", "FATAL cache unreachable", "retrying")], 1500)
    assert not any(judgement.anomalous for judgement in judge(detector, USUAL * 5, 1501))


def test_a_failure_that_floods_becomes_usual() -> None:
    """Half of the traffic turning into one new failure carries a clue at first, and another failure still does."""
    detector = make()
    judge(detector, usual(1500))
    flood = pattern("FATAL cache unreachable", "retrying")
    judged = judge(detector, [made for steady in usual(500, seed=2) for made in (steady, flood)], 1500)
    anomalous = [number for number, judgement in enumerate(judged) if judgement.anomalous]
    assert 1 == anomalous[0]
    assert len(anomalous) <= 40
    other = pattern("open", "ERROR invoice red lost, cannot bill")
    assert judge(detector, [*usual(100, seed=3), flood, other], 2500)[101].anomalous


def test_one_pattern_is_never_anomalous() -> None:
    """A stream of equal sessions has nothing anomalous in it."""
    assert not any(judgement.anomalous for judgement in judge(make(), [USUAL[0]] * 1000))


def test_normal_silences_a_pattern_and_its_relatives_at_once() -> None:
    """One confirmation: the pattern has p 1 for good, and so has a relative that was as strange as any before."""
    odd = pattern("open", "ERROR quota lost", "close")
    relative = pattern("open", "ERROR quota lost", "ERROR quota lost", "close")

    def prepared() -> Detector:
        detector = make()
        judge(detector, usual(600))
        judge(detector, [odd], 600)
        return detector

    before, after = prepared(), prepared()
    after.label("shop", odd.id, "normal", source=SOURCE, at=0, by="ann", note="known")
    unsaid = judge(before, [relative], 601)[0]
    again, near = judge(after, [odd, relative], 601)
    assert (False, 1.0, "normal") == (again.anomalous, again.p_value, again.label)
    assert unsaid.parts["rank"] <= 0.01
    assert unsaid.score > near.score
    assert (False, 1.0) == (near.anomalous, near.p_value)
    assert ("normal", "ann", "known") == (
        after.labels("shop")[odd.id].verdict,
        after.labels("shop")[odd.id].by,
        after.labels("shop")[odd.id].note,
    )


def test_a_word_on_one_pattern_takes_nothing_from_what_fails_otherwise() -> None:
    """A failure line that is normal in one pattern keeps another session with it as high as any of its score."""
    known, other = pattern("open", "ERROR quota lost", "close"), pattern("write", "ERROR quota lost", "read")
    detector = make()
    judge(detector, usual(600))
    judge(detector, [known], 600)
    detector.label("shop", known.id, "normal", source=SOURCE, at=0)
    judged = judge(detector, [known, other], 601)
    assert [False, True] == [judgement.anomalous for judgement in judged]


def test_where_people_said_both_of_the_same_lines_each_pattern_is_judged_by_itself() -> None:
    """One number of a line is normal, another is not: what has a third is judged as if nobody had said anything."""
    few, some, many = (pattern("open", *["ERROR quota lost"] * count) for count in (1, 2, 3))
    detector = make()
    judge(detector, [*usual(600), few, some])
    detector.label("shop", few.id, "normal", source=SOURCE, at=0)
    assert "normal" == judge(detector, [many], 602)[0].label
    detector.label("shop", some.id, "anomalous", source=SOURCE, at=0)
    assert ["normal", "anomalous", None] == [judgement.label for judgement in judge(detector, [few, some, many], 603)]


def test_anomalous_keeps_a_pattern_alarming_for_ever_and_forget_undoes() -> None:
    """However often it comes it alerts and is never part of normal; forgotten, it is judged as any other."""
    odd = pattern("open", "probe")
    detector = make()
    judge(detector, usual(600))
    detector.label("shop", odd.id, "anomalous", source=SOURCE, at=0)
    judged = judge(detector, [odd] * 300, 600)
    assert all(("label",) == tuple(judgement.clues) for judgement in judged)
    assert all(near.pattern != odd.id for near in judged[-1].nearest)
    detector.label("shop", odd.id, None, source=SOURCE, at=0)
    assert not judge(detector, [odd], 900)[0].anomalous
    assert {} == detector.labels("shop")


def test_an_unknown_verdict_is_refused() -> None:
    """Only normal, anomalous and forgetting can be said."""
    with pytest.raises(ValueError, match="normal, anomalous or forget"):
        make().label("shop", "p", "maybe", source=SOURCE, at=0)


def test_taught_sessions_are_normal_at_once_and_are_not_judged() -> None:
    """After teaching, what was taught has p 1 and what is new stands out, without any warm-up."""
    detector = make()
    for number, made in enumerate(usual(400)):
        taught = detector.judge(made, vector(made), end=number * MINUTE, source=SOURCE, teach=True)
        assert (Phase.TEACH, False, None) == (taught.phase, taught.anomalous, taught.p_value)
    known, new = judge(detector, [USUAL[2], pattern("open", "FATAL panic")], 400)
    assert (Phase.LIVE, 1.0) == (known.phase, known.p_value)
    assert new.anomalous


def test_without_learning_nothing_changes() -> None:
    """A frozen detector gives the same judgement again and has nothing to publish; it remembers the vector only."""
    detector = make()
    judge(detector, usual(300))
    detector.updates(SOURCE)
    odd = pattern("open", "fail")
    assert detector.vector(odd) is None
    first, second = (detector.judge(odd, vector(odd), end=300 * MINUTE, source=SOURCE, learn=False) for _ in range(2))
    assert first == second
    assert not first.learned
    assert [] == detector.updates(SOURCE)
    known = detector.vector(odd)
    assert known is not None
    assert np.array_equal(vector(odd), known)


def test_scopes_are_apart_and_say_what_they_do() -> None:
    """What one scope has seen is nothing to another; statistics are per scope."""
    detector = make(warm_up=10)
    judge(detector, usual(300))
    judge(detector, [pattern("GET", scope="web")], 300)
    shop, web = detector.scopes()
    assert ("shop", Phase.LIVE, 300) == (shop.scope, shop.phase, shop.sessions)
    assert ("web", Phase.WARM_UP, 1, 1, 1) == (web.scope, web.phase, web.sessions, web.patterns, web.lines)
    assert shop.anomalous <= 0.05
