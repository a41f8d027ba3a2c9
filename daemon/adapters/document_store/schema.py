"""The tables of the store, and how a file of an older version gets them.

* `documents`: texts. `size` is the number of clauses.
* `vectors`: one row for a document and a model. A row is never changed, and its number never used again.
* `places`: where the clauses of such a row are searched: in a segment, or (NULL) one by one.
* `segments`: the files of the index that are whole, with their bytes.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from daemon.errors import DataError

FILE = "documents.sqlite"
VERSION = 2
_TABLES = (
    """CREATE TABLE documents (
        base TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, format TEXT NOT NULL, size INTEGER NOT NULL,
        clauses BLOB NOT NULL,
        PRIMARY KEY (base, id)
    ) WITHOUT ROWID""",
    "CREATE INDEX documents_by_name ON documents (base, name, id, format, size)",
    """CREATE TABLE vectors (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        base TEXT NOT NULL, model TEXT NOT NULL, id TEXT NOT NULL, whole BLOB NOT NULL, clauses BLOB NOT NULL,
        UNIQUE (base, model, id),
        FOREIGN KEY (base, id) REFERENCES documents (base, id) ON DELETE CASCADE
    )""",
    "CREATE INDEX vectors_by_document ON vectors (base, id)",
    """CREATE TABLE segments (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        base TEXT NOT NULL, model TEXT NOT NULL, size INTEGER NOT NULL, bytes INTEGER NOT NULL
    )""",
    """CREATE TABLE places (
        number INTEGER PRIMARY KEY REFERENCES vectors (number) ON DELETE CASCADE,
        base TEXT NOT NULL, model TEXT NOT NULL, segment INTEGER, size INTEGER NOT NULL
    )""",
    "CREATE INDEX places_by_segment ON places (base, model, segment, size)",
)
_FROM_VERSION_1 = (
    """INSERT INTO documents SELECT base, id, name, format, json_array_length(CAST(clauses AS TEXT)), clauses
       FROM old_documents""",
    """INSERT INTO vectors (base, model, id, whole, clauses)
       SELECT base, model, id, whole, clauses FROM old_vectors ORDER BY base, model, id""",
    """INSERT INTO places SELECT number, base, model, NULL, length(clauses) / length(whole) FROM vectors""",
    "DROP TABLE old_vectors",
    "DROP TABLE old_documents",
)


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Give a new file its tables, and an older one those of this version. Raises DataError for a newer one."""
    for pragma in ("journal_mode = WAL", "foreign_keys = OFF"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    if _version(connection) != VERSION:
        connection.execute("BEGIN IMMEDIATE")
        try:
            _upgrade(connection, path)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    connection.execute("PRAGMA foreign_keys = ON")


def _upgrade(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)  # another process may have done it meanwhile
    if version > VERSION:
        raise DataError(f"{path}: was written by a newer version of strayline")
    if version == VERSION:
        return
    if version == 1:
        connection.execute("ALTER TABLE documents RENAME TO old_documents")
        connection.execute("ALTER TABLE vectors RENAME TO old_vectors")
    for statement in (*_TABLES, *(_FROM_VERSION_1 if version == 1 else ())):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
