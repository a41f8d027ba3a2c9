"""A base that is embedded again with another model: in batches, through a kill, and with one switch at the end."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest

from daemon.adapters.document_store import SqliteDocuments
from daemon.core.documents import Block
from daemon.documents import Check, Library, Renewal, Standards
from daemon.documents.library import document_text, make_document
from daemon.errors import UnfinishedBaseError
from tests.support.documents import until
from tests.support.fakes import FakeEngine

DOCUMENTS, CLAUSES = 8, 200


def blocks_of(number: int, clauses: int = CLAUSES) -> list[Block]:
    return [
        Block(f"Clause {at} of contract {number} is about matter {number * clauses + at}.") for at in range(clauses)
    ]


async def fill(store: SqliteDocuments, engine: FakeEngine, documents: int, clauses: int = CLAUSES) -> None:
    await engine.start()
    library = Library(store, engine)
    for number in range(documents):
        await library.add("one", f"{number}.txt", "text", blocks_of(number, clauses))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteDocuments]:
    opened = SqliteDocuments(tmp_path)
    yield opened
    opened.close()


def library_of_a_new_model(
    store: SqliteDocuments, documents: int, clauses: int = CLAUSES, new: FakeEngine | None = None
) -> Library:
    """Return a library whose engine has another model than the vectors of its base."""
    engine = new or FakeEngine(name="new")
    asyncio.run(fill(store, FakeEngine(name="old"), documents, clauses))
    asyncio.run(engine.start())
    return Library(store, engine)


def renew_slowly(folder: Path) -> None:
    """Embed the base again until killed."""
    engine = FakeEngine(name="new")
    engine.delay_s = 0.1

    async def renew() -> None:
        await engine.start()
        await Library(SqliteDocuments(folder), engine).renew("one", lambda _: None)

    asyncio.run(renew())


@pytest.mark.timeout(240)
def test_a_killed_renewal_goes_on_where_it_stopped(store: SqliteDocuments, tmp_path: Path) -> None:
    """After kill -9 all old vectors are there, no document is embedded twice, and in the end one model is left."""
    asyncio.run(fill(store, FakeEngine(name="old"), DOCUMENTS))
    process = multiprocessing.get_context("spawn").Process(target=renew_slowly, args=(tmp_path,))
    process.start()
    until(lambda: store.models("one").get("new:32", 0) >= 2, seconds=120)
    process.kill()
    process.join()
    done = store.models("one")["new:32"]
    assert (DOCUMENTS, True) == (store.models("one")["old:32"], done < DOCUMENTS)

    engine = FakeEngine(name="new")
    asyncio.run(engine.start())
    renewed = asyncio.run(Library(store, engine).renew("one", lambda _: None))

    assert ({"new:32": DOCUMENTS}, DOCUMENTS - done) == (dict(store.models("one")), renewed)
    assert (DOCUMENTS - done) * (CLAUSES + 1) == len(engine.texts)


def test_what_is_embedded_already_is_searched_meanwhile(store: SqliteDocuments) -> None:
    """Each batch makes more of the base searchable, and progress says how much; what is added meanwhile counts."""
    library = library_of_a_new_model(store, 2)
    assert Renewal("new:32", 0, 2) == library.renewal("one")
    assert asyncio.run(library.renew_some("one"))
    asyncio.run(library.add("one", "added.txt", "text", [Block("An added clause about vermilion.")]))

    assert Renewal("new:32", 2, 3) == library.renewal("one")
    hits = asyncio.run(library.search("one", "An added clause about vermilion.", 1))
    assert (["added.txt"], 2, 3) == ([hit.name for hit in hits.clauses], hits.searched, hits.count)
    with pytest.raises(UnfinishedBaseError, match="2 of 3 documents of base one have vectors of new:32"):
        library.checker("one")
    while asyncio.run(library.renew_some("one")):
        pass
    assert (None, {"new:32": 3}) == (library.renewal("one"), dict(store.models("one")))
    whole = asyncio.run(library.search("one", "An added clause about vermilion.", 1))
    assert (3, 3) == (whole.searched, whole.count)


def check(standards: Standards, engine: FakeEngine, number: int) -> Check:
    """Check the text of a contract as the stream does."""
    document = make_document("now.txt", "text", blocks_of(number, 3))
    return standards.check(replace(document, vector=engine.vector(document_text(document))))


def test_a_stream_keeps_to_the_whole_base_when_another_program_takes_its_vectors(
    store: SqliteDocuments, tmp_path: Path
) -> None:
    """No text becomes odd because the base has another model's vectors now; what is whole again decides again."""
    engine = FakeEngine(name="old")
    asyncio.run(fill(store, engine, 2, 3))
    told: list[bool] = []
    standards = Standards(Library(store, engine), store, "one", unfinished=told.append)
    assert 2 == asyncio.run(standards.renew(lambda _: None))
    whole = check(standards, engine, 1)

    with closing(SqliteDocuments(tmp_path)) as other:
        new = FakeEngine(name="new")
        asyncio.run(fill(other, new, 3, 3))
        assert (False, True) == (whole.odd, "" == standards.remark)
        assert whole == check(standards, engine, 1)
        assert standards.remark.endswith("2 of 3 documents of base one have vectors of old:32")
        asyncio.run(Library(other, new).renew("one", lambda _: None))
        assert whole == check(standards, engine, 1)
        assert standards.remark.endswith("0 of 3 documents of base one have vectors of old:32")

        asyncio.run(Library(other, engine).renew("one", lambda _: None))
        again = check(standards, engine, 2)
        assert ("", "2.txt") == (standards.remark, again.known.name if again.known else None)
    assert [False, True, False] == [value for value, _ in groupby(told)]


def test_a_stream_does_not_begin_with_a_part_of_a_base(store: SqliteDocuments) -> None:
    """Without a whole base there is no verdict."""
    library = library_of_a_new_model(store, 2, 2)
    with pytest.raises(UnfinishedBaseError):
        check(Standards(library, store, "one"), FakeEngine(name="new"), 1)


def test_small_documents_share_a_batch(store: SqliteDocuments) -> None:
    """Twenty documents of two clauses go to the engine in two calls: whole texts, and clauses."""
    new = FakeEngine(name="new")
    asyncio.run(library_of_a_new_model(store, 20, 2, new).renew("one", lambda _: None))

    assert [20, 40] == new.calls
    for entry in store.listed("one"):
        document = store.document("one", entry.id)
        assert document is not None
        hits = store.nearest_clauses("one", "new:32", new.vector(document.clauses[0].text), 1)
        assert [entry.id] == [hit.document for hit in hits]
        assert hits[0].cosine == pytest.approx(1.0)


def test_an_interrupted_switch_is_done_the_next_time(store: SqliteDocuments) -> None:
    """Where all documents have new vectors beside the old ones, nothing is embedded, and the old ones are dropped."""
    new = FakeEngine(name="new")
    library = library_of_a_new_model(store, 2, 2, new)
    assert asyncio.run(library.renew_some("one"))
    assert Renewal("new:32", 2, 2) == library.renewal("one")
    calls = len(new.calls)

    assert 0 == asyncio.run(library.renew("one", lambda _: None))
    assert (calls, {"new:32": 2}) == (len(new.calls), dict(store.models("one")))
