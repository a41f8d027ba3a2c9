"""What every store of documents promises: the one in a folder, and PostgreSQL where make check-postgres fetched it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest

from daemon.adapters.document_store import FILE, SqliteDocuments
from daemon.adapters.postgres_documents import PostgresDocuments
from daemon.core.documents import Clause, DocumentEntry, KeptDocument
from daemon.errors import DataError, OutputError, UnavailableError
from daemon.ports import DocumentStore
from tests.support.postgres import postgres


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as connection:
        yield connection


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DocumentStore]:
    if request.param == "sqlite":
        opened: DocumentStore = SqliteDocuments(tmp_path / "kept")
    else:
        opened = PostgresDocuments(request.getfixturevalue("server"))
        for base in opened.bases():
            opened.remove(base, [entry.id for entry in opened.listed(base)])
    yield opened
    opened.close()


def kept(id_: str, name: str = "a.txt", text: str = "One clause.", value: float = 1.0) -> KeptDocument:
    clauses = [Clause(text, "1.", ("Title",)), Clause("Another.", heading=True)]
    vector = np.array([value, 0.0], dtype=np.float32)
    return KeptDocument(id_, name, "text", clauses, vector, np.stack([vector, vector]))


def test_what_is_put_comes_back(store: DocumentStore) -> None:
    """Clauses, names and vectors are as they were; bases do not see one another."""
    store.put("one", [kept("b", "b.txt"), kept("a", "a.txt", value=0.5)], "m:2")
    store.put("two", [kept("a")], "m:2")

    assert {"one": 2, "two": 1} == dict(store.bases())
    first, second = store.documents("one")
    assert ("a", "a.txt", "text") == (first.id, first.name, first.format)
    assert list(kept("a").clauses) == list(first.clauses)
    assert ("b.txt", None, "m:2", None) == (
        second.name,
        store.name_of("two", "b"),
        store.model("one"),
        store.model("x"),
    )
    ids, vectors = store.vectors("one", "m:2")
    assert (["a", "b"], [[0.5, 0.0], [1.0, 0.0]]) == (ids, vectors.tolist())
    assert ([], []) == (store.documents("none"), store.vectors("one", "other")[0])


def test_the_same_id_is_one_document(store: DocumentStore) -> None:
    """Put again, a document is replaced."""
    store.put("one", [kept("a", "old.txt")], "m:2")
    store.put("one", [kept("a", "new.txt")], "m:2")

    assert ["new.txt"] == [document.name for document in store.documents("one")]


def test_a_failing_call_changes_nothing(store: DocumentStore) -> None:
    """Of several documents of which one cannot be stored, none is there."""
    broken = KeptDocument("b", "b", "text", [Clause("x")])  # has no vectors
    with pytest.raises(AssertionError):
        store.put("one", [kept("a"), broken], "m:2")

    assert [] == store.documents("one")


def test_vectors_of_another_model_join_and_then_take_over(store: DocumentStore) -> None:
    """Old vectors stay until every document has new ones; then one call drops them all."""
    store.put("one", [kept("a"), kept("b")], "old:2")
    store.put("two", [kept("a")], "old:2")
    store.revector("one", [kept("a", value=0.25)], "new:2")

    assert ({"old:2": 2, "new:2": 1}, {}) == (dict(store.models("one")), dict(store.models("none")))
    assert ([], ["b"]) == (store.without_vectors("one", "new:2", 0), store.without_vectors("one", "new:2", 5))
    assert not store.switch_model("one", "new:2")
    assert (["a", "b"], ["a"]) == (store.vectors("one", "old:2")[0], store.vectors("one", "new:2")[0])
    store.revector("one", [kept("b", value=0.5), kept("gone")], "new:2")
    assert store.switch_model("one", "new:2")
    assert ([], [[0.25, 0.0], [0.5, 0.0]]) == (
        store.vectors("one", "old:2")[0],
        store.vectors("one", "new:2")[1].tolist(),
    )
    assert ({"new:2": 2}, {"old:2": 1}) == (dict(store.models("one")), dict(store.models("two")))


def test_what_is_removed_is_gone(store: DocumentStore) -> None:
    """With its vectors; an unknown id is not counted, and a new model cannot bring it back."""
    store.put("one", [kept("a"), kept("b")], "m:2")
    assert 1 == store.remove("one", ["a", "unknown"])
    store.revector("one", [kept("a")], "new:2")

    assert ["b"] == [document.id for document in store.documents("one")]
    assert (["b"], []) == (store.vectors("one", "m:2")[0], store.vectors("one", "new:2")[0])
    near = store.nearest_clauses("one", "m:2", np.array([1.0, 0.0], np.float32), 10)
    assert ["b", "b"] == [each.document for each in near]


def test_the_nearest_clauses_come_first(store: DocumentStore) -> None:
    """With their documents and exact cosines, of one base and one model."""
    chance = np.random.default_rng(1)
    rows = chance.normal(size=(40, 2, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    made = [
        KeptDocument(f"{place:02}", f"{place}.txt", "text", list(kept("a").clauses), pair[0], pair)
        for place, pair in enumerate(rows)
    ]
    store.put("one", made, "m:8")
    store.put("two", made[:1], "m:8")
    store.revector("one", made[:1], "other:8")
    cosines = (rows @ rows[7, 1]).reshape(-1)
    order = np.argsort(-cosines)[:5]

    near = store.nearest_clauses("one", "m:8", rows[7, 1], 5)
    assert [(f"{row // 2:02}", kept("a").clauses[row % 2]) for row in order] == [
        (each.document, each.clause) for each in near
    ]
    assert cosines[order].tolist() == pytest.approx([each.cosine for each in near], abs=1e-6)
    assert [] == store.nearest_clauses("none", "m:8", rows[0, 0], 5)
    assert 2 == len(store.nearest_clauses("one", "other:8", rows[0, 0], 5))


def test_a_list_has_pages_and_knows_what_lacks_vectors(store: DocumentStore) -> None:
    """Entries come by name, without their texts."""
    store.put("one", [kept("a", "c.txt"), kept("b", "B.txt"), kept("c", "a.txt")], "m:2")

    assert ["B.txt", "a.txt", "c.txt"] == [entry.name for entry in store.listed("one")]
    assert [DocumentEntry("c", "a.txt", "text", 2)] == store.listed("one", 1, 1)
    assert [] == store.listed("one", 3, 5)
    store.revector("one", [kept("b")], "new:2")
    assert ["a", "c"] == store.without_vectors("one", "new:2")
    found = store.document("one", "b")
    assert (("B.txt", kept("b").clauses), None) == (
        (found and found.name, found and list(found.clauses)),
        store.document("two", "b"),
    )


def test_another_user_sees_a_new_revision(store: DocumentStore, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """After each kind of change, and what was changed."""
    sqlite = isinstance(store, SqliteDocuments)
    other: DocumentStore = (
        SqliteDocuments(tmp_path / "kept") if sqlite else PostgresDocuments(request.getfixturevalue("server"))
    )
    seen = [store.revision()]
    other.put("one", [kept("a")], "m:2")
    seen.append(store.revision())
    assert {"one": 1} == dict(store.bases())
    other.revector("one", [kept("a")], "new:2")
    seen.append(store.revision())
    other.remove("one", ["a"])
    seen.append(store.revision())
    other.close()

    assert 4 == len(set(seen))


def test_a_removed_document_leaves_the_folder(tmp_path: Path) -> None:
    """Nothing of it is in the files."""
    store = SqliteDocuments(tmp_path / "kept")
    store.put("one", [kept("a", "marker-name.txt", "MARKER-TEXT of a clause."), kept("b")], "m:2")
    store.remove("one", ["a"])
    store.close()
    held = b"".join(path.read_bytes() for path in (tmp_path / "kept").iterdir())
    assert (False, False) == (b"MARKER-TEXT" in held, b"marker-name" in held)


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    """So is one of a newer version, and a folder that cannot be made."""
    (tmp_path / FILE).write_bytes(b"something else" * 100)
    with pytest.raises(DataError, match="is not a store of documents"):
        SqliteDocuments(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        SqliteDocuments(tmp_path / "file" / "below")
    newer = SqliteDocuments(tmp_path / "newer")
    newer._connection.execute("PRAGMA user_version = 9")
    newer.close()
    with pytest.raises(DataError, match="newer version"):
        SqliteDocuments(tmp_path / "newer")


def test_a_lost_connection_is_opened_again(server: str) -> None:
    """The call that notices says what is wrong; the next one works."""
    store = PostgresDocuments(server)
    with psycopg.connect(server, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
    with pytest.raises(UnavailableError, match="PostgreSQL: "):
        store.bases()
    store.put("lost", [kept("a")], "m:2")

    assert ("a.txt", 1) == (store.name_of("lost", "a"), store.remove("lost", ["a"]))
    store.close()


def test_a_server_that_cannot_be_reached_and_a_newer_store_are_refused(server: str, tmp_path: Path) -> None:
    """With a reason, and without the connection string."""
    with pytest.raises(UnavailableError, match="PostgreSQL: "):
        PostgresDocuments(f"host={tmp_path} user=strayline")
    with psycopg.connect(server, autocommit=True) as connection:
        PostgresDocuments(server).close()
        connection.execute("UPDATE strayline.store SET version = 9")
        with pytest.raises(DataError, match="newer version"):
            PostgresDocuments(server)
        connection.execute("UPDATE strayline.store SET version = 1")
