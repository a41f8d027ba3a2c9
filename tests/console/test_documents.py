"""The room for documents over HTTP: every file has its end, a check shows what departs, and bounds hold."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import aiohttp
import numpy as np
import orjson
import pytest

from daemon.adapters.document_store import SqliteDocuments
from daemon.adapters.web import Role
from daemon.console import ConsoleSettings
from daemon.core.documents import blocks_of
from daemon.documents.library import make_document
from daemon.errors import EngineError
from tests.support.consoles import FakeTopics, console
from tests.support.document_rooms import Bases, HeldEngine, console_with_documents, form
from tests.support.documents import CLAUSES, as_text, bomb, write_docx
from tests.support.fakes import FakeEngine

STANDARD = as_text().encode()
CHANGED = as_text().replace("30 days", "90 days").encode()
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"

CUT = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\ncut'


@pytest.fixture
def bases(tmp_path: Path) -> Bases:
    return Bases(tmp_path / "bases")


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def page(client: aiohttp.ClientSession, url: str, status: int = 200) -> str:
    async with client.get(url) as answer:
        text = await answer.text()
        assert status == answer.status, text
        return text


async def csrf(client: aiohttp.ClientSession, app_url: str) -> str:
    found = re.search(r'name="csrf" value="([^"]*)"', await page(client, f"{app_url}documents"))
    assert found is not None
    return found[1]


async def sent(
    client: aiohttp.ClientSession, app_url: str, what: str, files: dict[str, bytes], **fields: str
) -> tuple[str, str]:
    """Upload files; return the address and the text of the upload's page once every file has its end."""
    data = form(files, csrf=await csrf(client, app_url), **fields)
    async with client.post(f"{app_url}documents/{what}", data=data) as answer:
        assert 200 == answer.status, await answer.text()
        address = str(answer.url)
    return address, await page_once(client, address, lambda text: "data-left" not in text)


async def page_once(client: aiohttp.ClientSession, url: str, true: Callable[[str], bool]) -> str:
    """Return a page once something is true of it."""
    deadline = asyncio.get_running_loop().time() + 60
    while not true(text := await page(client, url)):
        assert asyncio.get_running_loop().time() < deadline, text
        await asyncio.sleep(0.05)
    return text


