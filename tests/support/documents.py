"""Documents for tests: a contract in every format, and files that are damaged in every way."""

from __future__ import annotations

import time
import zipfile
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


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Return once something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
