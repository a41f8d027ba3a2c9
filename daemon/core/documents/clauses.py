"""A document as clauses: by headings and numbering, each with the headings above it.

The parsers give blocks: paragraphs, and headings where the format knows them. Plain text and PDF have none, so a short
line that stands alone and reads like a title counts as one. A numbering label (``4.2``, ``(b)``, ``§ 3``, a bullet)
begins a clause and is not part of its text, so renumbering is not a change. A paragraph that is only a label is the
label of the next paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from daemon.core.documents.numbering import LABEL, numbered_lines, ordinals

_BLANK = re.compile(r"\n[ \t]*\n")
_ENDS = re.compile(r"[.;:,!?\u3002\uff1b\uff1a\uff0c]\s*$")
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
_TITLE_LENGTH = 90


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph or heading as a parser found it. `level` is the heading's, 1 the highest; None for a paragraph."""

    text: str
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause: its text without its label, and the headings above it, the highest first."""

    text: str
    label: str = ""
    path: tuple[str, ...] = ()
    heading: bool = False

    @property
    def place(self) -> str:
        """Where the clause stands, for people: its headings and its label."""
        return " > ".join(part for part in (*self.path, self.label) if part)


def blocks_of(text: str) -> list[Block]:
    """Return the blocks of plain text: paragraphs between blank lines, and lines that read like a heading."""
    pieces = [piece.strip("\n") for piece in _BLANK.split(text.replace("\r\n", "\n").replace("\r", "\n"))]
    return [Block(piece, 1 if _is_title(piece) else None) for piece in pieces if piece.strip()]


def split_clauses(blocks: Sequence[Block]) -> list[Clause]:
    """Return the clauses of a document in order. Only labels are left out."""
    clauses: list[Clause] = []
    path: list[tuple[int, str]] = []
    seen: dict[str, int] = {}
    for block in _with_labels(blocks):
        if block.level is not None:
            label, title = _unlabelled(" ".join(block.text.split()))
            path = [above for above in path if above[0] < block.level]
            clauses.append(Clause(title, label, tuple(name for _, name in path), heading=True))
            path.append((block.level, title or label))
            continue
        names = tuple(name for _, name in path)
        for piece in _pieces(block.text, seen):
            label, rest = _unlabelled(piece)
            clauses.append(Clause(rest.strip(), label, names) if rest.strip() else Clause(label, "", names))
    return [clause for clause in clauses if clause.text]


def _with_labels(blocks: Sequence[Block]) -> Iterator[Block]:
    """Yield the blocks, each paragraph that is only a label joined with the block after it, if that has none."""
    label = ""
    for block in blocks:
        if label and not _unlabelled(block.text)[0]:
            yield replace(block, text=f"{label} {block.text.lstrip()}")
            label = ""
            continue
        if label:
            yield Block(label)
        label = block.text.strip() if block.level is None and _is_label(block.text) else ""
        if not label:
            yield block
    if label:
        yield Block(label)


def _pieces(paragraph: str, seen: dict[str, int]) -> Iterator[str]:
    """Yield the parts of a paragraph: a line that begins with the next label of its style begins a part.

    `seen` has the last number of each style in the document, and is kept up to date.
    """
    lines = paragraph.split("\n")
    listed = numbered_lines(lines)
    part: list[str] = []
    for number, line in enumerate(lines):
        labels = ordinals(line)
        follows = number in listed or any(
            style == "•" or value in (1, seen.get(style, -2) + 1) for style, value in labels.items()
        )
        if part and follows:
            yield "\n".join(part)
            part = []
        if follows or not number:
            seen.update(labels)
        part.append(line)
    if part:
        yield "\n".join(part)


def _unlabelled(text: str) -> tuple[str, str]:
    match = LABEL.match(text)
    if match is None:
        return "", text
    return " ".join(match["label"].split()), text[match.end() :]


def _is_label(text: str) -> bool:
    """Return whether a paragraph is only a label. A bare number, such as a table's amount, is not one."""
    return not _unlabelled(f"{text.strip()} ")[1] and _NUMBER.fullmatch(text.strip()) is None


def _is_title(piece: str) -> bool:
    """Return whether a paragraph of plain text reads like a heading: one short line, no end of a sentence, capitals."""
    text = piece.strip()
    if "\n" in text or len(text) > _TITLE_LENGTH or _ENDS.search(text):
        return False
    words = re.findall(r"[^\W\d_]+", _unlabelled(text)[1])
    if not words:
        return False
    long = [word for word in words if len(word) > 3] or words
    return len(words) <= 12 and sum(word[0].isupper() for word in long) * 10 >= len(long) * 7
