"""Dates as one word each, in one form: *4 March 2021* equals *March 4, 2021*, and a list of years is one word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from daemon.core.documents.word import Word
from daemon.core.documents.word_lists import MONTHS, WordKind

YEARS = r"\d{4}-\d{1,2}-\d{1,2}(?!\d)|(?:19|20)\d\d[\-\u2010-\u2015/]\d\d(?!\d)"
"""What a hyphen does not separate: a date as ISO 8601 writes it, and 2020-21."""
_DATE = re.compile(
    r"(?:19|20)\d\d(?:[-/]\d\d)?|\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./](?:19|20)\d\d"
    r"|\d\d\.\d\d\.\d\d|\d{1,2}/\d{1,2}/\d\d|\d{1,2}/(?:19|20)\d\d"
)
_BETWEEN = re.compile(r"[\s,.\-\u2010-\u2015]*")
_YEAR = re.compile(r"\d{4}")


def with_dates(words: Sequence[Word], text: str) -> list[Word]:
    """Return the words of a text, each date as one word: years, months with their day, and dates in digits."""
    dated = list(words)
    for at, word in enumerate(words):
        if word.kind is WordKind.NUMBER and _DATE.fullmatch(word.form):
            dated[at] = _dated(word)
        elif word.form in MONTHS and (word.form != "may" or word.capital or not at):
            near = [beside for beside in (at - 1, at + 1) if 0 <= beside < len(words) and _day_or_year(words[beside])]
            near = [beside for beside in near if _touch(words[min(at, beside)], words[max(at, beside)], text)]
            for place in [at, *near] if near else []:
                dated[place] = _dated(words[place])
    return _joined(dated, text)


def _joined(words: Sequence[Word], text: str) -> list[Word]:
    """Return the words; dates that only a comma or a dash separates are joined."""
    joined: list[list[Word]] = []
    for word in words:
        follows = joined and word.kind is WordKind.DATE and joined[-1][-1].kind is WordKind.DATE
        if follows and _touch(joined[-1][-1], word, text):
            joined[-1].append(word)
        else:
            joined.append([word])
    return [run[0] if len(run) == 1 else replace(run[0], form=_form(run), end=run[-1].end) for run in joined]


def _touch(first: Word, second: Word, text: str) -> bool:
    return _BETWEEN.fullmatch(text, first.end, second.start) is not None


def _form(run: Sequence[Word]) -> str:
    """Return the form of a date of several words: as ISO 8601 writes it where day, month and year are known."""
    months = [MONTHS[word.form] for word in run if word.form in MONTHS]
    years = [word.form for word in run if _YEAR.fullmatch(word.form)]
    days = [int(word.form) for word in run if word.form.isdigit() and int(word.form) <= 31]
    if len(run) == 3 and len(months) == len(years) == len(days) == 1:
        return f"{years[0]}-{months[0]:02}-{days[0]:02}"
    return " ".join(word.form for word in run)


def _day_or_year(word: Word) -> bool:
    return word.kind is WordKind.NUMBER and word.form.isdigit() and (int(word.form) <= 31 or len(word.form) == 4)


def _dated(word: Word) -> Word:
    return replace(word, kind=WordKind.DATE)
