"""Documents for tests: a contract in every format, and files that are damaged in every way."""

from __future__ import annotations

import time
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import docx
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

TITLE = "Service agreement"
CLAUSES = (
    "The Supplier shall deliver the service to the Customer without interruption.",
    "The Customer must pay each invoice within 30 days after it was received.",
    "The Supplier indemnifies the Customer against claims of third parties.",
    "Liability is limited to 10,000 EUR, except in cases of gross negligence.",
    "Either party may terminate the agreement with a notice of three months.",
)


def as_text(clauses: tuple[str, ...] = CLAUSES, title: str = TITLE) -> str:
    return "\n\n".join([title.upper(), *(f"{number}. {clause}" for number, clause in enumerate(clauses, 1))]) + "\n"


def as_markdown(clauses: tuple[str, ...] = CLAUSES) -> str:
    return "\n\n".join([f"# {TITLE}", *(f"{number}. {clause}" for number, clause in enumerate(clauses, 1))])


def as_html(clauses: tuple[str, ...] = CLAUSES) -> str:
    parts = "".join(f"<p><b>{number}.</b> {clause}</p>" for number, clause in enumerate(clauses, 1))
    return f"<!doctype html><html><head><title>x</title></head><body><h1>{TITLE}</h1>{parts}</body></html>"


def write_docx(path: Path, clauses: tuple[str, ...] = CLAUSES) -> Path:
    document = docx.Document()
    document.add_heading(TITLE, 1)
    for number, clause in enumerate(clauses, 1):
        document.add_paragraph(f"{number}. {clause}")
    document.save(str(path))
    return path


def write_pdf(path: Path, clauses: tuple[str, ...] = CLAUSES, password: str | None = None) -> Path:
    canvas = Canvas(str(path), pagesize=A4, invariant=True, encrypt=password)
    text = canvas.beginText(72, 760)
    for line in as_text(clauses).split("\n"):
        text.textLine(line)
    canvas.drawText(text)
    canvas.showPage()
    canvas.save()
    return path


def write_all(folder: Path) -> list[Path]:
    """Write the contract in all five formats."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("a.txt", as_text()), ("a.md", as_markdown()), ("a.html", as_html())):
        (folder / name).write_text(text, encoding="utf-8")
    return [
        *(folder / f"a.{kind}" for kind in ("txt", "md", "html")),
        write_docx(folder / "a.docx"),
        write_pdf(folder / "a.pdf"),
    ]


def bomb() -> bytes:
    """Return a small docx that unpacks to 300 MB."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("word/document.xml", "w") as entry:
        for _ in range(300):
            entry.write(b" " * (1 << 20))
    return packed.getvalue()


def docx_with(xml: bytes, *, stated: int | None = None) -> bytes:
    """Return a docx whose main part is `xml`; the archive states that it has `stated` bytes."""
    whole, packed = BytesIO(), BytesIO()
    docx.Document().save(whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            archive.writestr(name, xml if name == "word/document.xml" else source.read(name))
    data = bytearray(packed.getvalue())
    if stated is not None:
        entry = data.rindex(b"PK\x01\x02", 0, data.rindex(b"word/document.xml"))
        data[entry + 24 : entry + 28] = stated.to_bytes(4, "little")
    return bytes(data)


def pdf_with(content: bytes, times: int) -> bytes:
    """Return a PDF of one page whose packed content is `content` so many times."""
    packer = zlib.compressobj(9)
    packed = b"".join([*(packer.compress(content) for _ in range(times)), packer.flush()])
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(packed), packed),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    written, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(b"%010d 00000 n \n" % len(written))
        written += b"%d 0 obj%s endobj\n" % (number, part)
    table = b"xref\n0 6\n0000000000 65535 f \n%strailer\n<</Size 6/Root 1 0 R>>" % b"".join(places)
    return written + table + b"\nstartxref\n%d\n%%%%EOF\n" % len(written)


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Return once something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
