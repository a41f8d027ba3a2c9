"""Families of lines against a count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.baseline.baseline import Baseline
from daemon.core.baseline.labels import Label
from daemon.core.baseline.line_families import NONE, wording
from daemon.core.baseline.pattern_table import Definition
from daemon.core.baseline.window import BUCKETS
from daemon.core.detection.known_pattern import KnownPattern
from daemon.core.detection.rarity import present
from daemon.core.types import LabelVerdict
from tests.support.traffic import DIMENSIONS, HOUR, SOURCE, pattern, vector

NAMES = ["anna", "Bert", "Carl", "db-7", "x1"]
LINES = [f"INFO auth: User {name} has logged in from <IP>" for name in NAMES] + ["ready", "INFO auth: lost <NUM>"]
SETS = st.lists(st.sampled_from(LINES), min_size=1, max_size=4, unique=True)


def make(max_patterns: int = 1000) -> Baseline:
    return Baseline(DIMENSIONS, BUCKETS * HOUR, 0.1, max_patterns)


def learn(baseline: Baseline, lines: list[str], hour: int = 100) -> str:
    made = pattern(*lines)
    baseline.define([Definition(made.id, made.lines, vector(made))])
    baseline.add(made.id, SOURCE, hour * HOUR)
    return made.id


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("LOG app connection by Anna was closed", "LOG app connection by Bert was closed", True),
        ("LOG app connection by Anna was closed", "LOG app connection by Anna was opened", False),
        ("LOG app connection by Anna was closed", "LOG db connection by Anna was closed", False),
        ("LOG app connection by Anna was closed", "LOG app connection by Anna was closed early", False),
        ("LOG app table Orders is full", "LOG app table Coupons is full", True),
    ],
)
def test_a_wording_is_what_stays_when_names_change(one: str, other: str, alike: bool) -> None:
    """Names may differ; plain words, the first two tokens and the number of tokens may not."""
    assert alike == (wording(one) == wording(other))


@pytest.mark.parametrize("line", ["", "ready", "INFO auth: lost <NUM>", "ОШИБКА 数据库 连接 失败", "FATAL X Y Z"])
def test_a_line_of_hardly_any_words_has_no_family(line: str) -> None:
    """Without two plain words there is no wording to go by."""
    assert wording(line) is None


@settings(deadline=None)
@given(st.lists(st.tuples(SETS, st.integers(100, 150)), min_size=1, max_size=40), st.booleans())
def test_a_family_has_the_mass_of_the_sessions_that_have_a_line_of_it(
    sessions: list[tuple[list[str], int]], labelled: bool
) -> None:
    """However often sessions recur, expire, are evicted or labelled, families have the mass of their patterns."""
    baseline = make(max_patterns=12)
    for lines, hour in sessions:
        name = learn(baseline, lines, hour)
        if labelled and len(lines) == 1:
            baseline.set_label(name, Label(LabelVerdict.ANOMALOUS, 0))
    table = baseline.lines
    for line in LINES:
        worded = wording(line)
        holders = [
            row
            for _, row in baseline.rows()
            if worded is not None and any(wording(other) == worded for other, _ in baseline.lines_of(row))
        ]
        number = table.families.find(line)
        actual = float(table.families.mass[number]) if number != NONE else 0.0
        assert float(baseline.patterns.mass[np.array(holders, np.int64)].sum()) == pytest.approx(actual)
        assert bool(holders) == (number != NONE)


def test_a_new_name_in_a_routine_message_is_not_news() -> None:
    """A line that was never seen is as likely as its wording, one of a new wording is as unlikely as can be."""
    baseline = make()
    for number in range(200):
        learn(baseline, [f"INFO auth: User U{number} has logged in from <IP>"])
    routine = pattern("INFO auth: User Zoe has logged in from <IP>")
    strange = pattern("INFO auth: User Zoe has been locked by <IP>")
    nats = [float(present(baseline, KnownPattern.of(baseline, entry))[0]) for entry in (routine, strange)]
    assert nats[0] < 0.01
    assert nats[1] > 5.0
