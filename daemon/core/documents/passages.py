"""The text of a clause with marks on the words that changed, for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from daemon.core.documents.weights import Weighed
from daemon.core.documents.word_lists import WordKind
from daemon.core.documents.worded_text import WordedText

Mark = Literal["deleted", "inserted"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a clause's text. `mark` says that it is deleted or inserted, `kind` what sort of word it is."""

    text: str
    mark: Mark | None = None
    kind: WordKind | None = None
    weight: float = 0.0


def pieces(text: WordedText, clause: int, changed: Sequence[tuple[int, Weighed]], mark: Mark) -> list[Piece]:
    """Return the whole text of a clause in pieces; `changed` are places of words in `text`, in order, with weights."""
    source = text.clauses[clause].text
    marked: list[Piece] = []
    at = 0
    for place, weighed in changed:
        if text.clause_of[place] != clause:
            continue
        word = text.words[place]
        between = source[at : word.start]
        if between:
            marked.append(Piece(between))
        marked.append(Piece(source[word.start : word.end], mark, weighed.word.kind, weighed.weight))
        at = word.end
    if at < len(source):
        marked.append(Piece(source[at:]))
    return marked
