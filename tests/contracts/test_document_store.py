"""What every store of documents promises; a second store joins `STORES`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from daemon.adapters.document_store import FILE, SqliteDocuments
from daemon.core.documents import Clause, KeptDocument
from daemon.errors import DataError, OutputError
from daemon.ports import DocumentStore

STORES: dict[str, Callable[[Path], DocumentStore]] = {"sqlite": SqliteDocuments}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DocumentStore]:
    opened = STORES[request.param](tmp_path / "kept")
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
    """Old vectors stay until they are dropped."""
    store.put("one", [kept("a")], "old:2")
    store.revector("one", kept("a", value=0.25), "new:2")

    assert (["a"], ["a"]) == (store.vectors("one", "old:2")[0], store.vectors("one", "new:2")[0])
    store.drop_vectors("one", "new:2")
    assert ([], [[0.25, 0.0]]) == (store.vectors("one", "old:2")[0], store.vectors("one", "new:2")[1].tolist())


def test_removing_is_complete(store: DocumentStore, tmp_path: Path) -> None:
    """Nothing of a removed document is in the folder's files; an unknown id is not counted."""
    store.put("one", [kept("a", "marker-name.txt", "MARKER-TEXT of a clause."), kept("b")], "m:2")
    assert 1 == store.remove("one", ["a", "unknown"])

    assert ["b"] == [document.id for document in store.documents("one")]
    assert ["b"] == store.vectors("one", "m:2")[0]
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
