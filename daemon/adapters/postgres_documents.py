"""Bases of documents in PostgreSQL with pgvector, for several machines. Implements `ports.DocumentStore`.

A call is one transaction, and those that change something follow one another. Each base and model has a partial HNSW
index of half floats, which pgvector has up to 4,000 dimensions; the nearest are compared again by their exact vectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from daemon.core.documents import (
    DocumentEntry,
    KeptDocument,
    NearClause,
    clauses_from_bytes,
    clauses_to_bytes,
    kept_document,
    stacked_vectors,
)
from daemon.errors import DataError, UnavailableError

VERSION = 1
MORE = 32
"""Clauses more than asked for whose cosines are computed exactly: half floats are off a little."""
MOST_INDEXED = 4_000
"""Dimensions of a half vector that pgvector indexes."""
_LOCK = 0x73747261
_TABLES = """
CREATE EXTENSION IF NOT EXISTS vector;
CREATE SCHEMA IF NOT EXISTS strayline;
CREATE TABLE IF NOT EXISTS strayline.store (version integer NOT NULL, revision bigint NOT NULL);
CREATE TABLE IF NOT EXISTS strayline.documents (
    base text COLLATE "C", id text COLLATE "C", name text COLLATE "C" NOT NULL, format text NOT NULL,
    size integer NOT NULL, clauses bytea NOT NULL,
    PRIMARY KEY (base, id)
);
CREATE INDEX IF NOT EXISTS documents_by_name ON strayline.documents (base, name, id);
CREATE TABLE IF NOT EXISTS strayline.vectors (
    base text COLLATE "C", model text COLLATE "C", id text COLLATE "C", whole bytea NOT NULL,
    PRIMARY KEY (base, model, id),
    FOREIGN KEY (base, id) REFERENCES strayline.documents ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS vectors_by_document ON strayline.vectors (base, id);
CREATE TABLE IF NOT EXISTS strayline.clauses (
    base text COLLATE "C", model text COLLATE "C", id text COLLATE "C", place integer, vector vector NOT NULL,
    PRIMARY KEY (base, model, id, place),
    FOREIGN KEY (base, model, id) REFERENCES strayline.vectors ON DELETE CASCADE
);
"""


class PostgresDocuments:
    """The store that a connection string of libpq leads to; its tables are made where they do not exist.

    Belongs to one thread at a time. Every method raises UnavailableError when the server cannot be used; a connection
    that is lost is opened again by the next call. Raises DataError for a store of a newer version.
    """

    def __init__(self, connection: str) -> None:
        self._string = connection
        self._open: psycopg.Connection[tuple[Any, ...]] | None = None
        with self._transaction() as opened:
            opened.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            opened.execute(_TABLES)
            opened.execute(
                "INSERT INTO strayline.store SELECT %s, 0 WHERE NOT EXISTS (TABLE strayline.store)", (VERSION,)
            )
            row = opened.execute("SELECT version FROM strayline.store").fetchone()
        if row is None or row[0] != VERSION:
            self.close()
            raise DataError("PostgreSQL: the store was written by a newer version of strayline")

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        try:
            if self._open is None or self._open.closed:
                self._open = psycopg.connect(self._string, autocommit=True, connect_timeout=10)
            with self._open.transaction():
                yield self._open
        except psycopg.Error as error:
            raise UnavailableError(f"PostgreSQL: {str(error).splitlines()[0]}") from None

    @contextmanager
    def _changing(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        with self._transaction() as connection:
            connection.execute("UPDATE strayline.store SET revision = revision + 1")
            yield connection

    def bases(self) -> Mapping[str, int]:
        with self._transaction() as connection:
            query = "SELECT base, count(*) FROM strayline.documents GROUP BY base ORDER BY base"
            return {str(base): int(count) for base, count in connection.execute(query)}

    def model(self, base: str) -> str | None:
        query = "SELECT model FROM strayline.vectors WHERE base = %s GROUP BY model ORDER BY count(*) DESC LIMIT 1"
        with self._transaction() as connection:
            row = connection.execute(query, (base,)).fetchone()
        return str(row[0]) if row else None

    def put(self, base: str, documents: Sequence[KeptDocument], model: str) -> None:
        with self._changing() as connection:
            for document in documents:
                connection.execute("DELETE FROM strayline.documents WHERE base = %s AND id = %s", (base, document.id))
                row = (base, document.id, document.name, document.format, len(document.clauses))
                query = "INSERT INTO strayline.documents VALUES (%s, %s, %s, %s, %s, %s)"
                connection.execute(query, (*row, clauses_to_bytes(document.clauses)))
                _put_vectors(connection, base, document, model)

    def name_of(self, base: str, id_: str) -> str | None:
        query = "SELECT name FROM strayline.documents WHERE base = %s AND id = %s"
        with self._transaction() as connection:
            row = connection.execute(query, (base, id_)).fetchone()
        return str(row[0]) if row else None

    def documents(self, base: str) -> list[KeptDocument]:
        query = "SELECT id, name, format, clauses FROM strayline.documents WHERE base = %s ORDER BY name, id"
        with self._transaction() as connection:
            return [kept_document(*row) for row in connection.execute(query, (base,))]

    def document(self, base: str, id_: str) -> KeptDocument | None:
        query = "SELECT id, name, format, clauses FROM strayline.documents WHERE base = %s AND id = %s"
        with self._transaction() as connection:
            row = connection.execute(query, (base, id_)).fetchone()
        return kept_document(*row) if row else None

    def listed(self, base: str, begin: int = 0, count: int | None = None) -> list[DocumentEntry]:
        query = """SELECT id, name, format, size FROM strayline.documents WHERE base = %s ORDER BY name, id
                   LIMIT %s OFFSET %s"""
        with self._transaction() as connection:
            return [DocumentEntry(*row) for row in connection.execute(query, (base, count, begin))]

    def models(self, base: str) -> Mapping[str, int]:
        query = "SELECT model, count(*) FROM strayline.vectors WHERE base = %s GROUP BY model"
        with self._transaction() as connection:
            return {str(model): int(count) for model, count in connection.execute(query, (base,))}

    def without_vectors(self, base: str, model: str, count: int | None = None) -> list[str]:
        query = """SELECT id FROM strayline.documents WHERE base = %s AND NOT EXISTS (
                       SELECT 1 FROM strayline.vectors
                       WHERE vectors.base = documents.base AND vectors.id = documents.id AND model = %s)
                   ORDER BY id LIMIT %s"""
        with self._transaction() as connection:
            return [str(id_) for (id_,) in connection.execute(query, (base, model, count))]

    def vectors(self, base: str, model: str) -> tuple[list[str], NDArray[np.float32]]:
        query = "SELECT id, whole FROM strayline.vectors WHERE base = %s AND model = %s ORDER BY id"
        with self._transaction() as connection:
            rows = connection.execute(query, (base, model)).fetchall()
        return stacked_vectors(rows)

    def nearest_clauses(self, base: str, model: str, vector: NDArray[np.float32], count: int) -> list[NearClause]:
        # A partial index is used where the query names the same base and model as the index: as literals.
        query = sql.SQL(
            """WITH near AS MATERIALIZED (
                   SELECT id, place, vector FROM strayline.clauses WHERE base = {base} AND model = {model}
                   ORDER BY vector::halfvec({size}) <=> {vector}::halfvec({size}) LIMIT {more})
               SELECT id, name, clauses, place, 1 - (vector <=> {vector}::vector) AS cosine
               FROM near JOIN strayline.documents USING (id) WHERE base = {base}
               ORDER BY cosine DESC, id, place LIMIT {count}"""
        ).format(
            base=sql.Literal(base),
            model=sql.Literal(model),
            size=sql.Literal(len(vector)),
            vector=sql.Literal(_text(vector)),
            more=sql.Literal(count + MORE),
            count=sql.Literal(count),
        )
        with self._transaction() as connection:
            connection.execute("SET LOCAL hnsw.ef_search = 200")
            connection.execute("SET LOCAL hnsw.iterative_scan = relaxed_order")
            rows = connection.execute(query).fetchall()
        return [
            NearClause(id_, name, clauses_from_bytes(clauses)[place], float(cosine))
            for id_, name, clauses, place, cosine in rows
        ]

    def revector(self, base: str, documents: Sequence[KeptDocument], model: str) -> None:
        with self._changing() as connection:
            for document in documents:
                here = (base, document.id)
                if connection.execute("SELECT 1 FROM strayline.documents WHERE base = %s AND id = %s", here).fetchone():
                    query = "DELETE FROM strayline.vectors WHERE base = %s AND id = %s AND model = %s"
                    connection.execute(query, (*here, model))
                    _put_vectors(connection, base, document, model)

    def switch_model(self, base: str, model: str) -> bool:
        with self._changing() as connection:
            if self.without_vectors(base, model, 1):
                return False
            old = "SELECT DISTINCT model FROM strayline.vectors WHERE base = %s AND model <> %s"
            for (other,) in connection.execute(old, (base, model)).fetchall():
                connection.execute(sql.SQL("DROP INDEX IF EXISTS strayline.{}").format(_index(base, other)))
            connection.execute("DELETE FROM strayline.vectors WHERE base = %s AND model <> %s", (base, model))
        return True

    def remove(self, base: str, ids: Sequence[str]) -> int:
        query = "DELETE FROM strayline.documents WHERE base = %s AND id = ANY(%s)"
        with self._changing() as connection:
            return connection.execute(query, (base, list(ids))).rowcount

    def revision(self) -> int:
        with self._transaction() as connection:
            row = connection.execute("SELECT revision FROM strayline.store").fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        if self._open is not None:
            self._open.close()


def _put_vectors(
    connection: psycopg.Connection[tuple[Any, ...]], base: str, document: KeptDocument, model: str
) -> None:
    assert document.vector is not None
    assert document.clause_vectors is not None
    here, size = (base, model, document.id), len(document.vector)
    connection.execute("INSERT INTO strayline.vectors VALUES (%s, %s, %s, %s)", (*here, document.vector.tobytes()))
    if size <= MOST_INDEXED:
        index = """CREATE INDEX IF NOT EXISTS {name} ON strayline.clauses
                   USING hnsw ((vector::halfvec({size})) halfvec_cosine_ops) WHERE base = {base} AND model = {model}"""
        parts = {"size": sql.Literal(size), "base": sql.Literal(base), "model": sql.Literal(model)}
        connection.execute(sql.SQL(index).format(name=_index(base, model), **parts))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO strayline.clauses VALUES (%s, %s, %s, %s, %s::vector)",
            [(*here, place, _text(row)) for place, row in enumerate(document.clause_vectors)],
        )


def _index(base: str, model: str) -> sql.Identifier:
    return sql.Identifier(f"clauses_{blake2b(f'{base}/{model}'.encode(), digest_size=12).hexdigest()}")


def _text(vector: NDArray[np.float32]) -> str:
    """Return a vector as pgvector reads it; every component as exact as it is."""
    return f"[{','.join(map(repr, vector.tolist()))}]"
