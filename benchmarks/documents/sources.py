"""The texts of the protocols, read from unpacked packages; and a text as a Word document or PDF and back."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape
from zlib import crc32

import docx
import orjson
import yaml
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Paragraph, SimpleDocTemplate

from daemon.adapters.parsing import FileLimits, read_file
from daemon.core.documents import Block

SMALLEST = 3_000
HALVES = ("development", "held-out")
_LATIN = re.compile("[\u0000-\u024f\u2000-\u22ff]*")


def read_licences(folder: Path) -> dict[str, str]:
    """Return the licence texts above 3 kB of the npm package spdx-license-list by id."""
    texts = {}
    for path in sorted((folder / "licenses").glob("*.json")):
        text = orjson.loads(path.read_bytes())["licenseText"]
        if len(text) > SMALLEST:
            texts[path.stem] = text
    if not texts:
        sys.exit(f"{folder}: holds no licence texts; unpack the npm package spdx-license-list there")
    return texts


def half_of(name: str) -> str:
    """Return the half that a licence's family belongs to."""
    return HALVES[crc32(re.split(r"[-\d.]", name)[0].encode()) % 2]


def read_rules(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield name, licence and text of each rule of the PyPI package licensedcode-data that is a whole text."""
    for path in sorted((folder / "licensedcode" / "data" / "rules").glob("*.RULE")):
        head, text = _front_matter(path)
        if head.get("is_license_text") and isinstance(head.get("license_expression"), str):
            yield path.stem, str(head["license_expression"]), text


def read_language(folder: Path, language: str) -> dict[str, str]:
    """Return the licence texts above 3 kB, as UTF-8, of the package licensedcode-data in a language by name."""
    texts = {}
    for path in sorted((folder / "licensedcode" / "data" / "licenses").glob("*.LICENSE")):
        head, text = _front_matter(path)
        if str(head.get("language", "en")).split("-")[0] == language and len(text.encode()) > SMALLEST:
            texts[path.stem] = text
    return texts


def _front_matter(path: Path) -> tuple[dict[str, object], str]:
    parts = path.read_text(encoding="utf-8", errors="replace").split("---\n", 2)
    if len(parts) < 3:
        return {}, ""
    head = yaml.safe_load(parts[1])
    return (head if isinstance(head, dict) else {}), parts[2].strip("\n")


def there_and_back(text: str, folder: Path) -> list[tuple[str, list[Block]]]:
    """Return the text as a Word document and as a PDF, read again."""
    paragraphs = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    written = docx.Document()
    for part in paragraphs:
        written.add_paragraph("".join(c for c in part if c.isprintable() or c in "\n\t"))
    written.save(str(folder / "a.docx"))
    kinds = ["docx"]
    if _LATIN.fullmatch(text):
        style = ParagraphStyle("text", fontName=font_of(text))
        pdf = SimpleDocTemplate(str(folder / "a.pdf"))
        pdf.build([Paragraph(escape(" ".join(part.split())), style) for part in paragraphs])
        kinds.append("pdf")
    files = [(kind, read_file(folder / f"a.{kind}", FileLimits())) for kind in kinds]
    return [(kind, list(file.blocks)) for kind, file in files if file.status == "read"]


def font_of(text: str) -> str:
    """Return the font of a PDF that holds all characters of a text: a PDF's own for ASCII, DejaVu Sans for all else."""
    if text.isascii():
        return "Helvetica"
    registerFont(TTFont("DejaVuSans", "DejaVuSans.ttf"))
    return "DejaVuSans"
