"""What departs, for the incidents stage: each grave departure is a cause, the same in whatever document it stands.

The id of a cause is made of the standard, the clause and the words that changed. So one edit in many documents is one
incident, which a person labels or mutes once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b

from daemon.core.documents import Departure, Piece, Thresholds
from daemon.core.text import many, shorten
from daemon.documents.checking import Check

MOST = 16
"""Most causes of one document."""
QUOTE = 60


def causes_of(check: Check, name: str, text_id: str, thresholds: Thresholds) -> Iterator[tuple[str, str]]:
    """Yield the id (16 hexadecimal digits) and a sentence of what makes a document odd, the gravest first."""
    if not check.matches:
        yield _id("no standards", text_id), f"{name}: the base has no standards"
        return
    reference = check.matches[0]
    grave = [each for each in reference.comparison.departures if each.weight >= thresholds.departure]
    if reference.cosine < thresholds.odd or not grave:
        slight = many(len(reference.comparison.departures), "departure")
        sentence = f"nearest {reference.document.name}, cosine {reference.cosine:.3f}, {slight}"
        yield _id("far", text_id), f"{name} is like no standard: {sentence}"
        return
    for departure in grave[:MOST]:
        words = [piece.text.casefold() for side in (departure.there, departure.here) for piece in _marked(side)]
        cause = _id(reference.document.id, departure.kind, str(departure.clause), *words)
        yield cause, f"{name} departs from {reference.document.name}: {_sentence(departure)}"


def _sentence(departure: Departure) -> str:
    where = f" at {shorten(departure.place, QUOTE)}" if departure.place else ""
    there, here = _quoted(_marked(departure.there)), _quoted(_marked(departure.here))
    if departure.kind == "changed" and there and here:
        return f"{departure.kind}{where}: {there} is now {here}"
    if departure.kind == "changed":
        return f"{departure.kind}{where}: {f'{there} is gone' if there else f'{here} is new'}"
    return f"{departure.kind}{where}: {_quoted(departure.here or departure.there)}"


def _marked(side: Sequence[Piece]) -> list[Piece]:
    return [piece for piece in side if piece.mark]


def _quoted(pieces: Sequence[Piece]) -> str:
    text = " ".join(" ".join(piece.text for piece in pieces).split())
    return f'"{shorten(text, QUOTE)}"' if text else ""


def _id(*parts: str) -> str:
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
