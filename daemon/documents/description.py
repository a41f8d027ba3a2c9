"""Checks and documents as plain objects: what is printed as JSON, and what an alert shows of a check."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from daemon.core.documents import Departure, DocumentEntry, Piece
from daemon.core.messages import DocumentCase
from daemon.core.text import shorten
from daemon.documents.checking import Check

Json = Mapping[str, object]
MAX_DEPARTURES = 20
MAX_TEXT = 1_000
MAX_MARKED = 40
MAX_WORD = 100


def describe_check(check: Check) -> Json:
    """Return a check as an object: the decision, each opinion with its figure, the matches and the departures."""
    return {
        "odd": check.odd,
        "known": check.known.name if check.known else None,
        "opinions": [
            {"method": opinion.method, "figure": round(opinion.figure, 6), "says": opinion.says, "of": opinion.of}
            for opinion in check.opinions
        ],
        "nearest": [
            {
                "document": match.document.name,
                "id": match.document.id,
                "cosine": round(match.cosine, 6),
                "weight": round(match.comparison.weight, 3),
                "departures": len(match.comparison.departures),
            }
            for match in check.matches
        ],
        "departures": [_departure(departure) for departure in check.matches[0].comparison.departures]
        if check.matches
        else [],
    }


def document_case(check: Check, name: str, form: str, clauses: int, redact: Callable[[str], str]) -> DocumentCase:
    """Return what an alert shows of a check, within bounds. `redact` hides secrets in the texts."""
    described = describe_check(check)
    departures = check.matches[0].comparison.departures if check.matches else ()
    return cast(
        "DocumentCase",
        {
            "name": name,
            "format": form,
            "clauses": clauses,
            "opinions": described["opinions"],
            "standards": described["nearest"],
            "departures": [_bounded(_departure(each), redact) for each in departures[:MAX_DEPARTURES]],
            "omitted": max(len(departures) - MAX_DEPARTURES, 0),
        },
    )


def _bounded(departure: Mapping[str, Any], redact: Callable[[str], str]) -> Json:
    return {
        **departure,
        "place": shorten(redact(departure["place"]), MAX_TEXT),
        **{name: _bounded_side(departure[name], redact) for name in ("there", "here")},
    }


def _bounded_side(side: Mapping[str, Any] | None, redact: Callable[[str], str]) -> Json | None:
    if side is None:
        return None
    marked = [{**mark, "text": shorten(redact(mark["text"]), MAX_WORD)} for mark in side["marked"][:MAX_MARKED]]
    return {"text": shorten(redact(side["text"]), MAX_TEXT), "marked": marked}


def describe_document(document: DocumentEntry, group: int | None) -> Json:
    """Return a listed document as an object."""
    return {
        "id": document.id,
        "name": document.name,
        "format": document.format,
        "clauses": document.clauses,
        "group": group,
    }


def _departure(departure: Departure) -> Json:
    return {
        "kind": departure.kind,
        "weight": round(departure.weight, 3),
        "place": departure.place,
        "clause": departure.clause,
        "clause_here": departure.clause_here,
        "words": [str(kind) for kind in departure.kinds],
        "there": _side(departure.there),
        "here": _side(departure.here),
    }


def _side(pieces: Sequence[Piece]) -> Json | None:
    if not pieces:
        return None
    return {
        "text": "".join(piece.text for piece in pieces),
        "marked": [{"text": piece.text, "word": str(piece.kind)} for piece in pieces if piece.mark],
    }
