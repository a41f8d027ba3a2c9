"""Labels that one parser saw as labels and another as words.

Where lines run together, as in a PDF, the label of a clause stands in the middle of a paragraph and is taken for words.
It is not a change if the other text begins a labelled clause at just this place. A label that stands alone, such as the
number of a page, is not a change either.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from daemon.core.documents.diff import Edit
from daemon.core.documents.word import Word
from daemon.core.documents.word_lists import REFERENCES, WordKind
from daemon.core.documents.worded_text import WordedText

_LETTERS = re.compile(r"[a-z]|[ivxlc]{1,5}")


def is_label(standard: WordedText, document: WordedText, edit: Edit) -> bool:
    """Return whether an edit only inserts or deletes the label of a clause that begins there in the other text."""
    if edit.there_from == edit.there_to:
        words = document.words[edit.here_from : edit.here_to]
        alone = _is_alone(document, edit.here_from, edit.here_to)
        return _labels(words) and (alone or _begins_labelled(standard, edit.there_from))
    if edit.here_from == edit.here_to:
        words = standard.words[edit.there_from : edit.there_to]
        alone = _is_alone(standard, edit.there_from, edit.there_to)
        return _labels(words) and (alone or _begins_labelled(document, edit.here_from))
    return False


def _labels(words: Sequence[Word]) -> bool:
    return 0 < len(words) <= 2 and all(
        word.kind in (WordKind.NUMBER, WordKind.REFERENCE) or word.form in REFERENCES or _LETTERS.fullmatch(word.form)
        for word in words
    )


def _begins_labelled(text: WordedText, place: int) -> bool:
    if place >= len(text.words):
        return False
    clause = text.clause_of[place]
    return text.first[clause] == place and bool(text.clauses[clause].label)


def _is_alone(text: WordedText, begin: int, end: int) -> bool:
    """Return whether these words are a whole clause, as a paragraph or a table's cell."""
    clause = text.clause_of[begin]
    return (text.first[clause], text.first[clause + 1]) == (begin, end)
