"""Word documents by python-docx: every paragraph in order, also of tables, text boxes, content controls and notes.

Text of tracked insertions counts, that of tracked deletions does not: a document is what it becomes when all changes
are accepted. A remark says that it has such changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import docx
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import qn

from daemon.core.documents import Block

_HEADING = re.compile(r"heading\s*(\d)")
_NOTES = (RELATIONSHIP_TYPE.FOOTNOTES, RELATIONSHIP_TYPE.ENDNOTES)
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"


def parse(data: bytes) -> tuple[list[Block], str]:
    """Return the blocks of a document in order, and a remark where it has tracked changes."""
    document = docx.Document(BytesIO(data))
    levels = {style.style_id: _level(style.name or "") for style in document.styles}
    body = document.element.body
    blocks = list(_blocks(body, levels))
    for relation in document.part.rels.values():
        if relation.reltype in _NOTES and not relation.is_external:
            blocks += _blocks(parse_xml(relation.target_part.blob), levels)
    tracked = body.find(f".//{qn('w:ins')}") is not None or body.find(f".//{qn('w:del')}") is not None
    return blocks, "has tracked changes, which are read as accepted" if tracked else ""


def _blocks(root: Any, levels: dict[str, int | None]) -> Iterator[Block]:
    for paragraph in root.iter(qn("w:p")):
        if any(ancestor.tag == _FALLBACK for ancestor in paragraph.iterancestors()):
            continue
        text = _text(paragraph)
        if text.strip():
            style = paragraph.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
            yield Block(text.strip(), levels.get(style.get(qn("w:val"))) if style is not None else None)


def _text(paragraph: Any) -> str:
    """Return a paragraph's text; that of a text box inside it is a paragraph of its own."""
    parts = []
    for node in paragraph.iter(qn("w:t"), qn("w:tab"), qn("w:br"), qn("w:cr"), qn("w:noBreakHyphen")):
        if next(node.iterancestors(qn("w:p"))) is not paragraph:
            continue
        if node.tag == qn("w:t"):
            parts.append(node.text or "")
        elif node.tag == qn("w:noBreakHyphen"):
            parts.append("-")
        elif node.getparent().tag == qn("w:r"):
            parts.append("\t" if node.tag == qn("w:tab") else "\n")
    return "".join(parts)


def _level(style: str) -> int | None:
    name = style.lower()
    match = _HEADING.match(name)
    return int(match[1]) if match else 1 if name == "title" else None
