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
from numpy.typing import NDArray

from daemon.adapters.document_store import segments
from daemon.adapters.document_store.clause_search import ClauseSearch
from daemon.adapters.document_store.loose_clauses import MOST_NUMBERS
from daemon.adapters.document_store.schema import FILE, prepare
from daemon.adapters.document_store.segment_builder import Base, SegmentBuilder
from daemon.adapters.document_store.segment_files import SegmentFiles, best, parts_of
from daemon.adapters.document_store.transactions import closed_on_error, connect, snapshot, transaction
from daemon.core.documents import (
    DocumentEntry,
    KeptDocument,
    NearClause,
    clauses_from_bytes,
    clauses_to_bytes,
    kept_document,
    stacked_vectors,
)
from daemon.errors import DataError, OutputError

_FLOAT = 4
MORE = 32
"""Clauses more than asked for whose cosines are computed exactly: those of segments are off by some thousandths."""


class SqliteDocuments:
    """The store in a folder, which is created when it does not exist. Belongs to one thread at a time.

    `most_loose` is how many numbers of a base's clause vectors are searched without an index, `largest` the clauses of
    one file of it. Raises OutputError when the folder cannot be used, DataError when its file is not such a store.
    """

    def __init__(self, folder: Path, most_loose: int = MOST_NUMBERS, largest: int = segments.LARGEST) -> None:
        path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = connect(path)
            with closed_on_error(self._connection):
                prepare(self._connection, path)
        except OSError as error:
            raise OutputError(f"{folder}: {error.strerror or error}") from error
        except sqlite3.DatabaseError as error:
            raise DataError(f"{path}: is not a store of documents: {error}") from error
        self._files = SegmentFiles(folder / "index")
        self._search = ClauseSearch(self._connection, self._files, most_loose)
        self._builder = SegmentBuilder(path, SegmentFiles(folder / "index"), most_loose, largest)

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
        with self._changing() as connection:
            for document in documents:
                self._take_out(base, document.id)
                size, clauses = len(document.clauses), clauses_to_bytes(document.clauses)
                row = (base, document.id, document.name, document.format, size, clauses)
                connection.execute("INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?)", row)
                self._put_vectors(base, document, model)
        self._builder.catch_up(*self._ask(base, model))

    def name_of(self, base: str, id_: str) -> str | None:
        """See ports.DocumentStore."""
        row = self._connection.execute("SELECT name FROM documents WHERE base = ? AND id = ?", (base, id_)).fetchone()
        return str(row[0]) if row else None

    def documents(self, base: str) -> list[KeptDocument]:
        """See ports.DocumentStore."""
        rows = self._connection.execute(
            "SELECT id, name, format, clauses FROM documents WHERE base = ? ORDER BY name, id", (base,)
        )
        return [kept_document(*row) for row in rows]

    def document(self, base: str, id_: str) -> KeptDocument | None:
        """See ports.DocumentStore."""
        query = "SELECT id, name, format, clauses FROM documents WHERE base = ? AND id = ?"
        row = self._connection.execute(query, (base, id_)).fetchone()
        return kept_document(*row) if row else None

    def listed(self, base: str, begin: int = 0, count: int | None = None) -> list[DocumentEntry]:
        """See ports.DocumentStore."""
        query = "SELECT id, name, format, size FROM documents WHERE base = ? ORDER BY name, id LIMIT ? OFFSET ?"
        rows = self._connection.execute(query, (base, -1 if count is None else count, begin))
        return [DocumentEntry(*row) for row in rows]

    def models(self, base: str) -> Mapping[str, int]:
        """See ports.DocumentStore."""
        query = "SELECT model, COUNT(*) FROM vectors WHERE base = ? GROUP BY model"
        return dict(self._connection.execute(query, (base,)))

    def without_vectors(self, base: str, model: str, count: int | None = None) -> list[str]:
        """See ports.DocumentStore."""
        query = """SELECT id FROM documents WHERE base = ? AND NOT EXISTS (
                       SELECT 1 FROM vectors WHERE vectors.base = documents.base AND vectors.id = documents.id
                       AND model = ?) ORDER BY id LIMIT ?"""
        most = -1 if count is None else count
        return [id_ for (id_,) in self._connection.execute(query, (base, model, most))]

    def vectors(self, base: str, model: str) -> tuple[list[str], NDArray[np.float32]]:
        """See ports.DocumentStore."""
        query = "SELECT id, whole FROM vectors WHERE base = ? AND model = ? ORDER BY id"
        rows = self._connection.execute(query, (base, model)).fetchall()
        return stacked_vectors(rows)

    def nearest_clauses(self, base: str, model: str, vector: NDArray[np.float32], count: int) -> list[NearClause]:
        """See ports.DocumentStore."""
        while True:
            with snapshot(self._connection):
                keys, loose, lost = self._search.keys(base, model, vector, count + MORE)
                near = self._near(keys, vector, count)
            self._builder.ask((base, model, len(vector)), loose)
            if not lost:
                return near
            with self._changing():
                for segment in lost:
                    segments.dissolve(self._connection, segment)

    def revector(self, base: str, documents: Sequence[KeptDocument], model: str) -> None:
        """See ports.DocumentStore."""
        with self._changing() as connection:
            for document in documents:
                here = (base, document.id)
                if connection.execute("SELECT 1 FROM documents WHERE base = ? AND id = ?", here).fetchone():
                    self._dissolve(base, document.id, model)
                    connection.execute("DELETE FROM vectors WHERE base = ? AND id = ? AND model = ?", (*here, model))
                    self._put_vectors(base, document, model)
        self._builder.catch_up(*self._ask(base, model))

    def switch_model(self, base: str, model: str) -> bool:
        """See ports.DocumentStore."""
        with self._changing() as connection:
            if self.without_vectors(base, model, 1):
                return False
            connection.execute("DELETE FROM segments WHERE base = ? AND model <> ?", (base, model))
            connection.execute("DELETE FROM vectors WHERE base = ? AND model <> ?", (base, model))
        return True

    def remove(self, base: str, ids: Sequence[str]) -> int:
        """See ports.DocumentStore."""
        model = self.model(base)
        with self._changing():
            removed = sum(self._take_out(base, id_) for id_ in ids)
        with closing(self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")) as cursor:
            cursor.fetchall()
        if model is not None:
            self._ask(base, model)
        return removed

    def revision(self) -> int:
        """See ports.DocumentStore."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def close(self) -> None:
        """See ports.DocumentStore."""
        self._builder.close()
        self._connection.close()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """Change the store in one transaction; files of segments that it dissolves are deleted."""
        with transaction(self._connection):
            before = segments.all_segments(self._connection)
            yield self._connection
            after = segments.all_segments(self._connection)
        if before != after:
            with transaction(self._connection):  # so no other process enters a segment meanwhile
                self._files.delete_except(segments.all_segments(self._connection))

    def _take_out(self, base: str, id_: str) -> int:
        self._dissolve(base, id_)
        return self._connection.execute("DELETE FROM documents WHERE base = ? AND id = ?", (base, id_)).rowcount

    def _dissolve(self, base: str, id_: str, model: str | None = None) -> None:
        for segment in segments.segments_with(self._connection, base, id_, model):
            segments.dissolve(self._connection, segment)

    def _ask(self, base: str, model: str) -> tuple[Base, int]:
        """Have segments made where too many clauses are loose; return of which base and model, and how many are."""
        query = "SELECT length(whole) FROM vectors WHERE base = ? AND model = ? LIMIT 1"
        row = self._connection.execute(query, (base, model)).fetchone()
        loose = segments.loose_clauses(self._connection, base, model)
        of = (base, model, row[0] // _FLOAT if row else 0)
        self._builder.ask(of, loose)
        return of, loose

    def _near(self, keys: NDArray[np.int64], vector: NDArray[np.float32], count: int) -> list[NearClause]:
        """Return the nearest of these clauses by their exact cosines."""
        cosines = np.array([self._clause_vector(*parts_of(int(key)), len(vector)) @ vector for key in keys], np.float32)
        keys, cosines = best([keys], [cosines], count)
        places = [parts_of(int(key)) for key in keys]
        query = """SELECT documents.id, name, documents.clauses FROM vectors JOIN documents USING (base, id)
                   WHERE number = ?"""
        documents = {}
        for number in {number for number, _ in places}:
            id_, name, clauses = self._connection.execute(query, (number,)).fetchone()
            documents[number] = id_, name, clauses_from_bytes(clauses)
        return [
            NearClause(documents[number][0], documents[number][1], documents[number][2][at], float(cosine))
            for (number, at), cosine in zip(places, cosines, strict=True)
        ]

    def _clause_vector(self, number: int, at: int, dimensions: int) -> NDArray[np.float32]:
        size = dimensions * _FLOAT
        with self._connection.blobopen("vectors", "clauses", number, readonly=True) as blob:
            blob.seek(at * size)
            return np.frombuffer(blob.read(size), np.float32)

    def _put_vectors(self, base: str, document: KeptDocument, model: str) -> None:
        assert document.vector is not None
        assert document.clause_vectors is not None
        row = (base, model, document.id, document.vector.tobytes(), document.clause_vectors.tobytes())
        query = "INSERT INTO vectors (base, model, id, whole, clauses) VALUES (?, ?, ?, ?, ?)"
        number = self._connection.execute(query, row).lastrowid
        place = (number, base, model, len(document.clause_vectors))
        self._connection.execute("INSERT INTO places (number, base, model, size) VALUES (?, ?, ?, ?)", place)
