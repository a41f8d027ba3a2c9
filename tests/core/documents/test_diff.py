"""The difference of two sequences of words, against the textbook's table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.documents.diff import Edit, diff

WORDS = st.lists(st.sampled_from("abcde"), max_size=30)


def longest_common(one: Sequence[str], two: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, by the quadratic table."""
    row = [0] * (len(two) + 1)
    for first in one:
        before = row
        row = [0]
        for place, second in enumerate(two):
            row.append(before[place] + 1 if first == second else max(row[-1], before[place + 1]))
    return row[-1]


def patched(there: Sequence[str], here: Sequence[str], edits: Sequence[Edit]) -> list[str]:
    """Return `there` with the edits applied."""
    result, at = list[str](), 0
    for edit in edits:
        result += [*there[at : edit.there_from], *here[edit.here_from : edit.here_to]]
        at = edit.there_to
    return [*result, *there[at:]]


@settings(deadline=None)
@given(WORDS, WORDS)
def test_edits_lead_from_one_to_the_other(there: list[str], here: list[str]) -> None:
    """Applied to the first sequence, the edits give the second; they are in order and do not touch."""
    edits = diff(there, here)

    assert here == patched(there, here, edits)
    assert all(one.there_to < two.there_from and one.here_to < two.here_from for one, two in pairwise(edits))


@settings(deadline=None)
@given(WORDS, WORDS)
def test_as_much_is_equal_as_can_be(there: list[str], here: list[str]) -> None:
    """Without joining, what is equal is a longest common subsequence."""
    edits = diff(there, here, island=0)

    assert longest_common(there, here) == len(there) - sum(edit.there_to - edit.there_from for edit in edits)


def test_common_words_between_large_changes_belong_to_them() -> None:
    """Two passages that share no more than one word are one change, not two around it."""
    there = ["the", "buyer", "pays", "in", "advance", "of", "the", "delivery"]
    here = ["goods", "remain", "property", "of", "our", "company"]

    assert [Edit(0, 8, 0, 6)] == diff(there, here)


@settings(deadline=None)
@given(st.lists(st.integers(0, 60).map(str), min_size=60, max_size=90), st.data())
def test_long_texts_are_compared_in_pieces(there: list[str], data: st.DataObject) -> None:
    """Cut into pieces, the edits still lead from one text to the other, and words far from a change stay equal."""
    at = data.draw(st.integers(0, len(there)))
    here = [*there[:at], "new", *there[at + 1 :]]
    edits = diff(there, here, most_pairs=400)

    assert here == patched(there, here, edits)
    assert all(abs(edit.there_from - at) < 60 for edit in edits)


def test_what_is_too_long_is_one_edit() -> None:
    """Of two long texts without a common passage nothing is compared: one edit replaces all."""
    there, here = ["a", "b"] * 50, ["b", "c"] * 50

    assert [Edit(0, 100, 0, 100)] == diff(there, here, most_pairs=400)
    assert [] == diff(there, there, most_pairs=400)
