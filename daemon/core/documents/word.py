"""One word of a text, as comparisons see it."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.core.documents.word_lists import WordKind


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text: the form that is compared, its kind, and its place ``text[start:end]``.

    `capital`: it begins with a capital letter inside a sentence, and is not in a run of words all in capitals.
    `lower`: it begins with a small letter. A capitalised word at the start of a sentence is neither.
    """

    form: str
    kind: WordKind
    start: int
    end: int
    capital: bool = False
    lower: bool = False
