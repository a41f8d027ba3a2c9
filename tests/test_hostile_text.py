"""Text of strangers that makes a backtracking search long: whatever reads it with Python's `re` ends soon.

A line has at most 8,192 characters. A part of a document may have more, and the parts of all may be one.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from daemon.adapters.engines.token_estimates import cut_all, estimate
from daemon.adapters.parsing.pdf import _key
from daemon.core.alerts.line_similarity import words
from daemon.core.baseline.failure_words import failure_score, words_of_failure
from daemon.core.documents.clauses import blocks_of, split_clauses
from daemon.core.documents.words import words_of
from daemon.core.masking.length import MAX_TEXT
from daemon.core.masking.random_tokens import without_tokens
from daemon.core.observations import cause_of
from daemon.core.text import clean, gist

REPEATED = (
    *("fail", "fail-", "fail_", "a-", "error.", "error-", "on_fail_", "error_x_", "no ", "without any ", "<ZERO> "),
    *(
        "errors=no ",
        "err=a.b ",
        "dead letter ",
        "timeout ",
        "--a",
        "Aa",
        "a.",
        "a.b@",
        "1,",
        "1.",
        "1 of ",
        "page ",
        " ",
    ),
    *("a.b:55:c:d:", "[", "[\\", "\\", "*:*:"),
    *("\n ", "(a) ", "\x1b[", "\x1b]", "<A", "{{", "_", "'", "I", "§"),
)
OF_LINES: dict[str, Callable[[str], object]] = {
    "cause_of": cause_of,
    "failure_score": failure_score,
    "words_of_failure": words_of_failure,
    "words": words,
    "clean": clean,
    "gist": gist,
    "tokens": lambda text: (estimate(text), cut_all([text], 100)),
    "without_tokens": without_tokens,
}
OF_DOCUMENTS: dict[str, Callable[[str], object]] = {
    "words_of": words_of,
    "clauses": lambda text: split_clauses(blocks_of(text)),
    "a line of a PDF": _key,
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("unit", REPEATED)
@pytest.mark.parametrize("read", OF_LINES)
def test_a_line_is_read_soon(read: str, unit: str) -> None:
    """One line of `failfailfail…` took the detector two minutes, at every start again."""
    for head, tail in (("", ""), ("ERROR ", ""), ("error ", " x"), ("", "!")):
        OF_LINES[read](head + (unit * MAX_TEXT)[: MAX_TEXT - len(head + tail)] + tail)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("unit", ["a-", "a.", "a.b@", " ", "\n ", "1 of ", "<A", "'"])
@pytest.mark.parametrize("read", OF_DOCUMENTS)
def test_a_part_of_a_document_is_read_soon(read: str, unit: str) -> None:
    """A line of a PDF of a thousand blanks took the parser's whole time limit."""
    for tail in ("", "x"):
        OF_DOCUMENTS[read]((unit * 100_000)[:100_000] + tail)
