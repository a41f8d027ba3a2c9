"""A document compared with a standard: which clauses are changed, missing, added or moved, the gravest first.

The words of both are compared as one sequence each, so that it does not matter where a parser ends a paragraph. Each
change belongs to the clause of the standard in which it lies. A clause of the standard of which nearly all is gone is
*missing*, unless nearly the same words were added elsewhere: then it is *moved*. A clause of the document of which
nearly all is new is *added*.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import log
from typing import Literal

from daemon.core.documents.diff import Edit, at_boundaries, diff
from daemon.core.documents.labels import is_label
from daemon.core.documents.moves import FEWEST, Move, find_moves
from daemon.core.documents.passages import Piece, pieces
from daemon.core.documents.weights import Weighed, Weigher
from daemon.core.documents.word_lists import WordKind
from daemon.core.documents.worded_text import WordedText

DepartureKind = Literal["changed", "missing", "added", "moved"]
NEARLY_ALL = 0.8
MOVED = 3.0
"""The weight of a move, without what changed in the moved clause."""
MOVED_TITLE = 1.0
"""The weight of moving a clause of a few words, such as a heading."""
MUCH = 40.0
"""Above this a departure's weight grows by the logarithm: one long clause must not hide all others."""
LEAST = 0.9
"""What weighs less is not reported: what was filled in, spellings, references."""
_TOLD = frozenset(WordKind) - {WordKind.WORD, WordKind.FUNCTION, WordKind.PLACEHOLDER}


@dataclass(frozen=True, slots=True)
class Departure:
    """One clause that differs. `there` are the standard's words, `here` the document's, both with marks.

    `clause` is the index of the standard's clause, None for an added one; `clause_here` that of the document's, None
    for a missing one. `kinds` are the kinds of word that changed and matter, the heaviest first.
    """

    kind: DepartureKind
    weight: float
    clause: int | None
    clause_here: int | None
    place: str
    there: Sequence[Piece] = ()
    here: Sequence[Piece] = ()
    kinds: Sequence[WordKind] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """All departures from one standard, the heaviest first; `slight` counts those that weigh less than `LEAST`."""

    departures: Sequence[Departure] = ()
    slight: int = 0
    clauses: int = 0
    equal_words: int = 0

    @property
    def weight(self) -> float:
        """How far the document departs from the standard: the sum of the departures' weights."""
        return sum(departure.weight for departure in self.departures)


@dataclass(slots=True)
class _Gathered:
    """What changed in one clause."""

    deleted: list[tuple[int, Weighed]] = field(default_factory=list)
    inserted: list[tuple[int, Weighed]] = field(default_factory=list)


def compare(standard: WordedText, document: WordedText) -> Comparison:
    """Return where the document departs from the standard."""
    begins = frozenset(standard.first), frozenset(document.first)
    edits = at_boundaries(diff(standard.forms, document.forms), standard.forms, document.forms, begins)
    edits = [edit for edit in edits if not is_label(standard, document, edit)]
    moves, edits = find_moves(standard, document, edits)
    edits = [edit for edit in edits if not is_label(standard, document, edit)]
    weigher = Weigher(standard, document)
    gathered: dict[tuple[int | None, int | None], _Gathered] = {}
    for edit in edits:
        _gather(standard, document, edit, weigher, gathered)
    departures = [_departure(standard, document, place, what) for place, what in gathered.items()]
    departures += [_moved(standard, document, move, weigher) for move in moves]
    reported = sorted((one for one in departures if one.weight >= LEAST), key=_gravest)
    equal = len(standard.forms) - sum(edit.there_to - edit.there_from for edit in edits)
    return Comparison(reported, len(departures) - len(reported), len(standard.clauses), equal)


def _gravest(departure: Departure) -> tuple[float, int, int]:
    return -departure.weight, departure.clause or 0, departure.clause_here or 0


def _gather(
    standard: WordedText,
    document: WordedText,
    edit: Edit,
    weigher: Weigher,
    gathered: dict[tuple[int | None, int | None], _Gathered],
) -> None:
    """Weigh one edit, and add its words to the clauses that they belong to."""
    deleted, inserted = weigher.weigh(edit)
    whole = set(_wholly_new(document, edit))
    anchors = [standard.clause_of[at] for at in range(edit.there_from, edit.there_to)]
    for at, word in zip(range(edit.there_from, edit.there_to), deleted, strict=True):
        gathered.setdefault((standard.clause_of[at], None), _Gathered()).deleted.append((at, word))
    for at, word in zip(range(edit.here_from, edit.here_to), inserted, strict=True):
        clause = document.clause_of[at]
        if clause in whole and not (len(set(anchors)) == 1 and not _is_gone(standard, edit, anchors[0])):
            place: tuple[int | None, int | None] = (None, clause)
        else:
            place = (anchors[0] if anchors else _beside(standard, document, edit, clause), None)
        gathered.setdefault(place, _Gathered()).inserted.append((at, word))


