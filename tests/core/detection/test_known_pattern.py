"""What a scope knows of its patterns is kept between their sessions."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.baseline import Baseline, Definition, Label
from daemon.core.detection.known_pattern import KnownPattern, KnownPatterns
from daemon.core.types import LabelVerdict, Pattern
from tests.support.traffic import DIMENSIONS, HOUR, SOURCE, pattern, vector

LINES = ["open", "read", "close", "fail", "retry"]
PATTERNS = [
    *(pattern("open", line) for line in LINES[1:]),
    *(pattern(line) for line in LINES),
    pattern("open", "open", "read"),
    pattern("read", "retry", "fail"),
]

STEPS = st.one_of(
    st.tuples(st.just("session"), st.integers(0, len(PATTERNS) - 1), st.integers(1, 12)),
    st.tuples(st.just("label"), st.integers(0, len(PATTERNS) - 1), st.sampled_from([*LabelVerdict, None])),
    st.tuples(st.just("pause"), st.integers(1, 40), st.just(0)),
)


def take(baseline: Baseline, made: Pattern, count: int, hour: int) -> None:
    for _ in range(count):
        baseline.define([Definition(made.id, made.lines, vector(made))])
        baseline.add(made.id, SOURCE, hour * HOUR)


@given(st.lists(STEPS, max_size=25))
def test_what_is_kept_is_what_looking_it_up_again_gives(steps: list[tuple[str, int, Any]]) -> None:
    """Labels, other common lines and dropped patterns all change what is known of a pattern."""
    baseline, known, hour = Baseline(DIMENSIONS, 28 * HOUR, 0.2, 6), KnownPatterns(), 0
    for kind, which, value in steps:
        if kind == "session":
            take(baseline, PATTERNS[which], value, hour)
        elif kind == "pause":
            hour += which
        else:
            label = None if value is None else Label(LabelVerdict(value), hour)
            baseline.set_label(PATTERNS[which].id, label)
        for made in PATTERNS:
            expected = KnownPattern.of(baseline, made)
            for one, other in zip(map(np.asarray, expected), map(np.asarray, known.of(baseline, made)), strict=True):
                assert np.array_equal(one, other)
                assert one.dtype == other.dtype


def test_a_known_pattern_is_looked_up_once() -> None:
    """Sessions, of the pattern and of others, do not make it be looked up again; a label does."""
    baseline, known = Baseline(DIMENSIONS, 28 * HOUR, 0.2, 6), KnownPatterns()
    one, other = PATTERNS[:2]
    take(baseline, one, 20, 0)
    first = known.of(baseline, one)
    take(baseline, one, 3, 0)
    assert known.of(baseline, one) is first
    assert known.memory() > 0
    baseline.set_label(other.id, Label(LabelVerdict.NORMAL, 0))
    assert known.of(baseline, one) is not first
