"""A document's clauses with their words in one sequence, as comparisons read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from daemon.core.documents.clauses import Clause
from daemon.core.documents.word import Word
from daemon.core.documents.word_lists import WordKind
from daemon.core.documents.words import words_of


@dataclass(frozen=True, slots=True)
class WordedText:
    """Clauses, all their words in order, and for each word the index of its clause.

    `first[i]` is the place of clause i's first word; `first` has one entry more than there are clauses, so that clause
    i's words are ``words[first[i]:first[i + 1]]``. `vocabulary` holds all forms, `names` those written with a capital
    inside of a sentence and never with a small letter.
    """

    clauses: Sequence[Clause]
    words: Sequence[Word] = field(repr=False)
    clause_of: Sequence[int] = field(repr=False)
    first: Sequence[int] = field(repr=False)
    forms: Sequence[str] = field(repr=False)
    vocabulary: frozenset[str] = field(repr=False)
    names: frozenset[str] = field(repr=False)

    @classmethod
    def of(cls, clauses: Sequence[Clause]) -> Self:
        """Return the clauses with their words."""
        words: list[Word] = []
        clause_of: list[int] = []
        first = [0]
        for index, clause in enumerate(clauses):
            of_clause = words_of(clause.text)
            words += of_clause
            clause_of += [index] * len(of_clause)
            first.append(len(words))
        forms = [word.form for word in words]
        small = frozenset(word.form for word in words if word.lower)
        names = frozenset(word.form for word in words if word.capital and word.kind is WordKind.WORD) - small
        return cls(clauses, words, clause_of, first, forms, frozenset(forms), names)

    def text(self) -> str:
        """Return all clauses as one text."""
        return "\n\n".join(clause.text for clause in self.clauses)
