"""The incremental baseline against one that keeps every session and counts them all again."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.baseline.baseline import Baseline
from daemon.core.baseline.labels import Label
from daemon.core.baseline.pattern_table import Definition
from daemon.core.baseline.weight_rows import Weight
from daemon.core.baseline.window import BUCKETS, HELD
from daemon.core.calibration.ranks import absence_nats, conditional_nats, distance_to_measure, presence_nats
from daemon.core.detection.components import distance
from daemon.core.detection.known_pattern import KnownPattern
from daemon.core.detection.rarity import missing, present
from daemon.core.types import LabelVerdict, Pattern, TopicPartition
from tests.support.traffic import DIMENSIONS, HOUR, SOURCE, pattern, vector

OTHER = TopicPartition("logs", 7)

WINDOW = BUCKETS * HOUR
LINES = ["open", "read", "write", "close", "fail", "retry"]
PATTERNS = [
    pattern("open", "close"),
    pattern("open", "read", "close"),
    pattern("open", "read", "read", "close"),
    pattern("open", "write", "close"),
    pattern("open", "fail"),
    pattern("retry"),
    pattern("read", "retry", "fail"),
]


def make(max_patterns: int = 100) -> Baseline:
    return Baseline(DIMENSIONS, WINDOW, 0.1, max_patterns)


def add(baseline: Baseline, made: Pattern, hour: int, source: TopicPartition = SOURCE) -> None:
    baseline.define([Definition(made.id, made.lines, vector(made))])
    baseline.add(made.id, source, hour * HOUR)


@dataclass
class Naive:
    """Every session ever, by pattern and hour."""

    sessions: list[tuple[int, int]] = field(default_factory=list)
    labels: dict[int, str] = field(default_factory=dict)

    def start(self) -> int:
        hours = sorted((hour for _, hour in self.sessions), reverse=True)
        return hours[9] - HELD + 1 if len(hours) >= 10 else 0

    def mass(self) -> dict[int, float]:
        inside = [which for which, hour in self.sessions if hour >= self.start()]
        mass = {which: float(inside.count(which)) for which in range(len(PATTERNS)) if which in inside}
        for which, verdict in self.labels.items():
            if verdict == "anomalous":
                mass.pop(which, None)
            elif which in {w for w, _ in self.sessions}:
                mass[which] = max(mass.get(which, 0.0), 0.1 * len(inside), 1.0)
        return mass


TIMES = st.integers(100, 160)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(PATTERNS) - 1), TIMES), min_size=1, max_size=80),
    st.dictionaries(st.integers(0, len(PATTERNS) - 1), st.sampled_from(["normal", "anomalous"]), max_size=2),
)
def test_masses_equal_a_recount(sessions: list[tuple[int, int]], labels: dict[int, str]) -> None:
    """Whatever the order of sessions and times, masses of patterns and lines are those of a recount."""
    baseline, naive = make(), Naive()
    for which, hour in sessions:
        add(baseline, PATTERNS[which], hour)
        naive.sessions.append((which, hour))
    known = {which for which, _ in sessions}
    for which, verdict in labels.items():
        if which in known and PATTERNS[which].id in baseline:
            baseline.set_label(PATTERNS[which].id, Label(LabelVerdict(verdict), 0))
            naive.labels[which] = verdict
    expected = naive.mass()
    actual = {which: baseline.mass_of(PATTERNS[which].id) for which in range(len(PATTERNS))}
    assert {which: expected.get(which, 0.0) for which in actual} == pytest.approx(actual)
    assert sum(expected.values()) == pytest.approx(baseline.counted)
    for line in LINES:
        number = baseline.lines.find(line)
        having = sum(mass for which, mass in expected.items() if line in dict(PATTERNS[which].lines))
        assert having == pytest.approx(float(baseline.lines.mass[number]) if number >= 0 else 0.0)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(PATTERNS) - 1), TIMES), min_size=1, max_size=60), st.randoms())
def test_the_order_of_learning_does_not_matter(sessions: list[tuple[int, int]], random: object) -> None:
    """The same sessions in another order give the same clock, total and masses."""
    one, other = make(), make()
    for which, hour in sessions:
        add(one, PATTERNS[which], hour)
    for which, hour in sorted(sessions):
        add(other, PATTERNS[which], hour)
    assert one.window.clock == other.window.clock
    assert one.window.total == other.window.total
    assert [one.mass_of(p.id) for p in PATTERNS] == [other.mass_of(p.id) for p in PATTERNS]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(PATTERNS) - 1), st.integers(100, 160)), min_size=1, max_size=60))
def test_parts_equal_their_definitions(sessions: list[tuple[int, int]]) -> None:
    """Distance, rarity and lack follow from the weighted patterns by their formulas, computed without any shortcut."""
    baseline = make()
    for which, hour in sessions:
        add(baseline, PATTERNS[which], hour)
    weights = {which: baseline.mass_of(made.id) for which, made in enumerate(PATTERNS)}
    held = [which for which, weight in weights.items() if weight > 0]
    total = sum(weights.values())
    common = {line for line in LINES if (n := baseline.lines.find(line)) >= 0 and baseline.lines.common[n]}
    having = {line: sum(weights[w] for w in held if line in dict(PATTERNS[w].lines)) for line in LINES}
    for made in PATTERNS:
        own = vector(made)
        away = {w: 0.0 if PATTERNS[w] is made else max(0.0, 1 - float(vector(PATTERNS[w]) @ own)) for w in held}
        near = sorted(held, key=lambda w: away[w])
        wanted = 0.1 * baseline.window.total
        expected = distance_to_measure(np.array([away[w] for w in near]), np.array([weights[w] for w in near]), wanted)
        assert expected == pytest.approx(distance(baseline, baseline.defined(made.id), own)[0], abs=1e-5)
        known = KnownPattern.of(baseline, made)
        backbone = {line for line, _ in made.lines} & common
        alike = [w for w in held if {line for line, _ in PATTERNS[w].lines} & common == backbone]
        assert sum(weights[w] for w in alike) == pytest.approx(baseline.similar(known.backbone))
        for (line, _), nats in zip(made.lines, present(baseline, known), strict=True):
            if line in common:
                value = presence_nats(having[line], total)
            else:
                together = sum(weights[w] for w in alike if line in dict(PATTERNS[w].lines))
                share = np.array([(having[line] + 0.5) / (total + 1)])
                value = conditional_nats(np.array([together]), share, sum(weights[w] for w in alike), 0.1 * total)[0]
            assert float(value) == pytest.approx(float(nats), rel=1e-6)
        lacking = missing(baseline, known)
        expected_lack = {line: float(absence_nats(having[line], total)) for line in common - backbone}
        actual_lack = {baseline.lines.text.item(n): float(v) for n, v in zip(known.absent, lacking, strict=True)}
        assert expected_lack == pytest.approx(actual_lack)


STEPS = st.one_of(
    st.tuples(st.just("learn"), st.integers(0, len(PATTERNS) - 1), TIMES),
    st.tuples(st.just("read"), st.integers(0, len(PATTERNS) - 1), TIMES),
    st.tuples(st.just("label"), st.integers(0, len(PATTERNS) - 1), st.integers(0, 2)),
    st.tuples(st.just("crowd"), st.integers(0, 40), TIMES),
)


@settings(deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=80))
def test_what_is_kept_equals_a_recount_whatever_happened(steps: list[tuple[str, int, int]]) -> None:
    """Learning, other replicas' counts, labels in any order, expiry and eviction: nothing that is kept along drifts."""
    baseline = make(max_patterns=20)
    for step, which, value in steps:
        made = pattern(f"line {which}", "open") if step == "crowd" else PATTERNS[which]
        if step == "label":
            verdict = ("normal", "anomalous", None)[value]
            baseline.set_label(made.id, Label(LabelVerdict(verdict), 0) if verdict else None)
        elif step == "read":
            bucket = value * HOUR // baseline.window.bucket_us
            baseline.set_weight(made.id, OTHER, Weight({bucket: 1 + which}, value * HOUR, value * HOUR))
        else:
            add(baseline, made, value)
    table, patterns = baseline.lines, baseline.patterns
    rows = [row for name, row in baseline.rows() if baseline.defined(name) == row]
    mass = {row: patterns.mass.item(row) for row in rows}
    assert sum(mass.values()) == pytest.approx(baseline.counted)
    similar: dict[int, float] = {}
    for row in rows:
        assert [table.find(line) for line, _ in baseline.lines_of(row)] == baseline.numbers(row).tolist()
        assert table.backbone(baseline.numbers(row)) == patterns.backbone[row]
        backbone = patterns.backbone.item(row)
        similar[backbone] = similar.get(backbone, 0.0) + mass[row]
    for backbone, sum_ in similar.items():
        assert sum_ == pytest.approx(baseline.similar(np.uint64(backbone)))
    held = {line for row in rows for line, _ in baseline.lines_of(row)}
    assert len(held) == table.used
    labels = {row: label for row in rows if (label := baseline.labels.get(row)) is not None}
    normal = [row for row, label in labels.items() if label.verdict is LabelVerdict.NORMAL]
    for line in held:
        number = table.find(line)
        holders = [row for row in rows if line in dict(baseline.lines_of(row))]
        assert sum(mass[row] for row in holders) == pytest.approx(table.mass.item(number))
        assert sorted(holders) == sorted(table.holders(number).tolist())
        assert sum(row in normal for row in holders) == table.confirmed[number]
    said = {(frozenset(baseline.numbers(row).tolist()), label.verdict) for row, label in labels.items()}
    for row in rows:
        own = frozenset(baseline.numbers(row).tolist())
        confirmed = (own, LabelVerdict.NORMAL) in said and (own, LabelVerdict.ANOMALOUS) not in said
        assert confirmed == baseline.labels.confirmed(baseline.numbers(row))


