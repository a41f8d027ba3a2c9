"""Edits of a text: substantive ones in one known clause, and harmless ones all over it."""

from __future__ import annotations

import random
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.documents.vocabulary import ENGLISH, Vocabulary
from daemon.core.documents import Clause, blocks_of, split_clauses

LONG = 12
"""A clause of fewer words is not moved, dropped or inserted."""


@dataclass(frozen=True, slots=True)
class Planted:
    """An edited text. `clause` is the index of the changed clause of the standard, None where `inserted` was added."""

    kind: str
    text: str
    clause: int | None = None
    inserted: str = ""
    substantive: bool = True


Plant = Callable[[str, list[Clause], random.Random, str], Planted | None]


def substantive(text: str, other: str, chance: random.Random, words: Vocabulary = ENGLISH) -> list[Planted]:
    """Return one edit of each kind that the text allows; `other` is a text that clauses are taken from."""
    clauses = split_clauses(blocks_of(text))
    plants: tuple[Plant, ...] = (
        _swap("negated", words.negated, words.spaced),
        _party(words),
        _number(words),
        _swap("term", words.terms, words.spaced),
        _swap("weakened", words.weaker, words.spaced),
        _dropped,
        _inserted,
        _moved,
    )
    made = [plant(text, clauses, chance, other) for plant in plants]
    return [one for one in made if one is not None and one.text != text]


def harmless(text: str, chance: random.Random) -> list[Planted]:
    """Return one harmless edit of each kind that the text allows."""
    edited = [(kind, edit(text, chance)) for kind, edit in _HARMLESS.items()]
    return [Planted(kind, new, substantive=False) for kind, new in edited if new != text]


def _swap(kind: str, swaps: Mapping[str, str], spaced: bool) -> Plant:
    def plant(text: str, clauses: list[Clause], chance: random.Random, _: str) -> Planted | None:
        for index in _shuffled(clauses, chance):
            words = [word for word in swaps if _find(word, clauses[index].text, spaced)]
            if words and not clauses[index].heading:
                word = chance.choice(words)
                return _replaced(kind, text, clauses, index, _sub(word, swaps[word], clauses[index].text, spaced))
        return None

    return plant


def _number(vocabulary: Vocabulary) -> Plant:
    numbers, spaced = vocabulary.numbers, vocabulary.spaced

    def plant(text: str, clauses: list[Clause], chance: random.Random, _: str) -> Planted | None:
        for index in _shuffled(clauses, chance):
            source = clauses[index].text
            matches = re.finditer(r"(?<![\w.])\d{1,3}(?![\w.]|\.\d)", source)
            digits = [match for match in matches if not _dated(source, match)]
            if digits:
                match = chance.choice(digits)
                new = source[: match.start()] + str(3 * int(match[0]) + 1) + source[match.end() :]
                return _replaced("number", text, clauses, index, new)
            words = [word for word in numbers if _find(word, source, spaced)]
            if words:
                word = chance.choice(words)
                return _replaced("number", text, clauses, index, _sub(word, numbers[word], source, spaced))
        return None

    return plant


def _dated(source: str, match: re.Match[str]) -> bool:
    """Return whether a number belongs to a date, a version or a reference: changing it would be another edit."""
    around = source[max(0, match.start() - 14) : match.end() + 12].lower()
    listed = source[match.end() : match.end() + 1] == ")" and not _spelled_out(source[: match.start()])
    return listed or bool(
        re.search(
            r"version|section|clause|article|chapter|paragraph|ziffer|abschnitt|artikel|absatz|abs\.|alinéa|§|\b(19|20)\d\d\b|[年月日条第]"
            r"|january|february|march|april|june|july|august|september|october|november|december"
            r"|januar|märz|juni|juli|oktober|dezember|janvier|février|mars|avril|juin|juillet|août",
            around,
        )
    )


def _spelled_out(before: str) -> bool:
    """Return whether a number in words stands before a bracket, as in *thirty (30)*."""
    return (
        re.search(r"(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|ty|hundred) \($", before)
        is not None
    )


def _party(vocabulary: Vocabulary) -> Plant:
    spaced = vocabulary.spaced

    def plant(text: str, clauses: list[Clause], chance: random.Random, _: str) -> Planted | None:
        for index in _shuffled(clauses, chance):
            source = clauses[index].text
            pairs = [
                pair if _find(pair[0], source, spaced) else pair[::-1]
                for pair in vocabulary.parties
                if any(_find(party, source, spaced) for party in pair)
            ]
            if pairs and not clauses[index].heading:
                old, new = chance.choice(pairs)
                return _replaced("party", text, clauses, index, _sub(old, new, source, spaced))
        return None

    return plant


def _dropped(text: str, clauses: list[Clause], chance: random.Random, _: str) -> Planted | None:
    index = _one_long(text, clauses, chance)
    return None if index is None else _replaced("dropped", text, clauses, index, "")


