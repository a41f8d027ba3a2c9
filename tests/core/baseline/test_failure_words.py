"""How badly lines read."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.baseline.failure_words import _HINTS, _WORDS, failure_score


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Served block <NUM> to <IP>", 0.0),
        ("Got exception while serving <NUM>", 1.0),
        ("java.net.SocketTimeoutException: connection refused", 3.0),
        ("cannot open: no such file, job aborted, node dead", 3.0),
        ("verarbeitung abgeschlossen", 0.0),
    ],
)
def test_without_a_level_distinct_failure_words_count(line: str, expected: float) -> None:
    """A line that states no level scores by its words, CamelCase taken apart, at most 3."""
    assert expected == failure_score(line)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("DEBUG cache hit", 0.0),
        ("KERNEL INFO <NUM> error(s) detected and corrected", 0.25),
        ("[warn] <NUM>#<NUM>: a request body is buffered", 0.5),
        ("postfix/postdrop[<NUM>]: warning: unable to look up: no such file", 0.75),
        ("ERROR shop.pay: order <NUM>", 1.0),
        ("sshd[<NUM>]: error: bind to port <NUM> failed", 1.25),
        ("KERNEL FATAL rts: bad message header", 2.25),
        ("KERNEL FATAL program image too big", 2.0),
        ("FEHLER FATAL Verbindung verloren", 2.0),
        ("<TIME>, Info CBS Failed to get next element", 0.25),
        (
            "- <NUM> <NUM>.<NUM> R<NUM>-M<NUM>-N<NUM>-I:J<NUM>-U<NUM> <TIME>-<IP><NUM> R<NUM> RAS APP FATAL <PATH>",
            2.0,
        ),
        ("chrome.exe *<NUM> - host:<NUM> error : a request was canceled", 1.0),
    ],
)
def test_a_stated_level_says_how_bad_a_line_is(line: str, expected: float) -> None:
    """What the writer said goes before the words, which add a quarter."""
    assert expected == failure_score(line)


def test_only_the_first_level_near_the_start_is_the_lines_own() -> None:
    """A level deep inside a line, or after another, is only a word."""
    assert failure_score("INFO supervisor: child said FATAL: gone") == 0.25
    assert failure_score("x" * 70 + " FATAL flaw") == 1.0


def test_prose_about_a_level_is_not_one() -> None:
    """In the middle of a sentence, a lower-case level without a colon is a word."""
    assert failure_score("the error was corrected") == 1.0
    assert failure_score("retrying after a warning") == 0.0
    assert failure_score("<NUM> error(s) in <NUM> files, <NUM> lost") == 2.0


@pytest.mark.parametrize(("status", "expected"), [("<OK>", 0.0), ("<CLIENT_ERROR>", 0.0), ("<SERVER_ERROR>", 1.0)])
@pytest.mark.parametrize("path", ["/", "/" + 80 * "x"])
def test_the_class_of_a_status_is_no_stated_level(status: str, expected: float, path: str) -> None:
    """An HTTP server's own failure is one failure word wherever it stands in the line, a client's is none."""
    assert expected == failure_score(f'<IP> - - [<TIME>] "GET {path} HTTP/<NUM>" {status} <NUM>')


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("checked <NUM> files, no errors found", 0.0),
        ("INFO job finished without any error", 0.0),
        ("fan is back, previous state was: Non-Critical", 0.0),
        ("level=info msg=done err=<nil>", 0.0),
        ('INFO {"error":null,"code":<ZERO>}', 0.0),
        ("INFO connecting error=none timeout=<NUM>", 0.0),
        ("chdir failed: No such file or directory", 2.0),
        ("TypeError: undefined is not a function", 1.0),
        ("no errors yet, connection lost", 1.0),
        ("session timeout of <NUM> exceeded", 1.0),
    ],
)
def test_a_failure_that_the_line_denies_is_none(line: str, expected: float) -> None:
    """A negated failure word, an error field without a value and a limit of time name no failure."""
    assert expected == failure_score(line)


@settings(max_examples=1000, deadline=None)
@given(st.from_regex(_WORDS, fullmatch=True, alphabet=st.sampled_from(string.printable)))
def test_every_failure_word_holds_a_hint(word: str) -> None:
    """So no line that has one is passed over, also where the word is split by CamelCase."""
    assert any(hint in word.replace(" ", "").lower() for hint in _HINTS)