def _wholly_new(document: WordedText, edit: Edit) -> Iterator[int]:
    """Yield the clauses of the document of which nearly all is inserted by this edit."""
    for clause in range(*_span(document, edit.here_from, edit.here_to)):
        begin, end = document.first[clause], document.first[clause + 1]
        inside = min(end, edit.here_to) - max(begin, edit.here_from)
        if inside >= NEARLY_ALL * (end - begin):
            yield clause


def _is_gone(standard: WordedText, edit: Edit, clause: int) -> bool:
    begin, end = standard.first[clause], standard.first[clause + 1]
    return min(end, edit.there_to) - max(begin, edit.there_from) >= NEARLY_ALL * (end - begin)


def _span(text: WordedText, begin: int, end: int) -> tuple[int, int]:
    """Return the range of clauses that words ``begin:end`` lie in."""
    return (text.clause_of[begin], text.clause_of[end - 1] + 1) if end > begin else (0, 0)


def _beside(standard: WordedText, document: WordedText, edit: Edit, clause: int) -> int | None:
    """Return the standard's clause in which an insertion lies: that of the next word, if that is in the same clause."""
    if not standard.words:
        return None
    follows = edit.here_to < len(document.words) and document.clause_of[edit.here_to] == clause
    before = edit.here_from > 0 and document.clause_of[edit.here_from - 1] == clause
    if edit.there_from and (before or not follows):
        return standard.clause_of[edit.there_from - 1]
    return standard.clause_of[min(edit.there_from, len(standard.words) - 1)]


def _departure(
    standard: WordedText, document: WordedText, place: tuple[int | None, int | None], what: _Gathered
) -> Departure:
    clause, clause_here = place
    weighed = [word for _, word in (*what.deleted, *what.inserted)]
    weight = _damped(sum(word.weight for word in weighed))
    if clause is None:
        assert clause_here is not None
        here = pieces(document, clause_here, what.inserted, "inserted")
        name = document.clauses[clause_here].place
        return Departure("added", weight, None, clause_here, name, (), here, _kinds(weighed))
    words = standard.first[clause + 1] - standard.first[clause]
    there = pieces(standard, clause, what.deleted, "deleted")
    name = standard.clauses[clause].place
    if len(what.deleted) >= NEARLY_ALL * words and not what.inserted:
        return Departure("missing", weight, clause, None, name, there, (), _kinds(weighed))
    clause_here = _heaviest(document, what.inserted)
    here = pieces(document, clause_here, what.inserted, "inserted") if clause_here is not None else []
    return Departure("changed", weight, clause, clause_here, name, there, here, _kinds(weighed))


def _heaviest(document: WordedText, inserted: Sequence[tuple[int, Weighed]]) -> int | None:
    """Return the clause of the document in which the gravest of the inserted words stand; the first of several."""
    weights: dict[int, float] = {}
    for at, word in inserted:
        clause = document.clause_of[at]
        weights[clause] = weights.get(clause, 0.0) + word.weight
    return max(weights, key=lambda clause: weights[clause], default=None)


def _moved(standard: WordedText, document: WordedText, move: Move, weigher: Weigher) -> Departure:
    deleted: list[tuple[int, Weighed]] = []
    inserted: list[tuple[int, Weighed]] = []
    for edit in move.edits:
        gone, new = weigher.weigh(edit)
        deleted += zip(range(edit.there_from, edit.there_to), gone, strict=True)
        inserted += zip(range(edit.here_from, edit.here_to), new, strict=True)
    weighed = [word for _, word in (*deleted, *inserted)]
    base = MOVED if standard.first[move.clause + 1] - standard.first[move.clause] >= FEWEST else MOVED_TITLE
    weight = _damped(base + sum(word.weight for word in weighed))
    clause_here = document.clause_of[move.here_from]
    return Departure(
        "moved",
        weight,
        move.clause,
        clause_here,
        standard.clauses[move.clause].place,
        pieces(standard, move.clause, deleted, "deleted"),
        pieces(document, clause_here, inserted, "inserted"),
        _kinds(weighed),
    )


def _damped(weight: float) -> float:
    return weight if weight <= MUCH else MUCH * (1.0 + log(weight / MUCH))


def _kinds(weighed: Sequence[Weighed]) -> list[WordKind]:
    """Return the kinds that matter, the heaviest first."""
    sums: dict[WordKind, float] = {}
    for one in weighed:
        if one.word.kind in _TOLD:
            sums[one.word.kind] = sums.get(one.word.kind, 0.0) + one.weight
    return sorted((kind for kind, weight in sums.items() if weight >= LEAST), key=lambda kind: -sums[kind])
