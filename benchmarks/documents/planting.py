"""Edits of a text: substantive ones in one clause that is known, and harmless ones all over it.

The words that are swapped here are chosen without regard to the lists of `daemon.core.documents`.
"""

from __future__ import annotations

import random
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from daemon.core.documents import Clause, blocks_of, split_clauses

NEGATED = {
    "shall": "shall not",
    "must": "must not",
    "may": "may not",
    "will": "will not",
    "is": "is not",
    "are": "are not",
    "can": "cannot",
    "may not": "may",
    "shall not": "shall",
    "must not": "must",
}
PARTIES = (
    ("licensor", "licensee"),
    ("contributor", "recipient"),
    ("licensor", "you"),
    ("author", "user"),
    ("copyright holder", "licensee"),
    ("distributor", "recipient"),
    ("we", "you"),
    ("you", "the contributors"),
)
TERMS = {
    "written": "oral",
    "source": "binary",
    "irrevocable": "revocable",
    "royalty-free": "royalty-bearing",
    "non-exclusive": "exclusive",
    "worldwide": "national",
    "perpetual": "temporary",
    "copyright": "trademark",
    "commercial": "private",
    "modified": "unmodified",
    "direct": "remote",
    "distribution": "sale",
    "without": "with",
    "notice": "fee",
    "warranty": "guarantee of title",
}
WEAKER = {
    "shall": "should",
    "must": "should",
    "only": "preferably",
    "all": "most",
    "any": "certain",
    "will": "may",
    "required": "encouraged",
    "entire": "essential",
}
NUMBERS = {"one": "five", "two": "six", "three": "nine", "thirty": "ninety", "first": "third", "ten": "two"}
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


def substantive(text: str, other: str, chance: random.Random) -> list[Planted]:
    """Return one edit of each kind that the text allows; `other` is a text that clauses are taken from."""
    clauses = split_clauses(blocks_of(text))
    made = [plant(text, clauses, chance, other) for plant in _PLANTS]
    return [one for one in made if one is not None and one.text != text]


def harmless(text: str, chance: random.Random) -> list[Planted]:
    """Return one harmless edit of each kind that the text allows."""
    edited = [(kind, edit(text, chance)) for kind, edit in _HARMLESS.items()]
    return [Planted(kind, new, substantive=False) for kind, new in edited if new != text]


def _swap(kind: str, swaps: Mapping[str, str]) -> Plant:
    def plant(text: str, clauses: list[Clause], chance: random.Random, _: str) -> Planted | None:
        for index in _shuffled(clauses, chance):
            words = [word for word in swaps if _find(word, clauses[index].text)]
            if words and not clauses[index].heading:
                word = chance.choice(words)
                return _replaced(kind, text, clauses, index, _sub(word, swaps[word], clauses[index].text))
        return None

    return plant


def _number(text: str, clauses: list[Clause], chance: random.Random, _: str) -> Planted | None:
    for index in _shuffled(clauses, chance):
        source = clauses[index].text
        digits = [
            match for match in re.finditer(r"(?<![\w.])\d{1,3}(?![\w.]|\.\d)", source) if not _dated(source, match)
        ]
        if digits:
            match = chance.choice(digits)
            new = source[: match.start()] + str(3 * int(match[0]) + 1) + source[match.end() :]
            return _replaced("number", text, clauses, index, new)
        words = [word for word in NUMBERS if _find(word, source)]
        if words:
            word = chance.choice(words)
            return _replaced("number", text, clauses, index, _sub(word, NUMBERS[word], source))
    return None


def _dated(source: str, match: re.Match[str]) -> bool:
    """Return whether a number belongs to a date, a version or a reference: changing it would be another edit."""
    around = source[max(0, match.start() - 14) : match.end() + 12].lower()
    return bool(
        re.search(
            r"version|section|clause|article|paragraph|§|\b(19|20)\d\d\b|january|february|march|june|july", around
        )
    )


