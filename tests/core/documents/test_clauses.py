"""A document as clauses: labels, headings, and no word lost."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.documents import Block, Clause, WordedText, blocks_of, split_clauses

TEXT = """TERMS OF SALE

1. Payment is due
within 30 days.
2. Late payment bears interest.

  (a) of five percent;
  (b) from the due date.

Governing Law

§ 3 The law of Norway applies."""


def test_labels_begin_clauses_and_are_no_part_of_them() -> None:
    """Numbers, letters and paragraph signs are labels, also in the middle of a paragraph; headings are paths."""
    clauses = split_clauses(blocks_of(TEXT))

    assert [
        ("", "TERMS OF SALE", ""),
        ("1.", "Payment is due\nwithin 30 days.", "TERMS OF SALE > 1."),
        ("2.", "Late payment bears interest.", "TERMS OF SALE > 2."),
        ("(a)", "of five percent;", "TERMS OF SALE > (a)"),
        ("(b)", "from the due date.", "TERMS OF SALE > (b)"),
        ("", "Governing Law", ""),
        ("§ 3", "The law of Norway applies.", "Governing Law > § 3"),
    ] == [(clause.label, clause.text, clause.place) for clause in clauses]


def test_a_number_at_the_start_of_a_wrapped_line_is_no_label() -> None:
    """Only the next number of its style begins a clause in the middle of a paragraph."""
    (clause,) = split_clauses([Block("The notice must be given by December\n31. The seller may waive it.")])

    assert "31" in clause.text


def test_levels_nest() -> None:
    """A heading of a parser is below the last one of a higher level."""
    clauses = split_clauses([Block("2 Duties", 1), Block("2.1 Care", 2), Block("Take care."), Block("Fees", 1)])

    assert [
        Clause("2 Duties", "", (), heading=True),
        Clause("Care", "2.1", ("2 Duties",), heading=True),
        Clause("Take care.", "", ("2 Duties", "Care")),
        Clause("Fees", "", (), heading=True),
    ] == clauses


@pytest.mark.parametrize("width", [30, 57, 200])
def test_wrapping_changes_no_word(width: int) -> None:
    """However lines are broken, the words are the same."""
    wrapped = "\n\n".join(textwrap.fill(part, width) for part in TEXT.split("\n\n") if "\n" not in part)
    straight = "\n\n".join(part for part in TEXT.split("\n\n") if "\n" not in part)

    assert _forms(straight) == _forms(wrapped)


@settings(deadline=None)
@given(st.text(alphabet="ab1.() \n§-iv漢", max_size=80))
def test_no_text_breaks_it(text: str) -> None:
    """Any text has clauses, none of them empty, and their letters are the text's, in order."""
    clauses = split_clauses(blocks_of(text))
    kept = "".join(f"{clause.label}{clause.text}" for clause in clauses)
    letters = iter(char for char in text if not char.isspace())

    assert all(clause.text for clause in clauses)
    assert all(char in letters for char in kept if not char.isspace())


def _forms(text: str) -> list[str]:
    return list(WordedText.of(split_clauses(blocks_of(text))).forms)
