"""Bases of documents in one SQLite file: texts, clauses and vectors. Implements `ports.DocumentStore`.

A call is one transaction. Deleted content is overwritten (`secure_delete`) and the write-ahead log is emptied after a
removal, so nothing of a removed document stays in the folder. Several processes may use a folder at the same time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from daemon.core.documents import Clause, KeptDocument
from daemon.errors import DataError, OutputError

FILE = "documents.sqlite"
VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    base TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, format TEXT NOT NULL, clauses BLOB NOT NULL,
    PRIMARY KEY (base, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS vectors (
    base TEXT NOT NULL, id TEXT NOT NULL, model TEXT NOT NULL, whole BLOB NOT NULL, clauses BLOB NOT NULL,
    PRIMARY KEY (base, model, id),
    FOREIGN KEY (base, id) REFERENCES documents (base, id) ON DELETE CASCADE
) WITHOUT ROWID;
"""


class SqliteDocuments:
    """The store in a folder, which is created when it does not exist. Belongs to one thread at a time.

    Raises OutputError when the folder cannot be used, DataError when its file is not such a store.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
            self._prepare(path)
        except OSError as error:
            raise OutputError(f"{folder}: {error.strerror or error}") from error
        except sqlite3.DatabaseError as error:
            raise DataError(f"{path}: is not a store of documents: {error}") from error

    def _prepare(self, path: Path) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise DataError(f"{path}: was written by a newer version of strayline")
        for pragma in ("journal_mode = WAL", "secure_delete = ON", "foreign_keys = ON", f"user_version = {VERSION}"):
            self._connection.execute(f"PRAGMA {pragma}").fetchall()
        self._connection.executescript(_SCHEMA)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        try:
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._connection.execute("ROLLBACK")
            raise OutputError(f"the store cannot be written: {error}") from error

    def bases(self) -> Mapping[str, int]:
        """See ports.DocumentStore."""
        return dict(self._connection.execute("SELECT base, COUNT(*) FROM documents GROUP BY base ORDER BY base"))

    def model(self, base: str) -> str | None:
        """See ports.DocumentStore."""
        query = "SELECT model FROM vectors WHERE base = ? GROUP BY model ORDER BY COUNT(*) DESC LIMIT 1"
        row = self._connection.execute(query, (base,)).fetchone()
        return str(row[0]) if row else None

    def put(self, base: str, documents: Sequence[KeptDocument], model: str) -> None:
        """See ports.DocumentStore."""
        with self._transaction() as connection:
            for document in documents:
                connection.execute("DELETE FROM documents WHERE base = ? AND id = ?", (base, document.id))
                row = (base, document.id, document.name, document.format, _dump(document.clauses))
                connection.execute("INSERT INTO documents VALUES (?, ?, ?, ?, ?)", row)
                self._put_vectors(base, document, model)

    def name_of(self, base: str, id_: str) -> str | None:
        """See ports.DocumentStore."""
        row = self._connection.execute("SELECT name FROM documents WHERE base = ? AND id = ?", (base, id_)).fetchone()
        return str(row[0]) if row else None

    def documents(self, base: str) -> list[KeptDocument]:
        """See ports.DocumentStore."""
        rows = self._connection.execute(
            "SELECT id, name, format, clauses FROM documents WHERE base = ? ORDER BY name, id", (base,)
        )
        return [KeptDocument(id_, name, form, _load(clauses)) for id_, name, form, clauses in rows]

    def vectors(self, base: str, model: str) -> tuple[list[str], NDArray[np.float32]]:
        """See ports.DocumentStore."""
        query = "SELECT id, whole FROM vectors WHERE base = ? AND model = ? ORDER BY id"
        rows = self._connection.execute(query, (base, model)).fetchall()
        vectors = [np.frombuffer(whole, dtype=np.float32) for _, whole in rows]
        return [id_ for id_, _ in rows], np.stack(vectors) if vectors else np.empty((0, 0), np.float32)

    def clause_vectors(self, base: str, model: str) -> tuple[list[tuple[str, int]], NDArray[np.float32]]:
        """See ports.DocumentStore."""
        query = "SELECT id, whole, clauses FROM vectors WHERE base = ? AND model = ? ORDER BY id"
        keys: list[tuple[str, int]] = []
        rows: list[NDArray[np.float32]] = []
        for id_, whole, clauses in self._connection.execute(query, (base, model)):
            vectors = np.frombuffer(clauses, dtype=np.float32).reshape(-1, len(whole) // 4)
            keys += [(id_, index) for index in range(len(vectors))]
            rows.append(vectors)
        return keys, np.concatenate(rows) if rows else np.empty((0, 0), np.float32)

    def revector(self, base: str, document: KeptDocument, model: str) -> None:
        """See ports.DocumentStore."""
        with self._transaction():
            self._put_vectors(base, document, model)

    def drop_vectors(self, base: str, model: str) -> None:
        """See ports.DocumentStore."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM vectors WHERE base = ? AND model <> ?", (base, model))

    def remove(self, base: str, ids: Sequence[str]) -> int:
        """See ports.DocumentStore."""
        with self._transaction() as connection:
            removed = sum(
                connection.execute("DELETE FROM documents WHERE base = ? AND id = ?", (base, id_)).rowcount
                for id_ in ids
            )
        with closing(self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")) as cursor:
            cursor.fetchall()
        return removed

    def revision(self) -> int:
        """See ports.DocumentStore."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def close(self) -> None:
        """See ports.DocumentStore."""
        self._connection.close()

    def _put_vectors(self, base: str, document: KeptDocument, model: str) -> None:
        assert document.vector is not None
        assert document.clause_vectors is not None
        row = (base, document.id, model, document.vector.tobytes(), document.clause_vectors.tobytes())
        self._connection.execute("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?, ?)", row)


def _dump(clauses: Sequence[Clause]) -> bytes:
    return orjson.dumps([[clause.text, clause.label, clause.path, clause.heading] for clause in clauses])


def _load(dumped: bytes) -> list[Clause]:
    return [Clause(text, label, tuple(path), heading) for text, label, path, heading in orjson.loads(dumped)]
