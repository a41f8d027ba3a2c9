"""Moved clauses: deleted in one place and inserted in another.

A difference of sequences shows a moved clause as missing here and added there. A clause of the standard of which nearly
all is deleted is searched for among the inserted words. Where nearly all of it stands together, it was moved. A clause
of a few words, such as a heading, must be a whole clause there, with the same words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import LCSseq

from daemon.core.documents.diff import Edit, diff
from daemon.core.documents.worded_text import WordedText

FEWEST = 5
"""A clause of fewer words is too common to be recognised elsewhere."""
SAME = 0.7
"""The share of the clause's words that must be found."""
SPREAD = 1.4
"""They must stand within this multiple of the clause's length."""


@dataclass(frozen=True, slots=True)
class Move:
    """A clause of the standard that stands at ``here_from:here_to`` of the document, and what changed in it."""

    clause: int
    here_from: int
    here_to: int
    edits: Sequence[Edit] = ()


def find_moves(standard: WordedText, document: WordedText, edits: Sequence[Edit]) -> tuple[list[Move], list[Edit]]:
    """Return the moved clauses, and the edits without them."""
    moves: list[Move] = []
    inserted = [(edit.here_from, edit.here_to) for edit in edits if edit.here_to > edit.here_from]
    for clause in _deleted_clauses(standard, edits):
        move = _best(standard, document, clause, inserted)
        if move is not None:
            moves.append(move)
            inserted = [part for run in inserted for part in _without(run, move)]
    moves += _short_moves(standard, document, edits, inserted)
    return moves, _remaining(standard, edits, moves)


def _short_moves(
    standard: WordedText, document: WordedText, edits: Sequence[Edit], inserted: Sequence[tuple[int, int]]
) -> list[Move]:
    """Return the clauses of a few words that are deleted as a whole and inserted as a whole."""
    new: dict[tuple[str, ...], list[int]] = {}
    for start, stop in inserted:
        for clause in _whole_clauses(document, start, stop):
            new.setdefault(_forms(document, clause), []).append(document.first[clause])
    moves = []
    for edit in edits:
        for clause in _whole_clauses(standard, edit.there_from, edit.there_to):
            forms = _forms(standard, clause)
            if new.get(forms):
                start = new[forms].pop(0)
                moves.append(Move(clause, start, start + len(forms)))
    return moves


def _whole_clauses(text: WordedText, start: int, stop: int) -> Iterator[int]:
    """Yield the clauses of a few words that lie in ``start:stop``."""
    if stop > start:
        for clause in range(text.clause_of[start], text.clause_of[stop - 1] + 1):
            begin, end = text.first[clause], text.first[clause + 1]
            if start <= begin and end <= stop and 0 < end - begin < FEWEST:
                yield clause


def _forms(text: WordedText, clause: int) -> tuple[str, ...]:
    return tuple(text.forms[text.first[clause] : text.first[clause + 1]])


def _deleted_clauses(standard: WordedText, edits: Sequence[Edit]) -> list[int]:
    """Return the clauses of which an edit deletes all but a few words, the longest first."""
    deleted = []
    for edit in edits:
        if edit.there_to - edit.there_from < FEWEST:
            continue
        for clause in range(standard.clause_of[edit.there_from], standard.clause_of[edit.there_to - 1] + 1):
            begin, end = standard.first[clause], standard.first[clause + 1]
            inside = min(end, edit.there_to) - max(begin, edit.there_from)
            if end - begin >= FEWEST and inside >= 0.9 * (end - begin):
                deleted.append(clause)
    return sorted(deleted, key=lambda clause: standard.first[clause] - standard.first[clause + 1])


def _best(standard: WordedText, document: WordedText, clause: int, inserted: Sequence[tuple[int, int]]) -> Move | None:
    begin, end = standard.first[clause], standard.first[clause + 1]
    words, length = standard.forms[begin:end], end - begin
    for start, stop in inserted:
        if stop - start < SAME * length:
            continue
        blocks = [step for step in LCSseq.opcodes(words, document.forms[start:stop]) if step.tag == "equal"]
        common = sum(step.src_end - step.src_start for step in blocks)
        if common < SAME * length:
            continue
        first, last = start + blocks[0].dest_start, start + blocks[-1].dest_end
        if last - first <= SPREAD * length:
            inner = diff(words, document.forms[first:last])
            return Move(clause, first, last, [_shifted(edit, begin, first) for edit in inner])
    return None


def _shifted(edit: Edit, there: int, here: int) -> Edit:
    return Edit(edit.there_from + there, edit.there_to + there, edit.here_from + here, edit.here_to + here)


def _without(run: tuple[int, int], move: Move) -> list[tuple[int, int]]:
    start, stop = run
    if move.here_to <= start or move.here_from >= stop:
        return [run]
    return [part for part in ((start, move.here_from), (move.here_to, stop)) if part[1] > part[0]]


def _remaining(standard: WordedText, edits: Sequence[Edit], moves: Sequence[Move]) -> list[Edit]:
    """Return the edits without the words that moves account for. One edit may become several."""
    if not moves:
        return list(edits)
    gone = sorted((standard.first[move.clause], standard.first[move.clause + 1]) for move in moves)
    new = sorted((move.here_from, move.here_to) for move in moves)
    remaining = []
    for edit in edits:
        there = _cut((edit.there_from, edit.there_to), gone)
        here = _cut((edit.here_from, edit.here_to), new)
        if len(there) <= 1 and len(here) <= 1:
            there, here = there or [(edit.there_from,) * 2], here or [(edit.here_from,) * 2]
            remaining.append(Edit(*there[0], *here[0]))
            continue
        remaining += [Edit(begin, end, edit.here_from, edit.here_from) for begin, end in there]
        remaining += [Edit(edit.there_to, edit.there_to, begin, end) for begin, end in here]
    return [edit for edit in remaining if edit.size]


def _cut(run: tuple[int, int], holes: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the parts of a run outside of the holes, which are sorted."""
    parts, (start, stop) = [], run
    for begin, end in holes:
        if end <= start or begin >= stop:
            continue
        if begin > start:
            parts.append((start, begin))
        start = max(start, end)
    if stop > start:
        parts.append((start, stop))
    return parts
