"""Bases of documents with one engine and one store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from daemon.core.documents import Block, KeptDocument, NearClause, Thresholds, document_id, split_clauses
from daemon.core.text import clean, many
from daemon.documents.checking import Check, Checker
from daemon.errors import UnfinishedBaseError
from daemon.ports import DocumentStore, Engine, Outliers

BATCH = 256
"""Texts embedded together, at most."""
REPORT_S = 5.0
"""Seconds between two reports of a renewal."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """How far a base is that is embedded again: `done` of its `count` documents have vectors of `model`."""

    model: str
    done: int
    count: int


@dataclass(frozen=True, slots=True)
class Hits:
    """The clauses that a search returns, the nearest first. `searched` of the base's `count` documents were searched.

    The others have no vectors of the engine's model yet.
    """

    clauses: Sequence[NearClause]
    searched: int
    count: int


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
        (document,) = await self._embedded([document])
        self._store.put(base, [document], self._engine.model)
        return Added(document)

    def renewal(self, base: str) -> Renewal | None:
        """Return how far a base is that has vectors of another model than the engine's; None where it has none."""
        models, model = self._store.models(base), self._engine.model
        count, done = self._store.bases().get(base, 0), models.get(model, 0)
        return Renewal(model, done, count) if done < count or len(models) > 1 else None

    async def renew_some(self, base: str) -> bool:
        """Embed the next documents without vectors of the engine's model, about `BATCH` texts; return whether to go on.

        Old vectors stay until all documents have new ones. Then they are dropped in one transaction. So whoever is
        interrupted, or killed, goes on where it stopped.
        """
        some = self._without_vectors(base)
        if some:
            self._store.revector(base, await self._embedded(some), self._engine.model)
            return True
        return self.renewal(base) is not None and not self._store.switch_model(base, self._engine.model)

    async def renew(self, base: str, report: Callable[[Renewal], None]) -> int:
        """Embed all documents without vectors of the engine's model; return how many.

        `report` is called every few seconds.
        """
        before, reported = self.renewal(base), monotonic()
        if before is None:
            return 0
        while await self.renew_some(base):
            if monotonic() - reported > REPORT_S and (now := self.renewal(base)) is not None:
                report(now)
                reported = monotonic()
        return before.count - before.done

    def checker(self, base: str) -> Checker:
        """Return a checker of texts against a base as it is now.

        Raises UnfinishedBaseError where documents have no vectors of the engine's model.
        """
        self._require_vectors(base)
        documents = self._store.documents(base)
        ids, vectors = self._store.vectors(base, self._engine.model)
        if not {document.id for document in documents} <= set(ids):  # others have changed the base between the reads
            self._require_vectors(base)
        return Checker(documents, ids, vectors, self._thresholds, self._nearest)

    async def check(self, checker: Checker, name: str, form: str, blocks: Sequence[Block]) -> Check:
        """Return the result for one text."""
        document = make_document(name, form, blocks)
        (vector,) = await self._engine.embed([document_text(document)])
        return checker.check(replace(document, vector=vector), self._outliers)

    async def search(self, base: str, text: str, count: int) -> Hits:
        """Return the clauses of a base that are nearest in meaning, of those with vectors of the engine's model."""
        model = self._engine.model
        (vector,) = await self._engine.embed([text])
        models = self._store.models(base)
        searched = models.get(model, 0)
        clauses = self._store.nearest_clauses(base, model, vector, count)
        only = models.keys() <= {model}  # each document has vectors of some model, so all have these
        return Hits(clauses, searched, searched if only else self._store.bases().get(base, 0))

    def _require_vectors(self, base: str) -> None:
        """Raise UnfinishedBaseError where documents have no vectors of the engine's model."""
        model = self._engine.model
        if self._store.without_vectors(base, model, 1):
            done, count = self._store.models(base).get(model, 0), self._store.bases().get(base, 0)
            raise UnfinishedBaseError(
                f"{done} of {many(count, 'document')} of base {clean(base)} have vectors of {clean(model)}"
            )

    def _without_vectors(self, base: str) -> list[KeptDocument]:
        """Return the next documents without vectors of the engine's model: one, or more of `BATCH` texts together."""
        some: list[KeptDocument] = []
        texts = 0
        for id_ in self._store.without_vectors(base, self._engine.model, BATCH // 2):
            document = self._store.document(base, id_)
            if document is None:
                continue
            texts += 1 + len(document.clauses)
            if some and texts > BATCH:
                break
            some.append(document)
        return some

    async def _embedded(self, documents: Sequence[KeptDocument]) -> list[KeptDocument]:
        wholes = await self._vectors([document_text(document) for document in documents])
        rows = await self._vectors([clause.text for document in documents for clause in document.clauses])
        ends = np.cumsum([len(document.clauses) for document in documents])
        return [
            replace(document, vector=whole, clause_vectors=their)
            for document, whole, their in zip(documents, wholes, np.split(rows, ends[:-1]), strict=True)
        ]

    async def _vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [await self._engine.embed(texts[start:][:BATCH]) for start in range(0, len(texts), BATCH)]
        return np.concatenate(rows)


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
