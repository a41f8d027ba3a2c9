"""One text against a base: the nearest standards, how it departs from them, and the opinions on it.

Vectors choose the candidates, words decide between them: of the `nearest` standards by cosine, the one from which the
text departs least is the reference. Documents of the reference's kind (cosine to it of at least `Thresholds.normal`)
show how much such documents vary: each is compared with its own nearest neighbours as if it were the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.core.documents import (
    ENOUGH,
    Comparison,
    KeptDocument,
    Opinion,
    Thresholds,
    WordedText,
    by_clauses,
    by_cosine,
    by_rank,
    compare,
    is_odd,
)
from daemon.ports import Outliers

OF_A_KIND = 200
"""The most documents of the reference's kind, the nearest, that are compared for a p-value."""


@dataclass(frozen=True, slots=True)
class Match:
    """A standard near a text: its cosine, and how the text departs from it."""

    document: KeptDocument
    cosine: float
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Check:
    """The result for one text. The first match is the reference; `known` is the base's document of the same text."""

    matches: Sequence[Match]
    opinions: Sequence[Opinion]
    odd: bool
    known: KeptDocument | None = None


@dataclass(slots=True)
class _Base:
    """A base in memory: its documents in the order of their vectors, shape (n, dimensions)."""

    documents: Sequence[KeptDocument]
    vectors: NDArray[np.float32]
    worded: dict[int, WordedText]

    def words(self, row: int) -> WordedText:
        """Return a document's words; they are kept, because a document is compared several times."""
        if row not in self.worded:
            self.worded[row] = WordedText.of(self.documents[row].clauses)
        return self.worded[row]

    def nearest(self, vector: NDArray[np.float32], count: int, without: int = -1) -> list[int]:
        """Return the rows most similar to a vector, the most similar first."""
        similar = self.vectors @ vector
        if without >= 0:
            similar[without] = -2.0
        return [int(row) for row in np.argsort(-similar, kind="stable")[:count] if row != without]


class Checker:
    """Checks texts against one base as it is now. `nearest` standards are compared with a text."""

    def __init__(
        self,
        documents: Sequence[KeptDocument],
        ids: Sequence[str],
        vectors: NDArray[np.float32],
        thresholds: Thresholds,
        nearest: int,
    ) -> None:
        by_id = {document.id: document for document in documents}
        rows = [row for row, id_ in enumerate(ids) if id_ in by_id]  # one may have come or gone between the reads
        self._base = _Base([by_id[ids[row]] for row in rows], vectors[rows], {})
        self._thresholds = thresholds
        self._nearest = nearest
        self._usual: dict[int, float] = {}

    def check(self, text: KeptDocument, outliers: Outliers | None) -> Check:
        """Return the result for a text that has its vector. Against an empty base a text is odd, without opinions."""
        assert text.vector is not None
        base = self._base
        if not base.documents:
            return Check((), (), odd=True)
        similar = base.vectors @ text.vector
        rows = base.nearest(text.vector, self._nearest)
        words = WordedText.of(text.clauses)
        compared = {row: compare(base.words(row), words) for row in rows}
        rows.sort(key=lambda row: (compared[row].weight, -similar[row]))
        reference = rows[0]
        opinions = [
            by_clauses(compared[reference], self._thresholds),
            by_cosine(float(similar.max()), self._thresholds),
        ]
        ranked = by_rank(compared[reference].weight, self._usual_departures(reference, text.id), self._thresholds)
        opinions += [ranked] if ranked is not None else []
        if outliers is not None:
            opinions += [
                Opinion(name, figure, "odd" if odd else "normal", len(base.documents))
                for name, figure, odd in outliers.second_opinions(base.vectors, text.vector)
            ]
        known = next((document for document in base.documents if document.id == text.id), None)
        matches = [Match(base.documents[row], float(similar[row]), compared[row]) for row in rows]
        return Check(matches, opinions, is_odd(opinions), known)

    def _usual_departures(self, reference: int, left_out: str) -> list[float]:
        """Return how far the documents of the reference's kind depart from their nearest, each left out in turn."""
        base = self._base
        similar = base.vectors @ base.vectors[reference]
        kind = [
            row for row in np.argsort(-similar, kind="stable")[:OF_A_KIND] if similar[row] >= self._thresholds.normal
        ]
        members = [int(row) for row in kind if base.documents[row].id != left_out]
        if len(members) < ENOUGH:
            return []
        return [self._usual_departure(row) for row in members]

    def _usual_departure(self, row: int) -> float:
        if row not in self._usual:
            base = self._base
            others = base.nearest(base.vectors[row], self._nearest, without=row)
            self._usual[row] = min(compare(base.words(other), base.words(row)).weight for other in others)
        return self._usual[row]
