"""Files to blocks: the five formats read alike, and whatever is not read says why."""

from __future__ import annotations

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import active_children
from multiprocessing.context import SpawnProcess
from pathlib import Path
from threading import Event

import docx
import pytest
from docx.oxml import parse_xml

from daemon.adapters.parsing import FileLimits, ParserProcess, files_below, read_file
from daemon.core.documents import WordedText, compare, split_clauses
from daemon.errors import InputError
from tests.support.documents import CLAUSES, as_text, bomb, docx_with, pdf_with, write_all, write_docx, write_pdf

LIMITS = FileLimits()


def test_five_formats_hold_the_same_text(tmp_path: Path) -> None:
    """txt, md, html, docx and pdf of one contract have no departure from one another."""
    files = [read_file(path, LIMITS) for path in write_all(tmp_path)]
    texts = [WordedText.of(split_clauses(file.blocks)) for file in files]

    assert ["read"] * 5 == [file.status for file in files]
    assert ["text", "markdown", "html", "docx", "pdf"] == [file.format for file in files]
    assert [0.0] * 25 == [compare(one, two).weight for one in texts for two in texts]


@pytest.mark.parametrize(
    ("name", "content", "status", "reason"),
    [
        ("a.txt", b"", "empty", "the file holds nothing"),
        ("a.txt", b" \n\n ", "empty", "holds no text"),
        ("a.html", b"<html><script>x()</script></html>", "empty", "holds no text"),
        ("a.txt", bytes(range(256)), "refused", "is neither text nor a PDF or Word document"),
        ("a.txt", "überall".encode("latin-1"), "refused", "is not UTF-8 at byte 0; save it as UTF-8"),
        ("a.txt", b"bell \x01 ring", "refused", "is not text: it holds control characters"),
        ("a.pdf", b"hello", "refused", "is named .pdf but is not one"),
        ("a.docx", b"hello", "refused", "is named .docx but is not one"),
        ("a.docx", b"PK\x03\x04rest", "refused", "is a damaged archive: File is not a zip file"),
        ("a.docx", bomb(), "refused", "unpacks to more than 209,715,200 bytes"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "refused", "is an old or an encrypted Office file"),
        ("a.pdf", b"%PDF-1.7\nnothing", "refused", "is damaged"),
        ("a.txt", b"x" * 2_001, "refused", "is larger than 2,000 bytes"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, name: str, content: bytes, status: str, reason: str) -> None:
    """A file is read, empty or refused, and the reason is a sentence."""
    (tmp_path / name).write_bytes(content)
    limits = FileLimits(size=2_000) if "larger" in reason else LIMITS

    found = read_file(tmp_path / name, limits)

    assert status == found.status
    assert found.reason.startswith(reason)
    assert () == tuple(found.blocks) or status == "read"


def test_encrypted_pdf_is_refused(tmp_path: Path) -> None:
    """A PDF that needs a password is refused; so is a text that is too long."""
    found = read_file(write_pdf(tmp_path / "a.pdf", password="secret"), LIMITS)
    (tmp_path / "long.txt").write_text("word " * 100)

    assert ("refused", "is encrypted and needs a password") == (found.status, found.reason)
    assert "refused" == read_file(tmp_path / "long.txt", FileLimits(characters=99)).status


def test_tracked_changes_count_as_accepted(tmp_path: Path) -> None:
    """Inserted text is read, deleted text is not, and a remark says so; tables are read too."""
    document = docx.Document()
    paragraph = document.add_paragraph("You ")
    paragraph._p.append(
        parse_xml(
            '<w:ins xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:r><w:t>may</w:t></w:r></w:ins>'
        )
    )
    paragraph._p.append(
        parse_xml(
            '<w:del xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
            "<w:r><w:delText>shall</w:delText></w:r></w:del>"
        )
    )
    document.add_table(1, 1).cell(0, 0).text = "Fee"
    document.save(str(tmp_path / "a.docx"))

    found = read_file(tmp_path / "a.docx", LIMITS)

    assert (["You may", "Fee"], "has tracked changes, which are read as accepted") == (
        [block.text for block in found.blocks],
        found.reason,
    )


def test_damaged_files_never_end_the_parser(tmp_path: Path) -> None:
    """Of 60 damaged copies of a docx and a pdf each is read, empty or refused, with a reason unless it was read."""
    chance = random.Random(7)
    sources = [write_docx(tmp_path / "a.docx").read_bytes(), write_pdf(tmp_path / "a.pdf").read_bytes()]
    for number in range(60):
        damaged = bytearray(chance.choice(sources))
        for _ in range(chance.randrange(1, 30)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path = tmp_path / "damaged"
        path.write_bytes(damaged[: chance.randrange(1, len(damaged)) if number % 3 == 0 else len(damaged)])
        found = read_file(path, LIMITS)

        assert found.status in ("read", "empty", "refused")
        assert found.status == "read" or found.reason


_WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
_ONE = f"<w:document {_WORD}><w:body><w:p><w:r><w:t>%s</w:t></w:r></w:p></w:body></w:document>"
_TEXT = b"BT /F1 9 Tf 9 9 Td (one line of text) Tj ET\n"


def test_small_files_that_unpack_to_much_are_refused_within_the_memory() -> None:
    """Each file is refused with a reason, in a process that takes less than half of its memory; the next one is read.

    An archive states too small a size, entities hold entities, elements are nested, a page's content is huge.
    """
    hostile = {
        "states 1,000 bytes.docx": docx_with(b" " * (300 << 20), stated=1_000),
        "entities.docx": docx_with(f'<!DOCTYPE x [<!ENTITY e0 "ha">{_ENTITIES}]>{_ONE % "&e9;"}'.encode()),
        "nested.docx": docx_with((_ONE % ("<w:r>" * 100_000 + "</w:r>" * 100_000)).encode()),
        "content.pdf": pdf_with(_TEXT * 20_000, 1_200),
    }
    with ParserProcess(LIMITS) as parser:
        before = parser.read_bytes("small.pdf", pdf_with(_TEXT, 1))
        found = {name: parser.read_bytes(name, data) for name, data in hostile.items()}
        assert parser._process is not None
        status = Path(f"/proc/{parser._process.pid}/status").read_text(encoding="ascii")
        after = parser.read_bytes("a.txt", as_text().encode())

    assert ("read", "read") == (before.status, after.status)
    assert dict.fromkeys(hostile, "refused") == {name: file.status for name, file in found.items()}
    assert all(file.reason for file in found.values())
    assert int(status.partition("VmHWM:")[2].split()[0]) << 10 < LIMITS.memory // 2


def test_a_parser_that_hangs_or_dies_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beyond the time limit is refused, one that ends the process too, and the next file is read."""
    good, pipe = tmp_path / "good.txt", tmp_path / "pipe"
    good.write_text(as_text())
    os.mkfifo(pipe)  # reading it waits forever
    with ParserProcess(FileLimits(seconds=1.0)) as parser:
        began = time.monotonic()
        hanging, then = parser.read(pipe), parser.read(good)
        assert parser._process is not None
        parser._process.kill()
        parser._process.join()
        dead, last = parser.read(good), parser.read(good)

    assert ("refused", "takes longer than 1 s to read") == (hanging.status, hanging.reason)
    assert time.monotonic() - began < 60
    assert ("read", "read") == (then.status, last.status)
    assert ("refused", "ends its parser") == (dead.status, dead.reason)


def test_a_parser_that_is_closed_while_it_starts_refuses_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may close it between the process's making and its first answer."""
    starting, start = Event(), SpawnProcess.start

    def slow(process: SpawnProcess) -> None:
        starting.set()
        time.sleep(0.1)
        start(process)

    monkeypatch.setattr(SpawnProcess, "start", slow)
    parser = ParserProcess()
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(parser.read_bytes, "a.txt", b"1. A clause.")
        assert starting.wait(60)
        parser.close()
        answer = read.result(60)
    parser.close()

    assert ("refused", "ends its parser") == (answer.status, answer.reason)
    assert [] == [child for child in active_children() if isinstance(child, SpawnProcess)]


def test_files_below_folders(tmp_path: Path) -> None:
    """Folders give their files in order, hidden ones aside; a path that is not there is an error."""
    for name in ("b.txt", "sub/a.txt", ".hidden", ".git/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(CLAUSES[0])

    assert ["b.txt", "sub/a.txt"] == [str(path.relative_to(tmp_path)) for path in files_below([tmp_path])]
    with pytest.raises(InputError, match="no such file or folder"):
        list(files_below([tmp_path / "none"]))