async def test_every_file_says_what_became_of_it(bases: Bases, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Read, the same text again, empty, and refused because; the base holds what was read, and nothing lies about."""
    word = write_docx(tmp_path / "word.docx").read_bytes()
    files = {
        "a.txt": STANDARD,
        "same.docx": word,
        "empty.txt": b"",
        "not.pdf": b"no pdf",
        "bomb.docx": bomb(),
        "large.txt": b"x" * ((1 << 20) + 1),
        "binary.txt": b"\0\1\2",
    }
    async with console_with_documents(bases) as app:
        _, text = await sent(client, app.url, "standards", files)
        listed = await page(client, f"{app.url}documents")

    rows = [
        re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", row)).strip() for row in re.findall(r"(?s)<li class.*?</li>", text)
    ]
    assert [
        "a.txt read 6 clauses",
        "same.docx read the base has this text already, as a.txt",
        "empty.txt empty: the file holds nothing",
        "not.pdf refused, because it is named .pdf but is not one",
        "bomb.docx refused, because it unpacks to more than 209,715,200 bytes",
        "large.txt refused, because it is larger than 1,048,576 bytes",
        "binary.txt refused, because it is not text: it holds control characters",
    ] == rows
    assert [True, True, False] == ["1 document" in listed, "a.txt" in listed, "same.docx" in listed]


async def test_a_check_is_shown_side_by_side_and_becomes_a_standard(
    bases: Bases, client: aiohttp.ClientSession
) -> None:
    """The changed word is marked on both sides; after "this is a standard" the same text is known."""
    async with console_with_documents(bases) as app:
        await sent(client, app.url, "standards", {"standard.txt": STANDARD})
        address, text = await sent(client, app.url, "checks", {"signed.txt": CHANGED, "same.txt": STANDARD})
        assert [1, 1] == [text.count(">odd<"), text.count(">nothing odd<")]
        one = await page(client, f"{address}/0")
        assert "within <del>30</del> days" in one
        assert "within <ins>90</ins> days" in one
        described = orjson.loads(await page(client, f"{address}/0/json"))
        assert ("changed", ["number"]) == (described["departures"][0]["kind"], described["departures"][0]["words"])
        data = {"csrf": await csrf(client, app.url), "upload": address.rpartition("/")[2], "file": "0"}
        async with client.post(f"{app.url}documents/adopted", data=data) as answer:
            assert "This is a standard of base standards now." in await answer.text()
        _, again = await sent(client, app.url, "checks", {"again.txt": CHANGED})
        assert 1 == again.count(">nothing odd<")
        assert "2 documents" in await page(client, f"{app.url}documents")
        await page(client, f"{address}/7", status=404)


async def test_missing_added_and_moved_clauses_are_shown(bases: Bases, client: aiohttp.ClientSession) -> None:
    """Each kind of departure has its row."""
    longer = (*CLAUSES, "The courts of Vienna have jurisdiction over every dispute that arises from this agreement.")
    other = (
        longer[4],
        *longer[:2],
        longer[3],
        longer[5],
        "The Customer grants a perpetual licence to all its patents.",
    )
    async with console_with_documents(bases) as app:
        await sent(client, app.url, "standards", {"standard.txt": as_text(longer).encode()})
        address, _ = await sent(client, app.url, "checks", {"signed.txt": as_text(other).encode()})
        one = await page(client, f"{address}/0")

    kinds = re.findall(r"<th scope=\"row\"><strong>(\w+)</strong>", one)
    assert {"missing", "added", "moved"} == set(kinds)
    assert "<del>" in one
    assert "<ins>" in one


async def test_search_is_by_meaning_and_bases_are_apart(bases: Bases, client: aiohttp.ClientSession) -> None:
    """The nearest clause comes first, and only from the base that was asked."""
    async with console_with_documents(bases) as app:
        await sent(client, app.url, "standards", {"one.txt": STANDARD}, base="one")
        await sent(
            client, app.url, "standards", {"two.txt": b"Terms of use\n\nBananas are yellow."}, base="two & three"
        )
        query = {"base": "one", "q": "The Customer must pay each invoice within 30 days"}
        async with client.get(f"{app.url}documents", params=query) as answer:
            found = await answer.text()
        bases_listed = await page(client, f"{app.url}documents")

    first = re.findall(r'(?s)<div class="clause">(.*?)</div>', found)[0]
    assert first.startswith("The Customer must pay each invoice")
    assert "Bananas" not in found
    assert 'value="two &amp; three"' in bases_listed


async def test_removing_asks_first_and_is_complete(bases: Bases, client: aiohttp.ClientSession) -> None:
    """After the form is sent, the base and its file hold nothing of the document."""
    async with console_with_documents(bases) as app:
        await sent(client, app.url, "standards", {"secret.txt": b"Terms\n\nThe walrus pays forty oysters."})
        listed = await page(client, f"{app.url}documents")
        link = re.search(r'href="(/documents/remove[^"]*)"', listed)
        assert link is not None
        asked = await page(client, app.url[:-1] + link[1].replace("&amp;", "&"))
        identity = re.search(r'name="id" value="([^"]*)"', asked)
        assert identity is not None
        data = {"csrf": await csrf(client, app.url), "base": "standards", "id": identity[1]}
        async with client.post(f"{app.url}documents/remove", data=data) as answer:
            assert "Removed, with all" in await answer.text()
        async with client.post(f"{app.url}documents/remove", data=data) as answer:
            assert "had gone before" in await answer.text()

    assert all(b"walrus" not in path.read_bytes() for path in bases.folder.iterdir())


async def test_text_of_documents_is_never_markup(bases: Bases, client: aiohttp.ClientSession) -> None:
    """Hostile names, clauses, bases and searches stand on the pages as text."""
    name = f"../../etc/{HOSTILE.replace('/', '')}\u202e.txt"
    hostile = f"{HOSTILE}\n\nThe <b>Supplier</b> shall {HOSTILE} deliver.\n"
    async with console_with_documents(bases) as app:
        await sent(client, app.url, "standards", {name: hostile.encode()}, base=HOSTILE[:90])
        address, upload = await sent(
            client, app.url, "checks", {name: hostile.replace("shall", "may").encode()}, base=HOSTILE[:90]
        )
        query = {"base": HOSTILE[:90], "q": HOSTILE}
        async with client.get(f"{app.url}documents", params=query) as answer:
            base = await answer.text()
        pages = [upload, base, await page(client, f"{address}/0")]

    for text in pages:
        assert "&lt;script&gt;alert(1)" in text
        visible = re.sub(r' (?:value|aria-label|href)="[^"]*"', "", text)
        assert not re.search(r"<script>alert|<img|<b>|\$\{?49|\u202e", visible)
        assert "etc/" not in visible


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("GET", "documents", [401, 200, 200, 200]),
        ("POST", "documents/checks", [401, 303, 303, 303]),
        ("POST", "documents/standards", [401, 403, 303, 303]),
        ("GET", "documents/uploads/none", [401, 404, 404, 404]),
        ("GET", "documents/uploads/none/0", [401, 404, 404, 404]),
        ("GET", "documents/uploads/none/0/json", [401, 404, 404, 404]),
        ("POST", "documents/adopted", [401, 403, 404, 404]),
        ("GET", "documents/remove?id=none", [401, 403, 403, 404]),
        ("POST", "documents/remove", [401, 403, 403, 303]),
        ("GET", "static/documents.js", [200, 200, 200, 200]),
    ],
)
async def test_each_route_is_for_its_roles(
    bases: Bases, client: aiohttp.ClientSession, tmp_path: Path, method: str, path: str, statuses: list[int]
) -> None:
    """A viewer searches and checks; an operator also says what is a standard; an admin also removes."""
    hashes = {role.value: sha256(role.encode()).hexdigest() for role in Role}
    tokens = "".join(f"- {{name: {role}, role: {role}, sha256: {digest}}}\n" for role, digest in hashes.items())
    (tmp_path / "users.yaml").write_text(f"tokens:\n{tokens}")
    answered = []
    async with console_with_documents(bases, ConsoleSettings(users=tmp_path / "users.yaml")) as app:
        for role in ("", *hashes):
            headers = {"Authorization": f"Bearer {role}"} if role else {}
            multipart = path.endswith(("checks", "standards"))
            data = form({"a.txt": b"Terms"}) if multipart else {"id": "none"} if method == "POST" else None
            async with client.request(
                method, app.url + path, headers=headers, data=data, allow_redirects=False
            ) as answer:
                answered.append(answer.status)

    assert statuses == answered


@pytest.mark.parametrize(
    ("fields", "files", "status", "reason"),
    [
        ({"csrf": "forged"}, {"a.txt": b"Terms"}, 403, "out of date"),
        ({}, {}, 400, "at least one file"),
        ({"base": "b" * 101}, {"a.txt": b"Terms"}, 400, "base: must be"),
        ({"base": "b" * 5_000}, {"a.txt": b"Terms"}, 400, "too long"),
        ({}, {f"{at}.bin": b"x" * 900_000 for at in range(5)}, 413, "at most 4,194,304 bytes"),
        ({}, {f"{at}.txt": b"x" for at in range(201)}, 413, "at most 200 files"),
    ],
)
async def test_uploads_that_are_not_taken_say_why(
    bases: Bases,
    client: aiohttp.ClientSession,
    fields: dict[str, str],
    files: dict[str, bytes],
    status: int,
    reason: str,
) -> None:
    """Nothing is worked on, and the base stays empty."""
    async with console_with_documents(bases) as app:
        token = await csrf(client, app.url)
        data = form(files, **{"csrf": token, **fields})
        async with client.post(f"{app.url}documents/standards", data=data) as answer:
            assert (status, True) == (answer.status, reason in await answer.text())
        assert "Nothing yet" in await page(client, f"{app.url}documents")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"base=x"),
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=x", b"--x\r\nno header\r\n\r\n"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\ncut',
        ),
    ],
)
async def test_what_is_no_form_is_refused(bases: Bases, client: aiohttp.ClientSession, kind: str, body: bytes) -> None:
    """A broken request gets an answer, and the console goes on."""
    async with console_with_documents(bases) as app:
        await page(client, f"{app.url}documents")
        async with client.post(f"{app.url}documents/standards", data=body, headers={"Content-Type": kind}) as answer:
            assert answer.status in (400, 403)
        assert "Nothing yet" in await page(client, f"{app.url}documents")


async def test_an_engine_that_dies_refuses_the_file_and_is_started_again(
    bases: Bases, client: aiohttp.ClientSession
) -> None:
    """The file says why, nothing is half indexed, and the next upload gets a new engine."""
    async with console_with_documents(bases) as app:
        await sent(client, app.url, "standards", {"first.txt": STANDARD})
        bases.engine.fail_next.append(EngineError("out of memory"))
        _, text = await sent(client, app.url, "standards", {"second.txt": CHANGED})
        assert "refused, because it was not added: the engine: out of memory" in re.sub(r"\s+", " ", text)
        assert "1 document<" in await page(client, f"{app.url}documents")
        _, text = await sent(client, app.url, "standards", {"second.txt": CHANGED})
        assert "6 clauses" in text

    assert 2 == bases.starts


def add_with_another_model(bases: Bases, name: str, content: bytes) -> None:
    """Add a document as another program does."""
    document, engine = make_document(name, "text", blocks_of(content.decode())), FakeEngine(name="other")
    rows = np.array([engine.vector(clause.text) for clause in document.clauses])
    with closing(SqliteDocuments(bases.folder)) as store:
        store.put("standards", [replace(document, vector=rows[0], clause_vectors=rows)], engine.model)


def models_of(bases: Bases) -> dict[str, int]:
    with closing(SqliteDocuments(bases.folder)) as store:
        return dict(store.models("standards"))


async def test_a_base_of_another_model_is_embedded_again_in_the_background(
    bases: Bases, client: aiohttp.ClientSession
) -> None:
    """Pages show how far it is, a check waits for all of it, and afterwards the base has vectors of one model."""
    async with console_with_documents(bases) as app:
        await sent(client, app.url, "standards", {"standard.txt": STANDARD})
    held = bases.engine = HeldEngine()
    again = "being embedded again with new:32: 0 of 1 document"
    async with console_with_documents(bases) as app:
        await page_once(client, f"{app.url}documents", lambda text: again in text)
        data = form({"same.txt": STANDARD}, csrf=await csrf(client, app.url))
        async with client.post(f"{app.url}documents/checks", data=data) as answer:
            assert again in await answer.text()
            address = str(answer.url)
        held.go_on.set()
        text = await page_once(client, address, lambda text: "data-left" not in text)
        assert ">nothing odd<" in text
        assert "embedded again" not in await page(client, f"{app.url}documents")
        hits = await page(client, f"{app.url}documents?q=each+invoice+within+30+days")
        assert "cosine" in hits

    assert {"new:32": 1} == await asyncio.to_thread(models_of, bases)


async def test_uploads_that_wait_are_bounded(bases: Bases, client: aiohttp.ClientSession) -> None:
    """One is at work and eight wait; the next is refused, and the metrics say so. Later there is room again."""
    held = bases.engine = HeldEngine()
    async with console_with_documents(bases) as app:

        async def answered() -> tuple[int, str]:
            data = form({"a.txt": STANDARD}, csrf=await csrf(client, app.url))
            async with client.post(f"{app.url}documents/checks", data=data) as answer:
                return answer.status, str(answer.url)

        taken = [await answered() for _ in range(9)]
        refused, _ = await answered()
        text = await page(client, f"{app.url}metrics")
        held.go_on.set()
        for _, address in taken:
            await page_once(client, address, lambda text: "data-left" not in text)
        later = await page(client, f"{app.url}metrics")

    assert ([200] * 9, 503) == ([status for status, _ in taken], refused)
    assert "strayline_console_uploads_waiting 9.0" in text.splitlines()
    assert 'strayline_console_let_go_total{what="uploads"} 1.0' in text.splitlines()
    assert "strayline_console_uploads_waiting 0.0" in later.splitlines()
    assert "strayline_console_upload_characters 0.0" in text.splitlines()
    assert "strayline_console_upload_characters 0.0" not in later.splitlines()


async def test_a_search_says_how_much_of_the_base_it_saw(bases: Bases, client: aiohttp.ClientSession) -> None:
    """While a base is embedded again, and never that it holds nothing."""
    async with console_with_documents(bases) as app:
        await sent(client, app.url, "standards", {"standard.txt": STANDARD})
        await page_once(client, f"{app.url}documents?q=invoice", lambda text: "cosine" in text)
        assert "Searched:" not in await page(client, f"{app.url}documents?q=invoice")
    bases.engine = FakeEngine(name="new")
    bases.engine.refuses = "Supplier"
    async with console_with_documents(bases) as app:
        text = await page(client, f"{app.url}documents?q=invoice")

    assert "Searched: 0 of 1 document." in text
    assert "holds no documents" not in text


async def test_a_check_waits_until_the_base_is_whole_again(bases: Bases, client: aiohttp.ClientSession) -> None:
    """Another program with another model has added a standard after the base was read: it is compared with too."""
    async with console_with_documents(bases) as app:
        await sent(client, app.url, "standards", {"standard.txt": STANDARD})
        await sent(client, app.url, "checks", {"same.txt": STANDARD})
        await asyncio.to_thread(add_with_another_model, bases, "changed.txt", CHANGED)
        _, text = await sent(client, app.url, "checks", {"same.txt": CHANGED})
        assert "0 departures from changed.txt" in re.sub(r"\s+", " ", text)

    assert {"fake:32": 2} == await asyncio.to_thread(models_of, bases)


async def test_two_people_upload_at_once(bases: Bases, client: aiohttp.ClientSession) -> None:
    """Both uploads of the same and of other texts end, and the base has each text once."""
    async with console_with_documents(bases) as app:
        await page(client, app.url)
        ends = await asyncio.gather(
            *(
                sent(
                    client, app.url, "standards", {"same.txt": STANDARD, f"own{at}.txt": f"Terms\n\nOf {at}.".encode()}
                )
                for at in range(4)
            )
        )
        assert "5 documents" in await page(client, f"{app.url}documents")

    assert 3 == sum("has this text already" in text for _, text in ends)


async def test_without_a_folder_there_are_no_pages(client: aiohttp.ClientSession) -> None:
    """The room is off unless the console is given bases: no link, no route."""
    async with console(FakeTopics()) as app:
        assert "/documents" not in await page(client, app.url)
        await page(client, f"{app.url}documents", status=404)
