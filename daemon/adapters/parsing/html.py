"""HTML by selectolax: the text of each block element is a block, headings have their level."""

from __future__ import annotations

from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from daemon.core.documents import Block

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark q s samp small span strike strong"  # noqa: SIM905
    " sub sup time tt u var wbr".split()
)
_UNSEEN = ("script", "style", "noscript", "template", "head", "nav", "svg", "iframe", "object")


def parse(data: bytes) -> tuple[list[Block], str]:
    """Return the blocks of a page in order."""
    tree = LexborHTMLParser(data)
    tree.strip_tags(list(_UNSEEN))
    return [Block(text, level) for text, level in _runs(tree) if text], ""


def _runs(tree: LexborHTMLParser) -> Iterator[tuple[str, int | None]]:
    """Yield the text of each run of text nodes that are in one block element, and the heading's level."""
    if tree.root is None:
        return
    parts: list[str] = []
    owner, level = -1, None
    for node in tree.root.traverse(include_text=True):
        if node.tag == "br":
            parts.append("\n")
            continue
        if node.tag != "-text":
            continue
        block = _block(node)
        if block.mem_id != owner:
            yield _tidy(parts), level
            parts, owner, level = [], block.mem_id, _HEADINGS.get(block.tag or "")
        text = node.text_content or ""
        parts.append(text if block.tag == "pre" else " ".join(["", *text.split(), ""]) if text.strip() else " ")
    yield _tidy(parts), level


def _tidy(parts: list[str]) -> str:
    return "\n".join(" ".join(line.split()) for line in "".join(parts).split("\n")).strip()


def _block(node: LexborNode) -> LexborNode:
    """Return the nearest element around a text that is not an inline element."""
    element = node.parent
    while element is not None and element.tag in _INLINE and element.parent is not None:
        element = element.parent
    return element if element is not None else node
