"""What is printed as JSON: checks and documents as plain objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.core.documents import Departure, KeptDocument, Piece
from daemon.documents.checking import Check

Json = Mapping[str, object]


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


def describe_document(document: KeptDocument, group: int | None) -> Json:
    """Return a kept document as an object, without its text."""
    return {
        "id": document.id,
        "name": document.name,
        "format": document.format,
        "clauses": len(document.clauses),
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
