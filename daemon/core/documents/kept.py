"""A document as a base keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
import orjson
from numpy.typing import NDArray

from daemon.core.documents.clauses import Clause
from daemon.core.documents.words import words_of


@dataclass(frozen=True, slots=True)
class KeptDocument:
    """A standard: its clauses, and its vectors or None.

    `vector` is the whole text's, shape (dimensions,); `clause_vectors` has a row for each clause. `id` names the text:
    equal words have equal ids, whatever file they come from.
    """

    id: str
    name: str
    format: str
    clauses: Sequence[Clause] = field(repr=False)
    vector: NDArray[np.float32] | None = field(default=None, repr=False)
    clause_vectors: NDArray[np.float32] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class DocumentEntry:
    """A document as a list shows it: without its text. `clauses` is their number."""

    id: str
    name: str
    format: str
    clauses: int


@dataclass(frozen=True, slots=True)
class NearClause:
    """A clause near in meaning to a text, with the id and the name of its document."""

    document: str
    name: str
    clause: Clause
    cosine: float


def document_id(clauses: Sequence[Clause]) -> str:
    """Return the id of a text: 16 hexadecimal digits of a hash of its words, as they are compared.

    So a contract has one id as Word document and as PDF.
    """
    forms = (word.form for clause in clauses for word in words_of(clause.text))
    return blake2b("\0".join(forms).encode(errors="surrogatepass"), digest_size=8).hexdigest()


def clauses_to_bytes(clauses: Sequence[Clause]) -> bytes:
    """Return clauses as a store keeps them."""
    return orjson.dumps([[clause.text, clause.label, clause.path, clause.heading] for clause in clauses])


def kept_document(id_: str, name: str, form: str, clauses: bytes) -> KeptDocument:
    """Return a document, without vectors, as a store keeps it."""
    return KeptDocument(id_, name, form, clauses_from_bytes(clauses))


def stacked_vectors(rows: Sequence[tuple[str, bytes]]) -> tuple[list[str], NDArray[np.float32]]:
    """Return the ids, and the vectors that a store keeps as bytes, shape (n, dimensions); (0, 0) without rows."""
    vectors = [np.frombuffer(whole, dtype=np.float32) for _, whole in rows]
    return [id_ for id_, _ in rows], np.stack(vectors) if vectors else np.empty((0, 0), np.float32)


def clauses_from_bytes(kept: bytes) -> list[Clause]:
    """Return what `clauses_to_bytes` was given."""
    return [Clause(text, label, tuple(path), heading) for text, label, path, heading in orjson.loads(kept)]
