"""Explanations: which lines, compared with what, in how many words."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.alerts.explanation import Explanation, explain
from daemon.core.alerts.judged_lines import JudgedLines
from daemon.core.types import Evidence, LabelVerdict, Verdict
from tests.support.cases import DEADLOCK, neighbour, verdict

NEW = "ERROR deadlock detected while waiting for ShareLock on <NUM>"


def test_new_line_comes_first_with_its_share_of_the_evidence() -> None:
    """The line with the most evidence is ranked first; its contribution is its share of it, failure words doubled."""
    top = explained(DEADLOCK).lines[0]

    assert (NEW, "new", 13 / 19) == (top.masked, top.why, top.contribution)


def test_of_lines_that_weigh_nearly_the_same_the_first_one_leads() -> None:
    """A failure stands above those that followed it, though they read a little worse; a far weaker line does not."""
    told = explained(
        verdict(
            {"odd": 1, "cannot connect": 1, "unhandled error": 1},
            evidence=[
                Evidence("odd", "rare", 4.0, 0.02),
                Evidence("cannot connect", "severe", 9.7, 0.0),
                Evidence("unhandled error", "severe", 10.0, 0.0),
            ],
        )
    )

    assert ["cannot connect", "unhandled error", "odd"] == [entry.masked for entry in told.lines]


def test_a_known_failure_stands_above_a_harmless_new_line() -> None:
    """How a line reads counts double: in many systems some line or other is always new."""
    told = explained(
        verdict(
            {"mail 4f queued": 1, "(Fatal error)": 1},
            evidence=[Evidence("mail 4f queued", "new", 7.0, 0.0), Evidence("(Fatal error)", "severe", 4.5, 0.2)],
        )
    )

    assert [("(Fatal error)", "severe"), ("mail 4f queued", "new")] == [
        (entry.masked, entry.why) for entry in told.lines
    ]


def test_what_one_session_in_seven_has_counts_for_nothing() -> None:
    """Lines with little evidence are usual, however many there are, so they do not dilute what is odd."""
    usual = {f"line {number}": 1 for number in range(40)}
    told = explained(
        verdict(
            {"odd": 1, **usual},
            evidence=[Evidence("odd", "rare", 5.0, 0.01), *(Evidence(line, "rare", 1.9, 0.15) for line in usual)],
        )
    )

    assert [("odd", "rare", 1.0)] == [
        (entry.masked, entry.why, entry.contribution)
        for entry in told.lines
        if entry.why != "usual" or entry.contribution
    ]


def test_contributions_of_present_and_missing_lines_add_up_to_one() -> None:
    """Every nat of evidence is shown once: at a line that is here or at one that is missing."""
    told = explained(DEADLOCK)

    assert 1.0 == pytest.approx(
        sum(entry.contribution for entry in told.lines)
        + sum(entry.contribution for entry in told.contrast.missing_here)
    )


def test_contrast_names_what_is_only_here_missing_and_usual() -> None:
    """The contrast with the nearest normal pattern has each line in one place."""
    told = explained(DEADLOCK).contrast

    assert [NEW] == [entry.masked for entry in told.only_here]
    assert [("COMMIT", 0, 12, 0.998)] == [
        (entry.masked, entry.count, entry.expected, entry.share) for entry in told.missing_here
    ]
    assert ([], [], 2) == (told.more, told.fewer, told.usual)


def test_counts_that_differ_are_more_or_fewer_with_what_was_expected() -> None:
    """A line both have is in `more` or `fewer` with both counts, largest ratio first."""
    told = explained(
        verdict({"a": 50, "b": 3, "c": 1}, nearest=[neighbour({"a": 5, "b": 2, "c": 4})], evidence=[])
    ).contrast

    assert [("a", 50, 5), ("b", 3, 2)] == [(entry.masked, entry.count, entry.expected) for entry in told.more]
    assert [("c", 1, 4)] == [(entry.masked, entry.count, entry.expected) for entry in told.fewer]


def test_line_missing_here_that_even_the_nearest_lacks_is_still_missing() -> None:
    """Evidence of absence counts though the nearest normal pattern lacks the line as well."""
    told = explained(verdict({"a": 1}, nearest=[neighbour({"a": 1})], evidence=[Evidence("bye", "missing", 4.0, 0.97)]))

    assert ["bye"] == [entry.masked for entry in told.contrast.missing_here]


def test_novelty_of_a_line_is_its_distance_in_words_to_the_nearest_normal_line() -> None:
    """A known line has novelty 0; a changed word costs its share; nothing in common is 1, with no nearest line."""
    told = explained(
        verdict(
            {"user <NUM> logged in": 1, "user <NUM> logged out": 1, "kernel panic": 1},
            nearest=[neighbour({"user <NUM> logged in": 1})],
        )
    )
    found = {entry.masked: (entry.novelty, entry.nearest_normal) for entry in told.lines}

    assert (0.0, "user <NUM> logged in") == found["user <NUM> logged in"]
    assert (0.25, "user <NUM> logged in") == found["user <NUM> logged out"]
    assert (1.0, None) == found["kernel panic"]


def test_line_seen_elsewhere_is_not_novel() -> None:
    """A line that stands in some sessions of the window has novelty 0 though no near pattern has it."""
    told = explained(verdict({"x": 1}, evidence=[Evidence("x", "rare", 3.0, 0.001)]))

    assert (0.0, "x") == (told.lines[0].novelty, told.lines[0].nearest_normal)


def test_what_few_sessions_have_is_not_missed() -> None:
    """Lines that most sessions have are missing, the one that most have first."""
    absent = [
        Evidence("bye", "missing", 4.0, 0.98),
        Evidence("c", "missing", 3.0, 0.95),
        Evidence("d", "missing", 0.7, 0.5),
    ]
    told = explained(verdict({"a": 1}, nearest=[neighbour({"a": 1})], evidence=absent))

    assert ["bye", "c"] == [entry.masked for entry in told.contrast.missing_here]


def test_line_repeated_far_more_often_than_usual_makes_the_case() -> None:
    """A count 250 times the usual one is evidence of its own: ranked first, with what was expected and found."""
    told = explained(
        verdict(
            {"connect": 1, "retry <NUM>": 500, "odd": 1},
            nearest=[neighbour({"connect": 1, "retry <NUM>": 2})],
            evidence=[Evidence("odd", "rare", 2.5, 0.08), Evidence("retry <NUM>", "rare", 0.1, 0.9)],
        )
    )

    assert [("retry <NUM>", "count"), ("odd", "rare")] == [(entry.masked, entry.why) for entry in told.lines[:2]]
    assert log(250) / (log(250) + 2.5) == pytest.approx(told.lines[0].contribution)
    assert [("retry <NUM>", 500, 2)] == [(entry.masked, entry.count, entry.expected) for entry in told.contrast.more]


def test_count_that_varies_from_one_normal_session_to_the_next_is_no_evidence() -> None:
    """Of several normal patterns the one whose count is nearest is believed; one not yet normal says nothing."""
    usual, other = neighbour({"poll": 2}, similarity=0.9), replace(neighbour({"poll": 300}), pattern="cd" * 8)
    seen_once = replace(other, weight=0.00002)

    assert ("usual", 0.0) == _first(verdict({"poll": 500}, nearest=[usual, other]))
    assert ("count", 1.0) == _first(verdict({"poll": 500}, nearest=[usual, seen_once]))


def test_line_that_nearly_vanished_is_an_odd_count_too() -> None:
    """Fewer is as odd as more; a few more or less is not."""
    assert ("count", 1.0) == _first(verdict({"ping": 1}, nearest=[neighbour({"ping": 40})]))
    assert ("usual", 0.0) == _first(verdict({"ping": 6}, nearest=[neighbour({"ping": 1})]))


def explained(case: Verdict) -> Explanation:
    return explain(JudgedLines.of(case))


def _first(case: Verdict) -> tuple[str, float]:
    top = explained(case).lines[0]
    return top.why, top.contribution


def test_failure_that_was_never_seen_is_called_new() -> None:
    """That it is new can be checked, so it comes before how it reads."""
    told = explained(
        verdict({"boom": 1}, evidence=[Evidence("boom", "new", 5.0, 0.0), Evidence("boom", "severe", 9.0, 0.0)])
    )

    assert "new" == told.lines[0].why


def test_contrast_is_with_an_established_pattern() -> None:
    """The same anomaly a minute ago is nearer, but one session of it is not normal traffic; a confirmed one is."""
    twin = replace(neighbour({"boom": 1}, similarity=0.99, weight=0.0001), pattern="aa" * 8)
    usual = neighbour({"ok": 1}, similarity=0.8, weight=0.3)
    confirmed = replace(twin, label=LabelVerdict.NORMAL)

    assert ["ab" * 8, "aa" * 8, "aa" * 8] == [
        told.pattern
        for near in ([twin, usual], [twin], [confirmed, usual])
        if (told := explained(verdict({"boom": 1}, nearest=near, seen=1000)).contrast.reference)
    ]


@settings(deadline=None)
@given(
    st.dictionaries(st.text(max_size=120), st.integers(1, 9), min_size=1, max_size=6),
    st.dictionaries(st.text(max_size=120), st.integers(1, 9), max_size=6),
    st.lists(
        st.tuples(
            st.text(max_size=120),
            st.sampled_from(["new", "rare", "missing", "severe", "count"]),
            st.floats(0, 30),
            st.floats(0, 1),
        ),
        max_size=6,
    ),
)
def test_explanations_of_anything_keep_their_promises(
    lines: dict[str, int], normal: dict[str, int], evidence: list[tuple[str, str, float, float]]
) -> None:
    """Whatever the lines and the evidence: every line once, bounded shares."""
    case = verdict(lines, nearest=[neighbour(normal)], evidence=[Evidence(*entry) for entry in evidence])
    told = explained(case)

    assert sorted(lines) == sorted(entry.masked for entry in told.lines)
    assert all(0 <= entry.contribution <= 1 and 0 <= (entry.novelty or 0) <= 1 for entry in told.lines)
    assert sorted(lines.keys() - normal.keys()) == sorted(entry.masked for entry in told.contrast.only_here)
    assert normal.keys() - lines.keys() <= {entry.masked for entry in told.contrast.missing_here}


def test_contrast_is_not_with_the_pattern_itself() -> None:
    """A pattern that is in the baseline is compared with another one, or there would be no difference to show."""
    usual = neighbour({"ok": 1}, similarity=0.8, weight=0.3)
    itself = replace(neighbour({"boom": 1}, similarity=1.0, weight=0.05), pattern="aa" * 8)
    told = explained(verdict({"boom": 1}, pattern="aa" * 8, nearest=[itself, usual], seen=1000))

    assert ["boom"] == [entry.masked for entry in told.contrast.only_here]
