"""Files that are damaged, encrypted, huge, empty or mislabelled, by a seed."""

from __future__ import annotations

import gzip
import random
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import docx
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from tests.support.documents import as_html, as_markdown, as_text, bomb, write_docx, write_pdf

HUGE = 200_000
"""The size limit that `too_large` passes, in bytes."""
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01"
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
Sources = dict[str, bytes]


def write_damaged(folder: Path, seed: int, count: int) -> list[Path]:
    """Write `count` files, each sort in turn, into a folder."""
    folder.mkdir()
    chance = random.Random(seed)
    sources = _sources(folder)
    made = _files(sources, chance)
    paths = []
    for number in range(count):
        name, content = next(made)
        path = folder / f"{number:03}-{name}"
        path.write_bytes(content)
        paths.append(path)
    return paths


def _sources(folder: Path) -> Sources:
    scratch = folder.parent / "sources"
    scratch.mkdir()
    texts = {"a.txt": as_text(), "a.md": as_markdown(), "a.html": as_html()}
    return {
        **{name: text.encode() for name, text in texts.items()},
        "a.docx": write_docx(scratch / "a.docx").read_bytes(),
        "a.pdf": write_pdf(scratch / "a.pdf").read_bytes(),
        "locked.pdf": write_pdf(scratch / "locked.pdf", password="secret").read_bytes(),
        "scan.pdf": _scan(scratch / "scan.pdf"),
        "none.docx": _empty_docx(),
    }


def _files(sources: Sources, chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents without end: each sort in turn."""
    while True:
        for kind in ("a.docx", "a.pdf"):
            for harm in (_cut, _flipped, _zeroed, _doubled):
                yield kind, harm(sources[kind], chance)
        yield "cut.txt", sources["a.txt"][: chance.randrange(1, 60)] + b"\xff\xfe\x00"
        yield "locked.pdf", sources["locked.pdf"]
        yield "locked.docx", OLD_OFFICE
        yield "large.txt", b"word " * (HUGE // 5 + chance.randrange(1, 9))
        yield "bomb.docx", _bomb()
        yield "laughs.docx", _with_entities()
        yield f"empty{chance.choice(['.txt', '.md', '.html', '.pdf', '.docx'])}", b""
        yield "blank.html", b"<html><body>  <script>x()</script></body></html>"
        yield "scan.pdf", sources["scan.pdf"]
        yield "none.docx", sources["none.docx"]
        yield "picture.docx", PNG + chance.randbytes(300)
        yield "packed.txt", gzip.compress(sources["a.txt"])
        yield "page.pdf", sources["a.html"]
        yield "sheet.docx", _archive({"xl/workbook.xml": b"<workbook/>"})
        yield "noise.md", chance.randbytes(chance.randrange(1, 3_000))
        yield "deep.html", b"<html>" + b"<div>" * 20_000 + sources["a.html"].partition(b"<body>")[2]
        yield "latin.txt", "Der Käufer zahlt binnen 30 Tagen.".encode("latin-1")
        # A wrong name with intact content: these are read.
        yield "word.txt", sources["a.docx"]
        yield "pdf.md", sources["a.pdf"]


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) // 10, len(data) - 8)]


def _flipped(data: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(chance.randrange(1, 30)):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def _zeroed(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data) - 100)
    return data[:start] + bytes(100) + data[start + 100 :]


def _doubled(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data) - 50)
    return data[: start + 50] + data[start:]


def _scan(path: Path) -> bytes:
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    canvas.rect(72, 72, 100, 100)
    canvas.showPage()
    canvas.save()
    return path.read_bytes()


def _empty_docx() -> bytes:
    packed = BytesIO()
    docx.Document().save(packed)
    return packed.getvalue()


def _archive(entries: dict[str, bytes]) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _with_entities() -> bytes:
    """Return a Word document whose text is an entity of entities, a billion words when it is expanded."""
    packed = BytesIO()
    source = zipfile.ZipFile(BytesIO(_empty_docx()))
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    document = (
        f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e0 "word ">{levels}]>'
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        "<w:body><w:p><w:r><w:t>&e9;</w:t></w:r></w:p></w:body></w:document>"
    )
    with zipfile.ZipFile(packed, "w") as archive:
        for entry in source.infolist():
            whole = entry.filename != "word/document.xml"
            archive.writestr(entry, source.read(entry) if whole else document.encode())
    return packed.getvalue()


_BOMBS: list[bytes] = []


def _bomb() -> bytes:
    """Return the zip bomb, which is made once."""
    if not _BOMBS:
        _BOMBS.append(bomb())
    return _BOMBS[0]
