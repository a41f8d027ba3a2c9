"""What an alert shows of a document that departs from its standard, as types (see `schema`)."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

Weight = Annotated[float, ("minimum", 0)]
Size = Annotated[int, ("minimum", 0)]


class OpinionDocument(TypedDict):
    """What one method says of the document."""

    method: str
    """clauses, cosine, p, isolation forest or one-class SVM."""
    figure: float
    """Its own figure: a weight, a cosine, a share, a distance."""
    says: Literal["normal", "unsure", "odd"]
    """What it says."""
    of: Size
    """Number of documents of the base that it rests on."""


class StandardDocument(TypedDict):
    """A standard that the document was compared with."""

    document: str
    """Its name in the base."""
    id: Annotated[str, ("pattern", "^[0-9a-f]{16}$")]
    """Its id in the base."""
    cosine: float
    """Similarity of the whole texts."""
    weight: Weight
    """How far the document departs from it: the sum of the departures' weights."""
    departures: Size
    """Number of clauses that differ and matter."""


class MarkedWord(TypedDict):
    """A word that one side does not have."""

    text: str
    """The word as it is written there."""
    word: str
    """What sort of word it is: negation, modal, number, party, word, ..."""


class SideDocument(TypedDict):
    """A clause on one side of the comparison."""

    text: str
    """Its text, redacted; cut with a mark when very long."""
    marked: list[MarkedWord]
    """The words that the other side does not have, in order; at most 40."""


class DepartureDocument(TypedDict):
    """One clause that differs from the standard."""

    kind: Literal["changed", "missing", "added", "moved"]
    """What is different about it."""
    weight: Weight
    """How much the words that changed matter."""
    place: str
    """Where it stands: headings and label."""
    clause: Size | None
    """Its number in the standard, from 0; null for an added one."""
    clause_here: Size | None
    """Its number in the document, from 0; null for a missing one."""
    words: list[str]
    """The sorts of word that changed and matter, the heaviest first."""
    there: SideDocument | None
    """The clause in the standard; null for an added one."""
    here: SideDocument | None
    """The clause in the document; null for a missing one."""


class DocumentCase(TypedDict):
    """A document beside its standard, with input.format document."""

    name: str
    """The document's name."""
    format: str
    """What it was read as: text, markdown, html, pdf or docx."""
    clauses: Size
    """Number of its clauses."""
    remark: str
    """What could not be read of it, or nothing."""
    opinions: list[OpinionDocument]
    """What each method says."""
    standards: list[StandardDocument]
    """The standards it was compared with; the first one is the reference."""
    departures: list[DepartureDocument]
    """The clauses that differ from the reference, the gravest first; at most 20."""
    omitted: Size
    """Departures that were left out to keep the message small: the slightest ones."""
