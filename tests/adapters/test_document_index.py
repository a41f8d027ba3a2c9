"""The index of many clauses: near ones are found as if all were compared, whatever happens to it."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from threading import Thread

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from daemon.adapters.document_store import FILE, SqliteDocuments
from daemon.core.documents import Clause, KeptDocument
from tests.support.documents import until

SIZE = 16
CLAUSES = 8
MOST_LOOSE = 40 * CLAUSES * SIZE
"""Numbers of vectors that stay without an index here: those of 40 documents."""
LARGEST = 60 * CLAUSES
MODEL = "m:16"
Rows = NDArray[np.float32]


def unit(rows: NDArray[np.float64]) -> Rows:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


def documents(number: int, seed: int = 0) -> list[KeptDocument]:
    """Return documents whose clauses lie around a few centres, as sentences of contracts do."""
    chance = np.random.default_rng(seed)
    centres = chance.normal(size=(20, SIZE))
    made = []
    for each in range(number):
        near = centres[chance.integers(20, size=CLAUSES)] + 0.3 * chance.normal(size=(CLAUSES, SIZE))
        clauses = [Clause(f"clause {each} {at}") for at in range(CLAUSES)]
        vectors = unit(near)
        id_ = f"{seed:02}-{each:05}"
        made.append(KeptDocument(id_, f"{id_}.txt", "text", clauses, vectors[0], vectors))
    return made


def compared(kept: list[KeptDocument], vector: Rows, number: int) -> list[tuple[str, str]]:
    """Return id and text of the nearest clauses by comparing all."""
    cosines = [
        (-float(row @ vector), each.id, clause.text)
        for each in kept
        for row, clause in zip(
            each.clause_vectors if each.clause_vectors is not None else [], each.clauses, strict=True
        )
    ]
    return [(id_, text) for _, id_, text in sorted(cosines)[:number]]


def searched(store: SqliteDocuments, vector: Rows, number: int = 5) -> list[tuple[str, str]]:
    return [(each.document, each.clause.text) for each in store.nearest_clauses("one", MODEL, vector, number)]


def files(folder: Path) -> set[str]:
    return {path.name for path in (folder / "index").glob("*.usearch") if path.name[0].isdigit()}


def opened(folder: Path) -> SqliteDocuments:
    return SqliteDocuments(folder, MOST_LOOSE, LARGEST)


QUERIES = unit(np.random.default_rng(9).normal(size=(20, SIZE)))


@pytest.fixture
def kept() -> list[KeptDocument]:
    return documents(150)


@pytest.fixture
def store(tmp_path: Path, kept: list[KeptDocument]) -> Iterator[SqliteDocuments]:
    """Give a store that has an index."""
    store = opened(tmp_path)
    store.put("one", kept, MODEL)
    until(lambda: len(files(tmp_path)) >= 2)
    yield store
    store.close()


def test_the_index_finds_what_comparing_all_finds(store: SqliteDocuments, kept: list[KeptDocument]) -> None:
    """With cosines that are exact."""
    assert [compared(kept, query, 5) for query in QUERIES] == [searched(store, query) for query in QUERIES]
    nearest = store.nearest_clauses("one", MODEL, QUERIES[0], 1)[0]
    (vector,) = [each for each in kept if each.id == nearest.document]
    assert vector.clause_vectors is not None
    at = [clause.text for clause in vector.clauses].index(nearest.clause.text)
    assert float(vector.clause_vectors[at] @ QUERIES[0]) == pytest.approx(nearest.cosine, abs=1e-6)


def test_few_clauses_have_no_index(tmp_path: Path) -> None:
    """They are compared one by one."""
    small, store = documents(40), opened(tmp_path)
    store.put("one", small, MODEL)
    found = [searched(store, query) for query in QUERIES]
    store.close()

    assert [compared(small, query, 5) for query in QUERIES] == found
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("damage", ["gone", "cut off"])
def test_an_index_that_is_lost_costs_no_answer_and_is_made_again(
    store: SqliteDocuments, kept: list[KeptDocument], tmp_path: Path, damage: str
) -> None:
    """Another process finds the same without the files, and writes new ones."""
    store.close()
    lost = files(tmp_path)
    for name in lost:
        path = tmp_path / "index" / name
        path.unlink() if damage == "gone" else path.write_bytes(path.read_bytes()[:-1])
    other = opened(tmp_path)
    found = [searched(other, query) for query in QUERIES]
    until(lambda: bool(files(tmp_path) - lost))
    again = [searched(other, query) for query in QUERIES]
    other.close()

    assert [compared(kept, query, 5) for query in QUERIES] == found == again


@pytest.mark.parametrize("damage", [0, 1])
def test_a_segment_grows(tmp_path: Path, damage: int) -> None:
    """What is added later is in one file with what was there; one that is cut off is made again from the store."""
    kept = documents(82)
    store = SqliteDocuments(tmp_path, MOST_LOOSE, 4 * LARGEST)
    store.put("one", kept[:41], MODEL)
    until(lambda: bool(files(tmp_path)))
    store.close()
    (first,) = files(tmp_path)
    path = tmp_path / "index" / first
    path.write_bytes(path.read_bytes()[: path.stat().st_size - damage])
    store = SqliteDocuments(tmp_path, MOST_LOOSE, 4 * LARGEST)
    store.put("one", kept[41:], MODEL)
    until(lambda: len(files(tmp_path) - {first}) == 1 and first not in files(tmp_path))
    results = [searched(store, query) for query in QUERIES]
    store.close()

    assert [compared(kept, query, 5) for query in QUERIES] == results


def test_a_removed_document_leaves_the_index(store: SqliteDocuments, kept: list[KeptDocument], tmp_path: Path) -> None:
    """At once, for a process too that has searched before; no file with its vectors stays."""
    other = opened(tmp_path)
    found = searched(other, QUERIES[0], 1)
    before = files(tmp_path)
    gone = found[0][0]
    assert 1 == store.remove("one", [gone])
    left = [each for each in kept if each.id != gone]

    assert [compared(left, query, 5) for query in QUERIES] == [searched(other, query) for query in QUERIES]
    assert before - files(tmp_path)
    other.close()


def test_what_is_added_is_found_at_once_while_searches_go_on(
    store: SqliteDocuments, kept: list[KeptDocument], tmp_path: Path
) -> None:
    """One process adds, another one searches; documents come and go, and no search fails or misses."""
    added = documents(120, seed=3)

    def add() -> None:
        other = opened(tmp_path)
        for begin in range(0, len(added), 4):
            other.put("one", added[begin : begin + 4], MODEL)
            other.remove("one", [kept[begin].id])
            vector = added[begin].clause_vectors
            assert vector is not None
            assert added[begin].id == other.nearest_clauses("one", MODEL, vector[3], 1)[0].document
            done.append(begin)
        other.close()

    done: list[int] = []
    thread = Thread(target=add)
    thread.start()
    for query in count():
        assert 5 == len(searched(store, QUERIES[query % len(QUERIES)]))
        if not thread.is_alive():
            break
    thread.join()
    left = [each for place, each in enumerate(kept) if place >= len(added) or place % 4] + added

    assert 30 == len(done)
    assert [compared(left, query, 5) for query in QUERIES] == [searched(store, query) for query in QUERIES]


def test_without_an_index_memory_is_bounded_and_nothing_is_missed(tmp_path: Path) -> None:
    """Where another process keeps the index to itself, what does not fit into memory is read in pieces."""
    with (tmp_path / "documents.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        many = documents(100)
        store = SqliteDocuments(tmp_path, 3 * CLAUSES * SIZE, LARGEST)
        store.put("one", many, MODEL)
        found = [searched(store, query) for query in QUERIES]
        store.close()

    assert [compared(many, query, 5) for query in QUERIES] == found
    assert set() == files(tmp_path)


def test_vectors_of_a_new_model_leave_the_old_index(
    store: SqliteDocuments, kept: list[KeptDocument], tmp_path: Path
) -> None:
    """The old model's files serve until every document has new vectors, and are deleted with the old ones."""
    store.close()
    before = files(tmp_path)
    store = opened(tmp_path)
    store.revector("one", kept[:10], "new:16")
    assert not store.switch_model("one", "new:16")
    assert [compared(kept, QUERIES[0], 5)] == [searched(store, QUERIES[0])]
    assert before <= files(tmp_path)
    store.revector("one", kept[10:], "new:16")
    assert store.switch_model("one", "new:16")

    assert ([], set()) == (searched(store, QUERIES[0]), before & files(tmp_path))
    assert 5 == len(store.nearest_clauses("one", "new:16", QUERIES[0], 5))
    store.close()


