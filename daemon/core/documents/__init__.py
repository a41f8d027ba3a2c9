"""Documents: what in a text departs from the standard it is nearest to.

    blocks of a parser -> clauses -> words -> diff -> departures by clause -> opinions -> odd or not

One changed clause hardly moves the vector of a whole document, and the smallest changes matter most: *shall* to *may*,
30 to 90 days, who indemnifies whom. So vectors find the standard, and the text is compared with it word by word. Words
that change what is owed (negations, modal verbs, numbers, parties, degrees) weigh more than others. What people fill in
and what typography changes weigh almost nothing.
"""

from daemon.core.documents.clauses import Block, Clause, blocks_of, split_clauses
from daemon.core.documents.comparison import Comparison, Departure, compare
from daemon.core.documents.kept import (
    DocumentEntry,
    KeptDocument,
    NearClause,
    clauses_from_bytes,
    clauses_to_bytes,
    document_id,
    kept_document,
    stacked_vectors,
)
from daemon.core.documents.opinions import ENOUGH, Opinion, Thresholds, by_clauses, by_cosine, by_rank, is_odd
from daemon.core.documents.passages import Piece
from daemon.core.documents.read_file import ReadFile, Status
from daemon.core.documents.word_lists import WordKind
from daemon.core.documents.worded_text import WordedText

__all__ = [
    "ENOUGH",
    "Block",
    "Clause",
    "Comparison",
    "Departure",
    "DocumentEntry",
    "KeptDocument",
    "NearClause",
    "Opinion",
    "Piece",
    "ReadFile",
    "Status",
    "Thresholds",
    "WordKind",
    "WordedText",
    "blocks_of",
    "by_clauses",
    "by_cosine",
    "by_rank",
    "clauses_from_bytes",
    "clauses_to_bytes",
    "compare",
    "document_id",
    "is_odd",
    "kept_document",
    "split_clauses",
    "stacked_vectors",
]
