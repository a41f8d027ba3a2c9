"""A text as words that can be compared: typography is normalised, and each word has its kind.

Two spellings of one text give equal words. Quotes, dashes, ligatures, soft hyphens, capitals and line breaks do not
count; a hyphen separates two words; an ideograph is a word of its own. Numbers keep their decimal signs. These are
equal too: *thirty*, *30* and *thirty (30)*, *10,000* and *10000*, *percent* and *%*, *24 hours* and *24 h*, *mustn't*
and *must not*, and dates (see `dates`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace

from daemon.core.documents.dates import YEARS, with_dates
from daemon.core.documents.numbers import with_numbers
from daemon.core.documents.word import Word
from daemon.core.documents.word_lists import (
    CONNECTIVE,
    CURRENCIES,
    DEGREE,
    FUNCTION,
    MODAL,
    NEGATION,
    NUMBERS,
    PARTY,
    REFERENCES,
    UNITS,
    WordKind,
)

_IDEOGRAPH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(
    r"(?P<url>(?:https?://|www\.)[^\s<>\"]+|(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)+)"
    r"|(?P<placeholder><[^<>]{1,120}>|\{\{?[^{}\n]{1,60}\}\}?|_{3,}"
    r"|\[(?:insert\s|name\s|your\s|year|yyyy|date|fullname)[^\]]{0,60}\])"
    r"|(?P<label>\((?:[a-z]|[ivxlc]{1,4}|\d{1,2})\)|(?<=[.:;] )\d{1,2}[.)](?= \S)|(?<=[.:;,] )[a-z]\)(?= \S))"
    rf"|(?P<ideograph>[{_IDEOGRAPH}])"
    rf"|(?P<number>{YEARS}|\d+(?:(?:[.:/]|,(?!(?:19|20)\d\d(?!\d)))\d+)*)"
    r"|(?P<percent>%|\b(?:per\s?cent|prozent|pour\s+cent)\b)"
    r"|(?P<contracted>\b(?:ca|wo|sha|[^\W\d_]{2,6})n['\u2019]t\b|\bcannot\b)"
    rf"|(?P<word>[^\W\d_{_IDEOGRAPH}](?:[^\W_{_IDEOGRAPH}]|['\u2019\u00ad](?=[^\W\d_]))*)"
    r"|(?P<sign>[$€£¥§©]|°[CF]\b)",
    re.IGNORECASE,
)
_DROPPED = dict.fromkeys(map(ord, "-'\u2019\u2010\u2011\u00ad"))
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015"), "-")
_POSSESSIVE = re.compile("['\u2019]s$")
_BRACKETS = dict.fromkeys(map(ord, "()."))
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?:\D|$))")
_OPENING = " \t\"'(*\u201c\u2018"
_LISTS = (
    (NEGATION, WordKind.NEGATION),
    (MODAL, WordKind.MODAL),
    (PARTY, WordKind.PARTY),
    (DEGREE, WordKind.DEGREE),
    (CONNECTIVE, WordKind.CONNECTIVE),
    (FUNCTION, WordKind.FUNCTION),
)
_CONTRACTED = {"ca": "can", "wo": "will", "sha": "shall"}


def comparable(word: str) -> str:
    """Return the form of a word for comparison, the same for different typography."""
    return _POSSESSIVE.sub("", unicodedata.normalize("NFKC", word).casefold()).translate(_DROPPED)


def words_of(text: str) -> list[Word]:
    """Return the words of a text in order. White space and punctuation give none."""
    return with_dates(with_numbers(_without_shouting(text, list(_words(text))), text), text)


def _without_shouting(text: str, words: Sequence[Word]) -> list[Word]:
    """Return the words; those in a run of words all in capitals do not count as capitalised."""
    if not words:
        return []
    loud = [text[word.start : word.end].isupper() and word.end - word.start > 1 for word in words]
    near = [before or after for before, after in zip([False, *loud[:-1]], [*loud[1:], False], strict=True)]
    return [
        replace(word, capital=False) if word.capital and is_loud and beside else word
        for word, is_loud, beside in zip(words, loud, near, strict=True)
    ]


def _words(text: str) -> Iterator[Word]:
    before, counted = "", False
    for match in _WORD.finditer(text):
        if match.lastgroup == "contracted":
            yield from _expanded(match)
            before, counted = "not", False
            continue
        form, kind = _form(match)
        if kind is WordKind.NUMBER and before in REFERENCES:
            kind = WordKind.REFERENCE
        if counted and form in UNITS:
            form, kind = UNITS[form], WordKind.NUMBER
        first = text[match.start()]
        capital = first.isupper() and not _begins(text, match.start())
        yield Word(form, kind, match.start(), match.end(), capital, first.islower())
        counted = kind is WordKind.NUMBER or (counted and match.lastgroup == "label" and form.isdigit())
        if not (kind is WordKind.REFERENCE and before in REFERENCES and form in ("and", "or")):
            before = form


def _expanded(match: re.Match[str]) -> Iterator[Word]:
    """Yield the two words of *mustn't* or *cannot*."""
    middle = match.end() - 3
    verb = comparable(match[0][:-3])
    form = _CONTRACTED.get(verb, verb)
    kind = WordKind.MODAL if form in MODAL else WordKind.FUNCTION
    lower = match[0][0].islower()
    yield Word(form, kind, match.start(), middle, lower=lower)
    yield Word("not", WordKind.NEGATION, middle, match.end(), lower=lower)


def _form(match: re.Match[str]) -> tuple[str, WordKind]:
    matched = match[0]
    match match.lastgroup:
        case "url":
            return comparable(matched.rstrip(".,;:)")).removesuffix("/"), WordKind.REFERENCE
        case "label":
            return comparable(matched.translate(_BRACKETS)), WordKind.REFERENCE
        case "placeholder":
            return "<>", WordKind.PLACEHOLDER
        case "number":
            return _THOUSANDS.sub("", matched.translate(_DASHES)).removesuffix(".00"), WordKind.NUMBER
        case "percent":
            return "%", WordKind.NUMBER
        case _:
            pass
    form = comparable(matched)
    if form in NUMBERS:
        return str(NUMBERS[form]), WordKind.NUMBER
    if form in CURRENCIES:
        return CURRENCIES[form], WordKind.NUMBER
    kind = next((kind for listed, kind in _LISTS if form in listed), WordKind.WORD)
    return form, kind


def _begins(text: str, at: int) -> bool:
    """Return whether a sentence begins at this place, or a line of a list."""
    before = text[:at].rstrip(_OPENING)
    return not before or before[-1] in ".!?:;\n•"