def _inserted(text: str, clauses: list[Clause], chance: random.Random, other: str) -> Planted | None:
    index, theirs = _one_long(text, clauses, chance), split_clauses(blocks_of(other))
    from_other = _one_long(other, theirs, chance)
    if index is None or from_other is None:
        return None
    new = theirs[from_other].text
    if " ".join(new.split())[:50] in " ".join(text.split()):
        return None
    return Planted("inserted", text.replace(clauses[index].text, f"{clauses[index].text}\n\n{new}"), None, new)


def _moved(text: str, clauses: list[Clause], chance: random.Random, _: str) -> Planted | None:
    index = _one_long(text, clauses, chance)
    if index is None:
        return None
    far = [at for at in range(len(clauses)) if abs(at - index) > 3 and text.count(clauses[at].text) == 1]
    if not far:
        return None
    moved, after = clauses[index].text, clauses[chance.choice(far)].text
    return Planted("moved", text.replace(moved, "").replace(after, f"{after}\n\n{moved}"), index)


def _one_long(text: str, clauses: list[Clause], chance: random.Random) -> int | None:
    long = [at for at, each in enumerate(clauses) if _length(each.text) >= LONG and text.count(each.text) == 1]
    return chance.choice(long) if long else None


def _length(text: str) -> int:
    """Return the number of words; two ideographs are about one."""
    return len(text.split()) + len(re.findall("[\u4e00-\u9fff]", text)) // 2


def _shuffled(clauses: list[Clause], chance: random.Random) -> list[int]:
    order = list(range(len(clauses)))
    chance.shuffle(order)
    return order


def _replaced(kind: str, text: str, clauses: list[Clause], index: int, new: str) -> Planted | None:
    old = clauses[index].text
    return Planted(kind, text.replace(old, new), index) if text.count(old) == 1 else None


def _find(word: str, text: str, spaced: bool) -> re.Match[str] | None:
    pattern = rf"(?<![\w-]){re.escape(word)}(?![\w-])" if spaced else re.escape(word)
    return re.search(pattern, text, re.IGNORECASE)


def _sub(old: str, new: str, text: str, spaced: bool) -> str:
    match = _find(old, text, spaced)
    assert match is not None
    written = new.upper() if match[0].isupper() and len(old) > 1 else new.capitalize() if match[0][0].isupper() else new
    return text[: match.start()] + written + text[match.end() :]


def _wrapped(text: str, chance: random.Random) -> str:
    """Wrap lines at another width; a long word, such as an address, is broken at its hyphens at most."""
    width, breaks = chance.choice([45, 60, 100, 10_000]), bool(re.search("[\u4e00-\u9fff]", text))
    return "\n\n".join(
        textwrap.fill(" ".join(part.split()), width, break_long_words=breaks) for part in re.split(r"\n\s*\n", text)
    )


def _renumbered(text: str, chance: random.Random) -> str:
    shift = chance.randrange(1, 9)
    return re.sub(r"(?m)^(\s*)(\d{1,2})([.)])(?=\s)", lambda m: f"{m[1]}{int(m[2]) + shift}{m[3]}", text)


def _typography(text: str, _: random.Random) -> str:
    curly = re.sub(r'"([^"\n]*)"', "\u201c\\1\u201d", text).replace("'", "\u2019").replace("--", "\u2014")
    return curly.replace("fi", "\ufb01").replace(". ", ".  ").replace("\n\n", "\n\n\n")


def _names(text: str, chance: random.Random) -> str:
    """Replace the holder's name wherever it stands, over line breaks and in capitals too."""
    holder = _HOLDER.search(text)
    if holder is None:
        return text
    new = chance.choice(["Karla Winterberg", "Blue Heron Systems", "Oyelaran Limited"])
    name = re.compile(r"[\s,]+".join(map(re.escape, holder[1].split())), re.IGNORECASE)
    return name.sub(lambda match: new.upper() if match[0].isupper() else new, text)


def _dates(text: str, chance: random.Random) -> str:
    """Make all years later, but not those that say until when something holds."""
    years = chance.randrange(1, 6)
    later = re.compile(r"\b(19[89]\d|20[012]\d)\b(?!\.\d)")
    return later.sub(
        lambda match: match[0] if _UNTIL.search(text, 0, match.start()) else str(int(match[1]) + years), text
    )


_WORD_OF_NAME = r"(?!(?:All|Rights|The|This|License|Licensed|Copyright|Notice)\b)[A-Z][\w&-]+"
_HOLDER = re.compile(
    r"Copyright (?=[^A-Za-z]*[\d©]|\([cC]\)|by )(?:\([cC]\)|©)?[\s\d,\-\u2013]*(?:by )?"
    rf"({_WORD_OF_NAME}(?: +{_WORD_OF_NAME}){{1,3}})"
)
_UNTIL = re.compile(
    r"\b(?:before|after|until|by|later than|expires?(?: on)?|through) (?:[A-Z][a-z]+ )?(?:\d{1,2},? )?\Z"
)
_HARMLESS: Mapping[str, Callable[[str, random.Random], str]] = {
    "wrapped": _wrapped,
    "renumbered": _renumbered,
    "typography": _typography,
    "names": _names,
    "dates": _dates,
}