def _party(text: str, clauses: list[Clause], chance: random.Random, _: str) -> Planted | None:
    for index in _shuffled(clauses, chance):
        source = clauses[index].text
        pairs = [
            pair if _find(pair[0], source) else pair[::-1] for pair in PARTIES if any(_find(p, source) for p in pair)
        ]
        if pairs and not clauses[index].heading:
            old, new = chance.choice(pairs)
            return _replaced("party", text, clauses, index, _sub(old, new, source))
    return None


def _dropped(text: str, clauses: list[Clause], chance: random.Random, _: str) -> Planted | None:
    index = _one_long(text, clauses, chance)
    return None if index is None else _replaced("dropped", text, clauses, index, "")


def _inserted(text: str, clauses: list[Clause], chance: random.Random, other: str) -> Planted | None:
    index, theirs = _one_long(text, clauses, chance), split_clauses(blocks_of(other))
    from_other = _one_long(other, theirs, chance)
    if index is None or from_other is None:
        return None
    new = theirs[from_other].text
    if " ".join(new.split()[:8]) in " ".join(text.split()):
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
    long = [at for at, each in enumerate(clauses) if len(each.text.split()) >= LONG and text.count(each.text) == 1]
    return chance.choice(long) if long else None


def _shuffled(clauses: list[Clause], chance: random.Random) -> list[int]:
    order = list(range(len(clauses)))
    chance.shuffle(order)
    return order


def _replaced(kind: str, text: str, clauses: list[Clause], index: int, new: str) -> Planted | None:
    old = clauses[index].text
    return Planted(kind, text.replace(old, new), index) if text.count(old) == 1 else None


def _find(word: str, text: str) -> re.Match[str] | None:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text, re.IGNORECASE)


def _sub(old: str, new: str, text: str) -> str:
    match = _find(old, text)
    assert match is not None
    written = new.upper() if match[0].isupper() and len(old) > 1 else new.capitalize() if match[0][0].isupper() else new
    return text[: match.start()] + written + text[match.end() :]


def _wrapped(text: str, chance: random.Random) -> str:
    width = chance.choice([45, 60, 100, 10_000])
    return "\n\n".join(textwrap.fill(" ".join(part.split()), width) for part in re.split(r"\n\s*\n", text))


def _renumbered(text: str, chance: random.Random) -> str:
    shift = chance.randrange(1, 9)
    return re.sub(r"(?m)^(\s*)(\d{1,2})([.)])(?=\s)", lambda m: f"{m[1]}{int(m[2]) + shift}{m[3]}", text)


def _typography(text: str, _: random.Random) -> str:
    curly = re.sub(r'"([^"\n]*)"', "\u201c\\1\u201d", text).replace("'", "\u2019").replace("--", "\u2014")
    return curly.replace("fi", "\ufb01").replace(". ", ".  ").replace("\n\n", "\n\n\n")


def _names(text: str, chance: random.Random) -> str:
    holder = re.search(r"Copyright (?:\([cC]\)|©)? ?[\d, \-]*(?:by )?([A-Z][\w.]+(?: [A-Z][\w.]+){1,4})", text)
    if holder is None:
        return text
    return text.replace(holder[1], chance.choice(["Karla Winterberg", "Blue Heron Systems", "Oyelaran Limited"]))


def _dates(text: str, chance: random.Random) -> str:
    years = chance.randrange(1, 6)
    return re.sub(r"\b(19[89]\d|20[012]\d)\b(?!\.\d)", lambda match: str(int(match[1]) + years), text)


_PLANTS: tuple[Plant, ...] = (
    _swap("negated", NEGATED),
    _party,
    _number,
    _swap("term", TERMS),
    _swap("weakened", WEAKER),
    _dropped,
    _inserted,
    _moved,
)
_HARMLESS: Mapping[str, Callable[[str, random.Random], str]] = {
    "wrapped": _wrapped,
    "renumbered": _renumbered,
    "typography": _typography,
    "names": _names,
    "dates": _dates,
}