WEIGHTS = st.lists(
    st.tuples(
        st.integers(0, len(PATTERNS) - 1), st.sampled_from([SOURCE, OTHER]), st.lists(TIMES, min_size=1, max_size=5)
    ),
    max_size=14,
    unique_by=lambda weight: weight[:2],
)


@settings(deadline=None)
@given(WEIGHTS, st.lists(st.sampled_from(PATTERNS), max_size=4))
def test_weights_read_at_once_count_as_those_read_one_by_one(
    weights: list[tuple[int, TopicPartition, list[int]]], normal: list[Pattern]
) -> None:
    """Clock, total and masses are the same however many records a replica reads at a time."""
    one, other = make(), make()

    def read(baseline: Baseline) -> None:
        for which, source, hours in weights:
            made = PATTERNS[which]
            baseline.define([Definition(made.id, made.lines, vector(made), 160 * HOUR)])
            buckets = {hour * HOUR // baseline.window.bucket_us: hours.count(hour) * 5 for hour in hours}
            baseline.set_weight(made.id, source, Weight(buckets, 100 * HOUR, 160 * HOUR))
        for made in normal:
            baseline.set_label(made.id, Label(LabelVerdict.NORMAL, 0))

    read(one)
    with other.at_once():
        read(other)
    assert (one.window.clock, one.window.total) == (other.window.clock, other.window.total)
    assert [one.mass_of(made.id) for made in PATTERNS] == pytest.approx([other.mass_of(made.id) for made in PATTERNS])
    assert one.counted == pytest.approx(other.counted)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(PATTERNS), st.integers(0, 3)), max_size=10), st.sets(st.sampled_from(PATTERNS))
)
def test_patterns_defined_at_once_are_as_those_defined_one_by_one(
    made: list[tuple[Pattern, int]], labelled: set[Pattern]
) -> None:
    """Lines, who holds them, times of renewal, labels and backbones are the same, also where a pattern comes twice."""
    one, other = make(), make()
    definitions = [Definition(some.id, some.lines, vector(some), renewed) for some, renewed in made]
    for baseline, groups in ((one, [[each] for each in definitions]), (other, [definitions])):
        for some in sorted(labelled, key=lambda each: each.id):
            baseline.set_label(some.id, Label(LabelVerdict.NORMAL, 0))
        for group in groups:
            baseline.define(group)
        for some, _ in made:
            baseline.add(some.id, SOURCE, 100 * HOUR)

    def state(baseline: Baseline) -> list[object]:
        table, names = baseline.lines, baseline.patterns.name
        lines = {line: table.find(line) for line in LINES if table.find(line) >= 0}
        return [
            [
                (name, baseline.lines_of(row), baseline.patterns.renewed[row], baseline.patterns.mass[row])
                for name, row in baseline.rows()
            ],
            {line: sorted(names[table.holders(number)]) for line, number in lines.items()},
            {line: (table.mass[number], table.confirmed[number]) for line, number in lines.items()},
            [baseline.similar(table.backbone(baseline.numbers(baseline.row(some.id)))) for some, _ in made],
        ]

    assert state(one) == state(other)


