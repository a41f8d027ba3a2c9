"""An alert's case as rows: what differs is marked, and nothing of a line is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.console.case import CauseRow, case_rows, cause_rows
from daemon.core.text import clean
from tests.support.consoles import alert

WORDS = st.lists(st.sampled_from(["error", "in", "pool", "42", "<NUM>", "x=1", "  ", "(", "9f3a"]), max_size=8)


def line(text: str, near: str | None, **more: Any) -> dict[str, Any]:
    return {"text": text, "count": 1, "expected": 0, "why": "new", "contribution": 1.0, "nearest_normal": near} | more


def test_missing_lines_come_first_and_usual_ones_are_not_marked() -> None:
    """What makes the case leads: what is missing, what is new; then what is as usual."""
    rows = case_rows(alert())

    assert [("-", 12), ("+", 0), ("=", 1)] == [(row.sign, row.expected) for row in rows]
    assert [20, 80, 0] == [row.part for row in rows]
    assert "missing; in 99.8% of sessions" == rows[0].note
    assert not any(odd for row in (rows[0], rows[2]) for _, odd in (*row.here, *row.normal))


def test_words_that_differ_are_marked_on_both_sides() -> None:
    """Numbers and placeholders are not words; blanks between two marked words are marked, others not."""
    (row,) = case_rows({"session": [line("dead lock on 4711 found", "LOCK wait on <NUM>")]})

    assert [("dead", True), (" lock on 4711 ", False), ("found", True)] == list(row.here)
    assert [("LOCK ", False), ("wait", True), (" on <NUM>", False)] == list(row.normal)


@given(WORDS, WORDS)
def test_pieces_are_the_whole_line(text: list[str], near: list[str]) -> None:
    """Joined, the pieces of a side are its line."""
    here, there = " ".join(text), " ".join(near)
    (row,) = case_rows({"session": [line(here, there)]})

    assert clean(here) == "".join(piece for piece, _ in row.here)
    assert clean(there) == "".join(piece for piece, _ in row.normal)


def test_causes_are_listed_in_the_order_published() -> None:
    """What an incident is about, with the sentence that says why; a message without causes gives none."""
    cause = {
        "time": "2026-11-22T10:00:00.000Z",
        "scope": "db",
        "kind": "new",
        "text": "ERROR\x1b[0m x",
        "why": "new here",
    }

    assert [CauseRow("2026-11-22T10:00:00.000Z", "db", "new", "ERROR x", "new here")] == cause_rows(
        {"incident": {"causes": [cause, 3]}}
    )
    assert [] == cause_rows(alert())


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"session": 3},
        {"session": [3, None, {}]},
        {"session": [{"text": 7, "count": "x", "share": []}], "contrast": 1},
    ],
)
def test_a_message_of_another_version_gives_what_it_has(document: dict[str, Any]) -> None:
    """Fields that are absent or of another type are not an error."""
    assert all(row.part == 0 for row in case_rows(document))
