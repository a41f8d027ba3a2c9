"""Bases of documents in one folder: texts, clauses and vectors in SQLite, and an index of many clauses beside it.

    put -> SQLite -> (many clauses) -> segments, each a file of usearch that is written once and mapped into memory

SQLite is the truth. Clauses that no segment has are compared one by one, so a search never waits for a segment, and a
segment's file that is gone costs time alone: its clauses are compared one by one until a new one is made.
"""

from daemon.adapters.document_store.schema import FILE
from daemon.adapters.document_store.sqlite_documents import SqliteDocuments

__all__ = ["FILE", "SqliteDocuments"]
