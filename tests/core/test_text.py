"""Text for people."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.text import (
    clean,
    duration,
    first_new_word,
    gist,
    harmless,
    harmless_json,
    many,
    percent,
    shorten,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain  text ", "plain text"),
        ("\x1b[1;31mERROR\x1b[0m disk", "ERROR disk"),
        ("\x1b]0;owned\x07title \x9b2J", "title "),
        ("bell\x07 back\x08 nul\x00", "bell· back· nul·"),
        ("evil \u202etxt.exe", "evil ·txt.exe"),
        ("a\tb\r\nc\u2028d", "a b c d"),
        ("日本語 ключ", "日本語 ключ"),
        ("\x1b", "·"),
    ],
)
def test_clean_text_shows_and_obeys_nothing(text: str, expected: str) -> None:
    """Escape sequences go, other control and invisible characters become dots, letters stay."""
    assert expected.strip() == clean(text).strip()


@settings(deadline=None)
@given(st.text())
def test_clean_text_is_printable_whatever_it_was(text: str) -> None:
    """No text at all comes out with something a terminal obeys, and cleaning twice changes nothing."""
    assert clean(text).isprintable()
    assert clean(text) == clean(clean(text))


def test_shares_read_as_people_write_them() -> None:
    """A share keeps the digits that matter at both ends."""
    shares = [0.0, 0.00001, 0.0004, 0.012, 0.12, 0.5, 0.998, 0.99995, 1.0]

    assert ["0%", "under 0.01%", "0.04%", "1.2%", "12%", "50%", "99.8%", "over 99.9%", "100%"] == [
        percent(share) for share in shares
    ]


def test_long_text_is_cut_with_an_ellipsis() -> None:
    """A cut text is no longer than asked, and shows that it was cut."""
    assert ("abcd", "abc…") == (shorten("abcd", 4), shorten("abcdef", 4))


def test_nouns_follow_their_count() -> None:
    """One line, two lines, thousands with a comma."""
    assert ["0 lines", "1 line", "1,200 lines"] == [many(count, "line") for count in (0, 1, 1200)]


def test_gist_of_a_stack_trace_is_its_first_and_last_line() -> None:
    """What failed and why stand at the ends; one or two lines stay whole."""
    trace = "ERROR in GET /\nTraceback (most recent call last):\n  File x\n    pass\nKeyError: 'tax'\n"
    java = "ERROR in fetch\njava.io.IOException: gone\n\tat a.B.c(B.java:1)\nCaused by: reset\n\tat d.E\n\t... 3 more\n"

    assert ["ERROR in GET / … KeyError: 'tax'", "ERROR in fetch … Caused by: reset", "one two"] == [
        gist(trace),
        gist(java),
        gist("one\ntwo"),
    ]


def test_the_first_new_word_is_where_two_lines_part() -> None:
    """A word that only differs in case is not new; where nothing is new, it is the beginning."""
    known = "INFO [group-coordinator-event-processor] GroupMetadataManager: member joined"
    text = "INFO [group-coordinator-event-processor] GroupMetadataManager: member has failed, removing it from there"

    assert "has failed" == text[first_new_word(text, known) :][:10]
    assert 0 == first_new_word("Member JOINED 7", "member joined")


@pytest.mark.parametrize(
    ("seconds", "digits", "expected"),
    [
        (-1, 1, "0 s"),
        (59.6, 1, "60 s"),
        (100, 1, "1.7 min"),
        (119, 0, "2 min"),
        (5400, 1, "1.5 h"),
        (1e6, 1, "12 days"),
    ],
)
def test_a_duration_is_in_its_largest_unit(seconds: float, digits: int, expected: str) -> None:
    """A length of time has a decimal below ten of its unit, unless it is told without."""
    assert expected == duration(seconds, digits)


def test_an_error_is_harmless_and_keeps_its_lines() -> None:
    """Control characters of what a user typed or a server said do not reach the terminal; spaces and lines stay."""
    assert "no scope 'x'\n  try y·" == harmless("no scope '\x1b]52;c;aGk=\x07x'\n  try y\x9d")


@given(st.text())
def test_harmless_json_is_the_same_document(text: str) -> None:
    """What is not printable is written as an escape, and means the same."""
    written = harmless_json(json.dumps({"message": text}, ensure_ascii=False))
    assert {"message": text} == json.loads(written)
    assert all(c.isprintable() for c in written)
