"""Bases of documents with one engine and one store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from daemon.core.documents import Block, KeptDocument, NearClause, Thresholds, document_id, split_clauses
from daemon.documents.checking import Check, Checker
from daemon.ports import DocumentStore, Engine, Outliers

BATCH = 256
"""Clauses embedded together, at most."""


@dataclass(frozen=True, slots=True)
class Added:
    """A document to add. `known_as` is the name under which the base already had its text, None when it was new."""

    document: KeptDocument
    known_as: str | None = None


class Library:
    """Adds, checks and searches. `nearest` is how many standards a text is compared with."""

    def __init__(
        self,
        store: DocumentStore,
        engine: Engine,
        thresholds: Thresholds | None = None,
        nearest: int = 3,
        outliers: Outliers | None = None,
    ) -> None:
        self._store = store
        self._engine = engine
        self._thresholds = thresholds or Thresholds()
        self._nearest = nearest
        self._outliers = outliers

    async def add(self, base: str, name: str, form: str, blocks: Sequence[Block]) -> Added:
        """Add one document; a text that the base has is not added again."""
        document = make_document(name, form, blocks)
        known_as = self._store.name_of(base, document.id)
        if known_as is not None:
            return Added(document, known_as)
        document = await self._embedded(document)
        self._store.put(base, [document], self._engine.model)
        return Added(document)

    async def renew(self, base: str) -> int:
        """Embed documents without vectors of the engine's model, then drop other models' vectors; return how many.

        Until all are embedded, the old vectors stay, so an interrupted run continues where it stopped.
        """
        old = self._store.without_vectors(base, self._engine.model)
        for id_ in old:
            document = self._store.document(base, id_)
            if document is not None:
                self._store.revector(base, await self._embedded(document), self._engine.model)
        if old:
            self._store.drop_vectors(base, self._engine.model)
        return len(old)

    def checker(self, base: str) -> Checker:
        """Return a checker of texts against a base as it is now."""
        documents = self._store.documents(base)
        ids, vectors = self._store.vectors(base, self._engine.model)
        return Checker(documents, ids, vectors, self._thresholds, self._nearest)

    async def check(self, checker: Checker, name: str, form: str, blocks: Sequence[Block]) -> Check:
        """Return the result for one text."""
        document = make_document(name, form, blocks)
        (vector,) = await self._engine.embed([document_text(document)])
        return checker.check(replace(document, vector=vector), self._outliers)

    async def search(self, base: str, text: str, count: int) -> list[NearClause]:
        """Return the clauses of a base that are nearest in meaning, the nearest first."""
        (vector,) = await self._engine.embed([text])
        return self._store.nearest_clauses(base, self._engine.model, vector, count)

    async def _embedded(self, document: KeptDocument) -> KeptDocument:
        (whole,) = await self._engine.embed([document_text(document)])
        texts = [clause.text for clause in document.clauses]
        rows = [await self._engine.embed(texts[start:][:BATCH]) for start in range(0, len(texts), BATCH)]
        return replace(document, vector=whole, clause_vectors=np.concatenate(rows))


def groups_of(store: DocumentStore, base: str, outliers: Outliers | None) -> dict[str, int]:
    """Return the group of each document of a base by id, -1 for none; empty without `outliers` or vectors."""
    model = store.model(base)
    if outliers is None or model is None:
        return {}
    ids, vectors = store.vectors(base, model)
    return dict(zip(ids, map(int, outliers.groups(vectors)), strict=True))


def make_document(name: str, form: str, blocks: Sequence[Block]) -> KeptDocument:
    """Return a parsed text as a document without vectors."""
    clauses = split_clauses(blocks)
    return KeptDocument(document_id(clauses), name, form, clauses)


def document_text(document: KeptDocument) -> str:
    """Return the text that a document's vector is made from."""
    return "\n".join(" ".join(clause.text.split()) for clause in document.clauses)
