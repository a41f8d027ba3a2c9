"""Names and dates that people fill in, distinguished from those that matter.

A name is always written with a capital. A new name is *filled in* where the standard never uses it, the old name is
nowhere left, and each old name has one new name: a party is renamed, not exchanged. In a copyright notice every name
and every year is filled in. A name is not filled in where the law or the court of a place is meant, nor where a term is
defined. A date is not filled in where it says when something is owed or ends. In a language that writes most nouns with
a capital, names are filled in only in notices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from daemon.core.documents.diff import Edit
from daemon.core.documents.word import Word
from daemon.core.documents.word_lists import DEADLINES, MEANS, PLACES, WordKind
from daemon.core.documents.worded_text import WordedText

Use = Literal["filled in", "dates filled in", "place", "other"]
"""What names and dates of a change are: both are filled in, or only the dates, or it is a place, or none of these."""
REACH = 8
"""Words before a name that are searched for a law or a court."""
NOTICE = 12
"""The most words of a copyright notice before the holder's name ends."""
MOST_CAPITALS = 0.35
"""Where a larger share of the different words is capitalised, a capital does not mark a name."""
FEW = 10
"""This many capitalised words or fewer show nothing about the language."""
_COPYRIGHT = frozenset({"copyright", "copyrighted", "©"})
_MARKS = frozenset({"c", "©", "by"})
_OF_NAMES = frozenset({WordKind.WORD, WordKind.FUNCTION, WordKind.CONNECTIVE, WordKind.REFERENCE})
_COMPANY = frozenset({"limited"})


class Names:
    """The names of a standard and of one document. It remembers which name replaced which."""

    def __init__(self, there: WordedText, here: WordedText) -> None:
        self._there, self._here = there, here
        self._text_here = f" {' '.join(here.forms)} "
        self._replaced: dict[str, str] = {}
        self._defined = _defined(there.words)
        self._tell = not _mostly_capitals(there)

    def use_of(self, edit: Edit) -> Use:
        """Return what the names and dates of a change are."""
        old = _content(self._there.words[edit.there_from : edit.there_to])
        new = _content(self._here.words[edit.here_from : edit.here_to])
        if all(map(_may_be_name, (*old, *new))) and (
            _in_notice(self._there, edit.there_from) or _in_notice(self._here, edit.here_from)
        ):
            return "filled in"
        dates = all(any(word.kind is WordKind.DATE for word in words) for words in (old, new))
        dated = dates and not self._is_deadline(edit)
        if not self._renames(edit, old, new):
            return "dates filled in" if dated else "other"
        if self._is_place(edit):
            return "place"
        return "filled in" if dated or not dates else "other"

    def _renames(self, edit: Edit, old: Sequence[Word], new: Sequence[Word]) -> bool:
        """Return whether one name takes the place of another throughout the document."""
        if not (self._tell and all(map(_may_be_name, (*old, *new)))):
            return False
        names = {word.form for word in old} & self._there.names - self._defined
        known = {word.form for word in new} & self._here.names - self._there.vocabulary
        before = " ".join(self._there.forms[edit.there_from : edit.there_to])
        after = " ".join(self._here.forms[edit.here_from : edit.here_to])
        if not names or not known or f" {before} " in self._text_here:
            return False
        return self._replaced.setdefault(before, after) == after

    def _is_place(self, edit: Edit) -> bool:
        """Return whether a law or a court is named shortly before a change, in the same clause."""
        return any(word.form in PLACES for word in self._before(edit)[-REACH:])

    def _is_deadline(self, edit: Edit) -> bool:
        """Return whether the word before a date makes it a deadline: *until*, *no later than*, *expires on*."""
        for word in reversed(self._before(edit)):
            if word.form in DEADLINES:
                return True
            if word.kind is not WordKind.FUNCTION:
                return False
        return False

    def _before(self, edit: Edit) -> Sequence[Word]:
        """Return the words before a change, in its clause of the standard."""
        text, at = self._there, edit.there_from
        return text.words[text.first[text.clause_of[at]] : at] if at < len(text.words) else ()


def _content(words: Sequence[Word]) -> list[Word]:
    return [word for word in words if word.kind is not WordKind.FUNCTION]


def _may_be_name(word: Word) -> bool:
    """Return whether a word can belong to a name or a date: not written with a small letter, and not a grave word."""
    return word.kind is WordKind.DATE or (not word.lower and (word.kind in _OF_NAMES or word.form in _COMPANY))


def _in_notice(text: WordedText, at: int) -> bool:
    """Return whether the words before a place are those of a copyright notice: *Copyright (c) 2020, 2021 Name*."""
    if at >= len(text.words):
        return False
    marked = text.words[at].kind is WordKind.DATE
    for place in range(at - 1, max(at - 1 - NOTICE, text.first[text.clause_of[at]] - 1), -1):
        word = text.words[place]
        if word.form in _COPYRIGHT:
            return marked or word.form == "©" or text.forms[place + 1] in _MARKS
        marked = marked or word.kind is WordKind.DATE or word.form == "©"
        if word.lower and word.kind is not WordKind.FUNCTION and word.form not in _MARKS:
            return False
    return False


def _defined(words: Sequence[Word]) -> frozenset[str]:
    """Return the capitalised words that a definition begins with: *Confidential Information means ...*."""
    terms: set[str] = set()
    for at, word in enumerate(words):
        if word.form in MEANS:
            for before in words[max(0, at - 4) : at][::-1]:
                if before.lower and before.kind is not WordKind.MODAL:
                    break
                terms.add(before.form)
    return frozenset(terms)


def _mostly_capitals(text: WordedText) -> bool:
    """Return whether many different words are written with a capital, as in German."""
    small = {word.form for word in text.words if word.lower and word.kind is WordKind.WORD}
    return len(text.names) > FEW and len(text.names) > MOST_CAPITALS * (len(text.names) + len(small))