def test_a_line_of_a_pattern_confirmed_normal_comes_after_its_equals() -> None:
    """It reads a little less badly than before, worse than every milder line, and as before once that is taken back."""
    failure, milder = pattern("ERROR quota lost", "open"), pattern("ERROR quota", "open")
    baseline = make()
    for made in (failure, milder):
        add(baseline, made, 0)

    def worst(made: Pattern) -> float:
        return float(KnownPattern.of(baseline, made).failures.max())

    before = worst(failure)
    baseline.set_label(failure.id, Label(LabelVerdict.NORMAL, 0))
    assert worst(milder) < worst(failure) < before
    baseline.set_label(failure.id, None)
    assert before == worst(failure)


def test_one_absurd_time_does_not_expire_the_window() -> None:
    """The clock follows time that several sessions have reached, so one session from the far future moves nothing."""
    baseline = make()
    for _ in range(50):
        add(baseline, PATTERNS[0], 100)
    add(baseline, PATTERNS[1], 1_000_000)
    assert baseline.mass_of(PATTERNS[0].id) == 50.0


def test_what_ended_is_forgotten_and_what_is_weekly_is_remembered() -> None:
    """A pattern is dropped a window after its last session, with its lines; one that recurs once a window stays."""
    baseline = make()
    for hour in range(10 * BUCKETS):
        for _ in range(12):
            add(baseline, PATTERNS[0], hour)
        if hour % BUCKETS == (hour // BUCKETS) % 2:  # now and then an hour late
            assert (hour < 2) or baseline.mass_of(PATTERNS[3].id) >= 1.0
            add(baseline, PATTERNS[3], hour)
        if hour < BUCKETS:
            add(baseline, PATTERNS[5], hour)
    assert baseline.mass_of(PATTERNS[3].id) >= 1.0
    assert PATTERNS[5].id not in baseline
    assert baseline.lines.find("retry") == -1
    assert baseline.window.total <= 13 * HELD


def test_eviction_keeps_what_is_heavy_labelled_or_recent() -> None:
    """Above `max_patterns` the lightest go, of equals the longest unseen; labelled patterns stay."""
    baseline = make(max_patterns=50)
    kept = pattern("kept")
    add(baseline, kept, 100)
    baseline.set_label(kept.id, Label(LabelVerdict.ANOMALOUS, 0))
    for _ in range(5):
        add(baseline, PATTERNS[0], 100)
    for number in range(500):
        add(baseline, pattern(f"line {number}"), 100 + number // 100)
    assert len(baseline) <= 50
    assert {kept.id, PATTERNS[0].id, pattern("line 499").id} <= dict(baseline.rows()).keys()
    assert baseline.lines.used <= 60


def test_a_pattern_confirmed_normal_is_as_near_as_can_be() -> None:
    """One confirmation gives a pattern the mass that the distance averages over, so its distance is 0."""
    baseline = make()
    for _ in range(200):
        add(baseline, PATTERNS[0], 100)
    odd = PATTERNS[6]
    add(baseline, odd, 100)
    before = distance(baseline, baseline.defined(odd.id), vector(odd))[0]
    baseline.set_label(odd.id, Label(LabelVerdict.NORMAL, 0))
    assert before > 0.1
    assert distance(baseline, baseline.defined(odd.id), vector(odd))[0] == 0.0
