"""How much a change of words weighs: *shall* to *may*, or 30 to 90, weighs more than *great* to *large*.

What people fill in weighs little: a name that replaces another throughout, a date in place of a date (see `names`),
words in place of a blank, another spelling of a word, and the number of another clause where clauses have other numbers
than in the standard. Changes of spaces, hyphens and line breaks weigh nothing. The same replacement counts once in a
document, however often it recurs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rapidfuzz.distance import Indel

from daemon.core.documents.clauses import Clause
from daemon.core.documents.diff import Edit
from daemon.core.documents.names import Names, Use
from daemon.core.documents.word import Word
from daemon.core.documents.word_lists import WordKind
from daemon.core.documents.worded_text import WordedText

WEIGHTS: Mapping[WordKind, float] = {
    WordKind.WORD: 1.0,
    WordKind.FUNCTION: 0.25,
    WordKind.NUMBER: 4.0,
    WordKind.DATE: 3.0,
    WordKind.NEGATION: 6.0,
    WordKind.MODAL: 4.0,
    WordKind.PARTY: 3.0,
    WordKind.DEGREE: 3.0,
    WordKind.CONNECTIVE: 1.5,
    WordKind.NAME: 3.0,
    WordKind.REFERENCE: 0.1,
    WordKind.PLACEHOLDER: 0.1,
}
"""The weight of a word that only one of the two texts has."""
FILLED_IN = 0.05
"""The weight of a name in place of a name, a date in place of a date, and words in place of a blank."""
OTHER_CLAUSE = 1.5
"""The weight of the number in *Section 4*, where the clauses have the same numbers as in the standard."""
SPELLING = 0.25
ALIKE = 0.8
BLANK_HOLDS = 12
"""The most words that may stand in place of a blank."""
_GRAVE = frozenset({WordKind.NEGATION, WordKind.MODAL, WordKind.PARTY, WordKind.DEGREE})
_SIGNS = re.compile(r"\W|_")
_NEGATIVE = ("non", "un", "in", "im", "il", "ir", "dis", "nicht", "un")


@dataclass(frozen=True, slots=True)
class Weighed:
    """A deleted or inserted word with its weight, and with the kind that it has in this change."""

    word: Word
    weight: float


class Weigher:
    """Weighs the changes between two texts. A name or date that was weighed before weighs nothing."""

    def __init__(self, there: WordedText, here: WordedText) -> None:
        self._there, self._here = there, here
        self._names = Names(there, here)
        self._numbered_alike = Counter(map(_label, there.clauses)) == Counter(map(_label, here.clauses))
        self._seen: set[tuple[str, str]] = set()

    def weigh(self, edit: Edit) -> tuple[list[Weighed], list[Weighed]]:
        """Return the deleted and the inserted words of one change, weighed."""
        deleted = self._there.words[edit.there_from : edit.there_to]
        inserted = self._here.words[edit.here_from : edit.here_to]
        if _same_letters(deleted, inserted):
            return [Weighed(word, 0.0) for word in deleted], [Weighed(word, 0.0) for word in inserted]
        blank = self._fills_blank(deleted, inserted) or self._fills_blank(inserted, deleted)
        spelling = self._spelling(deleted, inserted)
        if blank or spelling is not None:
            each = FILLED_IN if spelling is None else spelling[0]
            kind = WordKind.NAME if spelling is None else spelling[1]
            return [Weighed(replace(word, kind=kind), each) for word in deleted], [
                Weighed(replace(word, kind=kind), each) for word in inserted
            ]
        use = self._names.use_of(edit)
        return (
            [self._one("-", word, use) for word in deleted],
            [self._one("+", word, use) for word in inserted],
        )

    def _one(self, side: str, word: Word, use: Use) -> Weighed:
        """Weigh one word of a change in which names and dates have this use."""
        if use == "other" or (use == "dates filled in" and word.kind is not WordKind.DATE):
            other_clause = self._numbered_alike and word.kind is WordKind.REFERENCE and word.form[0].isdigit()
            return Weighed(word, OTHER_CLAUSE if other_clause else WEIGHTS[word.kind])
        if word.kind is not WordKind.DATE:
            word = replace(word, kind=WordKind.NAME)
        if use == "place":
            return Weighed(word, WEIGHTS[word.kind])
        known = (side, word.form) in self._seen
        self._seen.add((side, word.form))
        return Weighed(word, 0.0 if known else FILLED_IN)

    @staticmethod
    def _fills_blank(blank: Sequence[Word], filled: Sequence[Word]) -> bool:
        """Return whether one side is a blank to fill in, and the other what was filled in."""
        return (
            _has(blank, WordKind.PLACEHOLDER)
            and all(word.kind in (WordKind.PLACEHOLDER, WordKind.DATE, WordKind.FUNCTION) for word in blank)
            and len(filled) <= BLANK_HOLDS
            and not any(word.kind in _GRAVE for word in filled)
        )

    @staticmethod
    def _spelling(deleted: Sequence[Word], inserted: Sequence[Word]) -> tuple[float, WordKind] | None:
        """Return the weight and the kind of one word that became a similar one; None when they are not similar."""
        if len(deleted) != 1 or len(inserted) != 1:
            return None
        before, after = deleted[0], inserted[0]
        if before.kind is not WordKind.WORD or after.kind is not WordKind.WORD:
            return None
        shorter, longer = sorted((before.form, after.form), key=len)
        if any(longer == negative + shorter for negative in _NEGATIVE):
            return WEIGHTS[WordKind.NEGATION], WordKind.NEGATION
        alike = before.form[:2] == after.form[:2] and Indel.normalized_similarity(before.form, after.form) >= ALIKE
        return (SPELLING, WordKind.WORD) if alike else None


def _same_letters(deleted: Sequence[Word], inserted: Sequence[Word]) -> bool:
    """Return whether both differ only in spaces, hyphens or, in an address, other signs."""
    before, after = ("".join(word.form for word in words) for words in (deleted, inserted))
    if before == after:
        return True
    address = any(word.kind is WordKind.REFERENCE and "." in word.form for word in (*deleted, *inserted))
    return address and _SIGNS.sub("", before) == _SIGNS.sub("", after)


def _label(clause: Clause) -> str:
    return clause.label.casefold()


def _has(words: Sequence[Word], kind: WordKind) -> bool:
    return any(word.kind is kind for word in words)
