"""Markdown by markdown-it-py: CommonMark with tables. HTML inside it is read as HTML."""

from __future__ import annotations

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from daemon.adapters.parsing import html
from daemon.core.documents import Block


def parse(data: bytes) -> tuple[list[Block], str]:
    """Return the blocks of a text in order."""
    tokens = MarkdownIt("commonmark").enable("table").parse(data.decode())
    blocks: list[Block] = []
    level: int | None = None
    for token in tokens:
        if token.type == "heading_open":
            level = int(token.tag.removeprefix("h"))
        elif token.type == "heading_close":
            level = None
        elif token.type == "inline":
            blocks.append(Block(_inline(token.children or []), level))
        elif token.type in ("fence", "code_block"):
            blocks.append(Block(token.content.strip("\n")))
        elif token.type == "html_block":
            blocks += html.parse(token.content.encode())[0]
    return [block for block in blocks if block.text.strip()], ""


def _inline(children: Sequence[Token]) -> str:
    parts = []
    for child in children:
        if child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "image" or child.type in ("text", "code_inline"):
            parts.append(child.content)
    return "".join(parts)