def test_a_store_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    """With its texts and vectors."""
    with sqlite3.connect(tmp_path / FILE) as old:
        old.executescript(
            """CREATE TABLE documents (base TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, format TEXT NOT NULL,
                   clauses BLOB NOT NULL, PRIMARY KEY (base, id)) WITHOUT ROWID;
               CREATE TABLE vectors (base TEXT NOT NULL, id TEXT NOT NULL, model TEXT NOT NULL, whole BLOB NOT NULL,
                   clauses BLOB NOT NULL, PRIMARY KEY (base, model, id),
                   FOREIGN KEY (base, id) REFERENCES documents (base, id) ON DELETE CASCADE) WITHOUT ROWID;
               PRAGMA user_version = 1;"""
        )
        for each in (small := documents(3)):
            assert each.vector is not None
            assert each.clause_vectors is not None
            dumped = orjson.dumps([[clause.text, "", [], False] for clause in each.clauses])
            old.execute("INSERT INTO documents VALUES ('one', ?, ?, 'text', ?)", (each.id, each.name, dumped))
            vectors = (each.vector.tobytes(), each.clause_vectors.tobytes())
            old.execute("INSERT INTO vectors VALUES ('one', ?, ?, ?, ?)", (each.id, MODEL, *vectors))
    old.close()
    store = opened(tmp_path)

    assert [CLAUSES] * 3 == [entry.clauses for entry in store.listed("one")]
    assert [each.clauses for each in small] == [document.clauses for document in store.documents("one")]
    assert compared(small, QUERIES[0], 5) == searched(store, QUERIES[0])
    assert 1 == store.remove("one", [small[0].id])
    assert 2 == len(store.vectors("one", MODEL)[0])
    store.close()
