"""The knowledge base at work: add documents to a base, check a text against it, search it by meaning.
`DocumentProcessor` checks the records of a topic.

`Library` joins a parser's blocks, an engine's vectors and a store, and depends on the ports only. What departs from a
standard is decided in `daemon.core.documents`.
"""

from daemon.documents.checking import Check, Match
from daemon.documents.description import describe_check, describe_document
from daemon.documents.excerpts import Run, excerpt
from daemon.documents.library import Added, Hits, Library, Renewal, groups_of
from daemon.documents.processor import DocumentProcessor, DocumentTools
from daemon.documents.standards import Standards

__all__ = [
    "Added",
    "Check",
    "DocumentProcessor",
    "DocumentTools",
    "Hits",
    "Library",
    "Match",
    "Renewal",
    "Run",
    "Standards",
    "describe_check",
    "describe_document",
    "excerpt",
    "groups_of",
]
