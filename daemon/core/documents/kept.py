"""A document as a base keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
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


def document_id(clauses: Sequence[Clause]) -> str:
    """Return the id of a text: 16 hexadecimal digits of a hash of its words, as they are compared.

    So a contract has one id as Word document and as PDF.
    """
    forms = (word.form for clause in clauses for word in words_of(clause.text))
    return blake2b("\0".join(forms).encode(errors="surrogatepass"), digest_size=8).hexdigest()
