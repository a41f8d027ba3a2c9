"""What scores a text against the standards: ours, and common alternatives."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import OneClassSVM

from daemon.core.documents import Block, Comparison, KeptDocument, Thresholds
from daemon.documents import Check
from daemon.documents.checking import Checker
from daemon.documents.library import document_text, make_document
from daemon.ports import Engine

Scores = dict[str, float]


class Contest:
    """The standards, as each contestant knows them. `scores` gives higher figures to odder texts."""

    def __init__(self, standards: Sequence[KeptDocument], vectors: NDArray[np.float32], engine: Engine) -> None:
        self._engine, self._standards, self._vectors = engine, standards, vectors
        self._checker = Checker(standards, [each.id for each in standards], vectors, Thresholds(), 3)
        self._texts = [document_text(each) for each in standards]
        self._words = [text.split() for text in self._texts]
        self._tfidf = TfidfVectorizer(sublinear_tf=True)
        self._rows = self._tfidf.fit_transform(self._texts)
        self._forest = IsolationForest(random_state=0).fit(vectors)
        self._svm = OneClassSVM(gamma="scale", nu=0.05).fit(vectors)

    @classmethod
    async def of(cls, standards: Mapping[str, Sequence[Block]], engine: Engine) -> Self:
        """Return the contest on these standards, by name."""
        kept = [make_document(name, "text", blocks) for name, blocks in standards.items()]
        kept = list({each.id: each for each in kept}.values())
        rows = [(await engine.embed([document_text(each)]))[0] for each in kept]
        with_rows = [replace(each, vector=row) for each, row in zip(kept, rows, strict=True)]
        return cls(with_rows, np.stack(rows), engine)

    async def scores(self, blocks: Sequence[Block]) -> tuple[Scores, Check]:
        """Return every contestant's score of a text, and our check of it."""
        text = make_document("text", "text", blocks)
        flat = document_text(text)
        (vector,) = await self._engine.embed([flat])
        check = self._checker.check(KeptDocument("", "", "", text.clauses, vector), None)
        similar = self._vectors @ vector
        nearest = self._words[int(similar.argmax())]
        comparison = check.matches[0].comparison
        return {
            "strayline": gravity(comparison),
            "strayline, all departures": comparison.weight,
            "cosine": 1 - float(similar.max()),
            "difflib": 1 - difflib.SequenceMatcher(None, nearest, flat.split()).ratio(),
            "TF-IDF": 1 - float((self._rows @ self._tfidf.transform([flat]).T).max()),
            "isolation forest": -float(self._forest.decision_function(vector[None])[0]),
            "one-class SVM": -float(self._svm.decision_function(vector[None])[0]),
        }, check


def gravity(comparison: Comparison) -> float:
    """Return the weight of the gravest departure."""
    return comparison.departures[0].weight if comparison.departures else 0.0
