"""What departs from a standard, how much it weighs, and what is not a departure."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.documents import (
    Comparison,
    Thresholds,
    WordedText,
    WordKind,
    blocks_of,
    by_clauses,
    by_cosine,
    by_rank,
    compare,
    is_odd,
    split_clauses,
)

CONTRACT = [
    "SERVICE AGREEMENT",
    "1. The Supplier shall deliver the service to the Customer without interruption.",
    "2. The Customer must pay each invoice within 30 days after it was received.",
    "3. The Supplier indemnifies the Customer against claims of third parties.",
    "4. Liability is limited to 10,000 EUR, except in cases of gross negligence.",
    "5. This agreement was signed by Nordwind Ltd on 4 March 2021 and is governed by the law of Norway.",
    "6. Either party may terminate the agreement with a notice of three months.",
]


def worded(paragraphs: Sequence[str]) -> WordedText:
    return WordedText.of(split_clauses(blocks_of("\n\n".join(paragraphs))))


def changed(number: int, old: str, new: str) -> Comparison:
    """Compare the contract with one whose clause `number` says something else."""
    assert old in CONTRACT[number]
    return compare(
        worded(CONTRACT), worded([*CONTRACT[:number], CONTRACT[number].replace(old, new), *CONTRACT[number + 1 :]])
    )


@pytest.mark.parametrize(
    ("number", "old", "new", "kind"),
    [
        (1, "shall", "may", WordKind.MODAL),
        (1, "shall", "shall not", WordKind.NEGATION),
        (2, "30", "90", WordKind.NUMBER),
        (2, "after", "before", WordKind.DEGREE),
        (3, "The Supplier indemnifies the Customer", "The Customer indemnifies the Supplier", WordKind.PARTY),
        (4, "10,000 EUR", "100,000 EUR", WordKind.NUMBER),
        (4, "gross negligence", "negligence", WordKind.DEGREE),
        (6, "three", "12", WordKind.NUMBER),
    ],
)
def test_small_changes_that_matter_are_found(number: int, old: str, new: str, kind: WordKind) -> None:
    """One changed word is the gravest departure, in its clause, with what sort of word it is."""
    (departure,) = changed(number, old, new).departures

    assert ("changed", number, f"SERVICE AGREEMENT > {number}.") == (
        departure.kind,
        departure.clause,
        departure.place,
    )
    assert kind in departure.kinds
    assert departure.weight >= Thresholds().departure


@pytest.mark.parametrize(
    ("number", "old", "new"),
    [
        (5, "Nordwind Ltd", "Acme Corporation"),
        (5, "4 March 2021", "17 August 2024"),
        (1, "service", "ser\u00advice"),
        (2, "30", "thirty"),
        (3, "third parties", "third-parties"),
        (6, "terminate the agreement", "terminate\nthe  agreement"),
    ],
)
def test_what_is_filled_in_or_typography_is_no_finding(number: int, old: str, new: str) -> None:
    """Names, dates, soft hyphens, number words, hyphens and spaces are not departures."""
    assert () == tuple(changed(number, old, new).departures)


def test_missing_added_and_moved_clauses_are_told_apart() -> None:
    """A clause that is gone is missing, a new one added, and one that stands elsewhere moved, in place of both."""
    added = "7. The Customer waives all rights to audit the books and records."
    shuffled = [*CONTRACT[:2], CONTRACT[3], CONTRACT[5], CONTRACT[6], CONTRACT[2], added]
    found = {
        (each.kind, each.clause, each.clause_here) for each in compare(worded(CONTRACT), worded(shuffled)).departures
    }

    assert {("missing", 4, None), ("added", None, 6), ("moved", 2, 5)} == found


def test_clauses_without_words_are_equal() -> None:
    """A rule of signs between clauses is neither a word nor a departure."""
    with_rules = [CONTRACT[0], "* * *", *CONTRACT[1:], "-----"]

    assert () == tuple(compare(worded(CONTRACT), worded(with_rules)).departures)


def test_words_are_marked_where_they_stand() -> None:
    """Both sides hold the whole clause, with marks on what was deleted and inserted."""
    (departure,) = changed(2, "30 days", "90 days").departures

    assert CONTRACT[2].removeprefix("2. ") == "".join(piece.text for piece in departure.there)
    assert [("30", "deleted", WordKind.NUMBER)] == [(p.text, p.mark, p.kind) for p in departure.there if p.mark]
    assert [("90", "inserted", WordKind.NUMBER)] == [(p.text, p.mark, p.kind) for p in departure.here if p.mark]


@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.integers(25, 120), st.integers(1, 40))
def test_harmless_edits_are_no_finding(chance: random.Random, width: int, number: int) -> None:
    """Wrapped in other places, numbered from anywhere, with other quotes and spaces: nothing is found."""
    edited = []
    for place, paragraph in enumerate(CONTRACT):
        text = paragraph.partition(". ")[2] if place else paragraph
        label = chance.choice(
            [f"{number + place}. ", f"({number + place}) ", f"Section {number + place}. ", f"{number}.{place} "]
        )
        edited.append(textwrap.fill(f"{label}{text}" if place else text, width, break_on_hyphens=False))

    assert () == tuple(compare(worded(CONTRACT), worded(edited)).departures)


@settings(deadline=None)
@given(st.lists(st.sampled_from(CONTRACT), max_size=8), st.lists(st.sampled_from(CONTRACT), max_size=8))
def test_every_word_that_differs_is_accounted_for(there: list[str], here: list[str]) -> None:
    """Equal texts have no departures; different sets of clauses have some, and weights are not negative."""
    found = compare(worded(there), worded(here))

    assert all(departure.weight > 0 for departure in found.departures)
    if there == here:
        assert () == tuple(found.departures)
    if set(there) != set(here):
        assert found.departures


def test_words_beside_a_change_are_shown_where_most_was_added() -> None:
    """A mark in one paragraph and a sentence at the beginning of the next are one change, which shows the sentence."""
    before = worded(["The review takes place every two years. The board approves changes."])
    after = worded(
        ["The review takes place every two years.[1]", "[1] Unless it decides otherwise. The board approves changes."]
    )
    (departure,) = compare(before, after).departures
    assert "Unless it decides otherwise" in "".join(piece.text for piece in departure.here)


def test_the_rule_that_decides() -> None:
    """A p-value decides where there is one; elsewhere a grave departure or a low cosine does."""
    limits = Thresholds()
    grave = by_clauses(changed(1, "shall", "may"), limits)
    near, far = by_cosine(0.99, limits), by_cosine(0.5, limits)
    usual = by_rank(8.0, [float(value) for value in range(40)], limits)
    assert usual is not None

    assert ("odd", "normal", "odd", "normal") == (grave.says, near.says, far.says, usual.says)
    assert (True, True, False) == (is_odd([grave, near]), is_odd([far]), is_odd([grave, near, usual]))
    assert by_rank(1.0, [0.0] * 19, limits) is None
    assert ["normal", "unsure", "odd"] == [by_cosine(value, limits).says for value in (0.92, 0.8, 0.74)]


def gravest(there: str, here: str) -> float:
    departures = compare(worded([there]), worded([here])).departures
    return departures[0].weight if departures else 0.0


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("The lease ends on 31 December 2025.", "The lease ends on 31 December 2027."),
        ("Pay no later than 4 March 2021.", "Pay no later than 4 May 2021."),
        ("Pay within thirty (30) days.", "Pay within thirty (90) days."),
        (
            "Acme Corp shares Source Code. Source Code is shared.",
            "Acme Corp shares Binary Code. Source Code is shared.",
        ),
        ("We, Alpha Corp, pay Beta Inc. Then Beta Inc acts.", "We, Beta Inc, pay Alpha Corp. Then Beta Inc acts."),
        ("Here Secret Data means all data.", "Here Public Data means all data."),
        ("The courts of Oslo decide.", "The courts of Geneva decide."),
        ("The duties of Section 4 apply.", "The duties of Section 9 apply."),
        ("Copyright (c) 2020 Acme Corp, All Rights Reserved.", "Copyright (c) 2020 Acme Corp, Most Rights Reserved."),
        ("IT IS PROTECTED BY COPYRIGHT. BY ITS USE YOU ACCEPT.", "IT IS PROTECTED BY COPYRIGHT. BY ITS USE WE ACCEPT."),
        ("It is a permanent and annual fee.", "It is a permanent and biannual fee."),
        ("It is kept below 25 °C.", "It is kept below 25 °F."),
        ("Remedy it within 14 days.", "Remedy it within 14 working days."),
        ("You mustn't copy it.", "You must copy it."),
    ],
)
def test_names_dates_and_numbers_matter_where_they_oblige(there: str, here: str) -> None:
    """A deadline, a restated number, a party exchanged, a defined term, a court and another clause are findings."""
    assert gravest(there, here) >= Thresholds().departure


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("Pay within thirty (30) days.", "Pay within 30 days."),
        ("Pay within twenty-five days.", "Pay within 25 days."),
        ("Answer within 24 hours, and ping every 30 seconds.", "Answer within 24 h, and ping every 30 s."),
        ("It mustn't leak. It cannot fail. It won't stop.", "It must not leak. It can't fail. It will not stop."),
        ("It costs 10,000.00 EUR and 5 percent.", "It costs €10000 and 5%."),
        ("Signed on 4 March 2021 by us.", "Signed on March 4, 2021 by us."),
        ("Signed on 4 March 2021 by us.", "Signed on 2021-03-04 by us."),
        ("Copyright (c) 2019, 2020 Karla Winterberg", "Copyright (c) 2020-2022 Blue Heron Systems Limited"),
        ("See https://example.org/a-b/c.html.", "See https://example.org/a-\nb/c.html."),
        ("It is by [name of owner].", "It is by [name\nof owner]."),
        (
            "Sold by Nordwind Ltd. The risk is with Nordwind Ltd.",
            "Sold by Acme Limited. The risk is with Acme Limited.",
        ),
        ("The goods are sold.\n\nThe risk passes.", "The goods are sold.\n\n12\n\nThe risk passes."),
    ],
)
def test_other_ways_to_write_the_same_are_no_finding(there: str, here: str) -> None:
    """Numbers, units, money, dates and addresses in another form, contractions, another holder, page numbers."""
    assert gravest(there, here) == 0.0


def test_a_moved_heading_moves_with_its_clauses() -> None:
    """A heading that stands elsewhere is moved, not missing and added, and weighs less than its clause."""
    short = ["Fees", "2. The Customer pays for each hour of work.", "Term", "3. The agreement ends after a year."]
    swapped = [CONTRACT[0], *CONTRACT[1:4], *short[2:], *short[:2]]

    departures = compare(worded([CONTRACT[0], *CONTRACT[1:4], *short]), worded(swapped)).departures

    assert {"moved"} == {each.kind for each in departures}
    assert [False, True] == [each.weight < 3.0 for each in departures]
