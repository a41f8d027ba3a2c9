"""A document as clauses: labels, headings, and no word lost."""
# ruff: noqa: RUF001  # other scripts are meant

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


LISTS = {
    "German, from 4": "Haftung und Gewähr\n4. Der Anbieter haftet nicht.\n5. Der Kunde haftet.\n6. Es gilt das Recht.",
    "French articles": "Dispositions finales :\nArticle 7 Le client paie.\nArticle 8 Le prix est fixe.",
    "short articles": "Zum Schluss:\nArt. 12 Der Vertrag endet.\nArt. 13 Die Frist beginnt.",
    "paragraph signs": "Es gilt:\n§ 12 Der Anbieter haftet.\n§ 13 Der Kunde zahlt.",
    "Chinese digits": "总则：\n第九条 甲方应当付款。\n第十条 乙方应当交货。\n第十一条 争议由法院解决。",
    "Chinese numbers": "总则：\n第3条 甲方应当付款。\n第4条 乙方应当交货。",
    "Chinese lists": "规定如下：\n（二）甲方付款；\n（三）乙方交货。",
    "Japanese": "総則：\n第2条 買主は支払う。\n第3条 売主は引き渡す。",
    "Korean": "다음과 같다:\n제4조 구매자는 지불한다.\n제5조 판매자는 인도한다.",
    "Russian": "Прочее:\nСтатья 4 Покупатель платит.\nСтатья 5 Продавец поставляет.",
    "Spanish": "Otros:\nCláusula 5. El cliente paga.\nCláusula 6. El precio es fijo.",
    "Arabic": "أحكام:\nالمادة ٤ يدفع المشتري الثمن.\nالمادة ٥ يسلم البائع البضاعة.",
    "letters": "The seller may:\n(g) deliver;\n(h) wait;\n(i) refuse;\n(j) return.",
    "levels": "Duties:\n4.2 The seller delivers.\n4.3 The buyer pays.",
    "no ends": "Duties\n3. deliver the goods\n4. pay the price\n5. keep the books",
}


@pytest.mark.parametrize("text", LISTS.values(), ids=LISTS)
def test_numbered_lines_are_clauses_whatever_number_they_begin_with(text: str) -> None:
    """Without blank lines between them, in many languages; each has its label, and none is lost."""
    first, *others = split_clauses([Block(text)])

    assert len(text.split("\n")) - 1 == len(others)
    assert "" == first.label
    assert all(clause.label and clause.text for clause in others)


@pytest.mark.parametrize(
    "text",
    [
        "Pay until the\n30. June of the year, or until the\n31. July of the next.",
        "As agreed in\nSection 4 of the terms, the buyer pays.",
        "The notice is given by\n3. March.",
    ],
)
def test_numbers_of_wrapped_sentences_are_no_labels(text: str) -> None:
    """Where a sentence goes on over the line, its numbers stay in the text."""
    assert [text] == [clause.text for clause in split_clauses([Block(text)])]


def test_a_list_goes_on_over_blank_lines() -> None:
    """A number in the middle of a paragraph follows the last one of its style, in whatever paragraph that was."""
    clauses = split_clauses(blocks_of("3. The seller delivers.\n\nHe does so in time.\n4. The buyer pays."))

    assert ["3.", "", "4."] == [clause.label for clause in clauses]


@pytest.mark.parametrize("label", ["7.", "(b)", "(ii)", "§ 4", "2.1.", "第3条", "•"])
def test_a_label_in_a_paragraph_of_its_own_belongs_to_the_next(label: str) -> None:
    """As lists look when a page becomes text; another number is then no change."""
    clauses = split_clauses(blocks_of(f"The buyer may:\n\n {label}\n\n    refuse the goods,\n    or a part of them."))

    assert [("", "The buyer may:"), (label, "refuse the goods,\n    or a part of them.")] == [
        (clause.label, clause.text) for clause in clauses
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The price is\n\n12.5\n\nper hour.", ["The price is", "12.5", "per hour."]),
        ("3.\n\n4. The buyer pays.", ["3.", "The buyer pays."]),
        ("The buyer pays.\n\n9.", ["The buyer pays.", "9."]),
    ],
)
def test_a_number_that_labels_nothing_stays_text(text: str, expected: list[str]) -> None:
    """An amount, a label before another label, and a label at the end."""
    assert expected == [clause.text for clause in split_clauses(blocks_of(text))]


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
