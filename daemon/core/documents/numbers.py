"""Numbers of several words: *twenty-five*, *two hundred*, the digits behind them in brackets, and amounts of money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from daemon.core.documents.word import Word
from daemon.core.documents.word_lists import CURRENCIES, MULTIPLES, TENS, WordKind


def with_numbers(words: Sequence[Word], text: str) -> list[Word]:
    """Return the words of a text with each number as one word; digits in brackets that repeat it are removed.

    So *thirty (30)* is one word. Digits in brackets that differ from the number before them stay, as a number.
    """
    joined: list[Word] = []
    for word in words:
        before = joined[-1] if joined else None
        if before is None or before.kind is not WordKind.NUMBER:
            joined.append(word)
        elif word.form.isdigit() and (text[word.start] == "(" or text[word.start - 1] == "("):
            if word.form != before.form:
                joined.append(replace(word, kind=WordKind.NUMBER))
        elif (form := _amount(before, word, text) or _together(before, word)) is not None:
            joined[-1] = replace(before, form=form, end=word.end)
        else:
            joined.append(word)
    return joined


def _amount(first: Word, second: Word, text: str) -> str | None:
    """Return the form of an amount of money, *10000 €*, whichever comes first; None where there is none."""
    if second.kind is not WordKind.NUMBER or text[first.end : second.start].strip():
        return None
    for number, currency in ((first.form, second.form), (second.form, first.form)):
        if currency in CURRENCIES and number[0].isdigit():
            return f"{number} {currency}"
    return None


def _together(first: Word, second: Word) -> str | None:
    """Return the number that two number words are together; None where they are two numbers."""
    written = second.end - second.start != len(second.form) and first.end - first.start != len(first.form)
    if second.kind is not WordKind.NUMBER or not written or not (first.form.isdigit() and second.form.isdigit()):
        return None
    one, two = int(first.form), int(second.form)
    if one in TENS and 0 < two < 10:
        return str(one + two)
    return str(one * two) if two in MULTIPLES and 0 < one < two else None
