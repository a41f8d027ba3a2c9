"""The knowledge base at work: add documents to a base, check a text against it, search it by meaning.

It joins a parser's blocks, an engine's vectors and a store; what departs from a standard is decided in
`daemon.core.documents`. `Library` knows the ports only.
"""

from daemon.documents.checking import Check, Match
from daemon.documents.description import describe_check, describe_document
from daemon.documents.library import Added, Found, Library, groups_of

__all__ = ["Added", "Check", "Found", "Library", "Match", "describe_check", "describe_document", "groups_of"]
