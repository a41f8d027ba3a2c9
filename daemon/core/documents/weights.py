"""How much a change of words weighs: one of *shall* to *may* or of 30 to 90 more than one of *great* to *large*.

What people fill in weighs little: a name that takes a name's place, a date in place of a date, words in place of a
blank, a reference to a section, another spelling of a word. Other spaces and hyphens weigh nothing. The same
replacement counts once in a document, however often it recurs. A name is a capitalised word that the other text never
uses, so two parties that change places are none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rapidfuzz.distance import Indel

from daemon.core.documents.word_lists import WordKind
from daemon.core.documents.worded_text import WordedText
from daemon.core.documents.words import Word

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
    WordKind.NAME: 1.0,
    WordKind.REFERENCE: 0.1,
    WordKind.PLACEHOLDER: 0.1,
}
"""The weight of a word that is here alone, or there alone."""
FILLED_IN = 0.05
"""The weight of a name in place of a name, a date in place of a date, and words in place of a blank."""
SPELLING = 0.25
ALIKE = 0.8
BLANK_HOLDS = 12
"""So many words may stand in place of a blank."""
_GRAVE = frozenset({WordKind.NEGATION, WordKind.MODAL, WordKind.PARTY, WordKind.DEGREE})
_NEGATIVE = ("non", "un", "in", "im", "il", "ir", "dis", "nicht", "un")


@dataclass(frozen=True, slots=True)
class Weighed:
    """A deleted or inserted word with its weight, and with the kind that it has in this change."""

    word: Word
    weight: float


@dataclass(slots=True)
class Weigher:
    """Weighs the changes between two texts. What was weighed before weighs nothing."""

    there: WordedText
    here: WordedText
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def weigh(self, deleted: Sequence[Word], inserted: Sequence[Word]) -> tuple[list[Weighed], list[Weighed]]:
        """Return the deleted and the inserted words of one change, weighed."""
        if "".join(word.form for word in deleted) == "".join(word.form for word in inserted):
            return [Weighed(word, 0.0) for word in deleted], [Weighed(word, 0.0) for word in inserted]
        blank = self._fills_blank(deleted, inserted) or self._fills_blank(inserted, deleted)
        spelling = self._spelling(deleted, inserted)
        if blank or spelling is not None:
            each = FILLED_IN if spelling is None else spelling[0]
            kind = WordKind.NAME if spelling is None else spelling[1]
            return [Weighed(replace(word, kind=kind), each) for word in deleted], [
                Weighed(replace(word, kind=kind), each) for word in inserted
            ]
        named = self._is_name_for_name(deleted, inserted)
        dated = _has(deleted, WordKind.DATE) and _has(inserted, WordKind.DATE)
        return (
            [self._one("-", word, dated=dated, named=named and word.form in self.there.names) for word in deleted],
            [self._one("+", word, dated=dated, named=named and self._is_new_name(word)) for word in inserted],
        )

    def _one(self, side: str, word: Word, *, dated: bool, named: bool) -> Weighed:
        if named:
            word = replace(word, kind=WordKind.NAME)
        if not named and not (dated and word.kind is WordKind.DATE):
            return Weighed(word, WEIGHTS[word.kind])
        known = (side, word.form) in self._seen
        self._seen.add((side, word.form))
        return Weighed(word, 0.0 if known else FILLED_IN)

    def _is_new_name(self, word: Word) -> bool:
        return word.form in self.here.names and word.form not in self.there.vocabulary

    def _is_name_for_name(self, deleted: Sequence[Word], inserted: Sequence[Word]) -> bool:
        """Return whether a name that the standard never uses takes the place of capitalised words."""
        old = [word for word in deleted if word.kind is not WordKind.FUNCTION]
        new = [word for word in inserted if word.kind is not WordKind.FUNCTION]
        return (
            bool(old and new)
            and all(word.kind is WordKind.DATE or self._is_new_name(word) for word in new)
            and all(word.kind is WordKind.DATE or word.form in self.there.names for word in old)
        )

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
        """Return the weight and the kind of one word that became one like it; None when they are not alike."""
        if len(deleted) != 1 or len(inserted) != 1:
            return None
        before, after = deleted[0], inserted[0]
        if before.kind is not WordKind.WORD or after.kind is not WordKind.WORD:
            return None
        shorter, longer = sorted((before.form, after.form), key=len)
        if any(longer == negative + shorter for negative in _NEGATIVE):
            return WEIGHTS[WordKind.NEGATION], WordKind.NEGATION
        alike = Indel.normalized_similarity(before.form, after.form) >= ALIKE
        return (SPELLING, WordKind.WORD) if alike else None


def _has(words: Sequence[Word], kind: WordKind) -> bool:
    return any(word.kind is kind for word in words)
